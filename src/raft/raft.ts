/**
 * One replica of one group: the whole core behind one class. Messages, ticks and random numbers go in;
 * messages, writes, committed entries and read states come out of `ready()`. It does no I/O and never throws
 * on what a peer sends; an `AssertionError` means a bug here or a host that broke the contract of DESIGN.md.
 */

import { assert } from '../base/assert.ts'
import type {
  MembershipRefusal,
  MembershipResult,
  ProposeRefusal,
  ProposeResult,
  RaftOptions,
  RaftStatus,
  ReadResult,
  TransferResult,
} from './api.ts'
import { checkConfig } from './config.ts'
import { campaign, isLeaderAlive, suspectLeader } from './election.ts'
import { ENTRY_OVERHEAD_BYTES, isPosition } from './entry.ts'
import type { Entry, ReplicaId, SnapshotMetadata } from './entry.ts'
import {
  appendConfiguration,
  appendEntry,
  hasCommittedOwnTerm,
  noteDurable,
  noteKnownCommitted,
} from './leader.ts'
import { applyChange } from './membership.ts'
import type { Configuration, MembershipChange } from './membership.ts'
import type { Message } from './message.ts'
import { noteAvailable, retireFromLeading } from './disk.ts'
import { quiesceGroup, wakeUp } from './quiescence.ts'
import { isRoundDue, sendReadRequests, startRead } from './reads.ts'
import type { Leadership, Ready, Role, StorageWrite } from './ready.ts'
import { noteCommitted } from './removal.ts'
import { noteSnapshotSent, noteUnreachable, sendAll } from './replication.ts'
import type { LeaderRole } from './role.ts'
import { becomeFollower } from './roles.ts'
import { ELECTION_PRIORITY_MAX, ReplicaState } from './state.ts'
import { describeReplica } from './status.ts'
import { deliver, stepMessage } from './step.ts'
import { tickReplica } from './tick.ts'
import { startTransfer } from './transfer.ts'

export type * from './api.ts'

export class Raft {
  readonly #state: ReplicaState
  #reported: Leadership

  /** Throws DATA_CORRUPT if the state machine has applied more than the log holds. */
  constructor(options: RaftOptions) {
    checkConfig(options.config)
    this.#state = new ReplicaState(options)
    becomeFollower(this.#state, this.#state.term, null)
    this.#state.resetElectionTimer()
    this.#reported = this.#leadership()
    // It may have been stopped between its removal and its destruction.
    noteCommitted(this.#state)
  }

  // Inputs: time and messages.

  /** One unit of time has passed. */
  tick(): void {
    tickReplica(this.#state)
    this.#settle()
  }

  /** A message came in. What does not hold together is dropped and counted, never thrown at. */
  step(message: Message): void {
    stepMessage(this.#state, message)
    this.#settle()
  }

  // Inputs: what clients and operators want.

  /** Appends commands, in order, all or none. Refused anywhere but at the leader. */
  propose(commands: readonly Uint8Array[]): ProposeResult {
    assert(commands.length > 0, 'nothing is proposed')
    const { role } = this.#state
    if (role.kind !== 'leader') return this.#refuse('not-leader')
    if (role.transfer !== null) return this.#refuse('transferring')
    const sizeBytes = sizeOf(commands)
    const { bytes } = role.uncommitted
    if (bytes > 0 && bytes + sizeBytes > this.#state.config.uncommittedBytesMax)
      return this.#refuse('uncommitted-limit')
    wakeUp(this.#state)
    const firstIndex = this.#state.log.lastIndex + 1
    for (const command of commands) appendEntry(this.#state, role, 'command', command)
    const { lastIndex } = this.#state.log
    role.uncommitted.add(lastIndex, sizeBytes)
    return { accepted: true, term: this.#state.term, firstIndex, lastIndex }
  }

  #refuse(reason: ProposeRefusal): ProposeResult {
    const refusal = this.#state.diskStalled ? 'disk-stalled' : reason
    return { accepted: false, reason: refusal, leader: this.#state.leader }
  }

  /** Appends the next configuration, in force at once. One change at a time (§6, thesis 4.1). */
  proposeMembership(change: MembershipChange): MembershipResult {
    const { role, log, configuration } = this.#state
    if (role.kind !== 'leader') return this.#refuseMembership('not-leader', 'this replica does not lead')
    if (role.transfer !== null)
      return this.#refuseMembership('transferring', 'the leadership is being handed over')
    // Without it, changes of two leaders could be made by majorities that do not meet (the bug found in thesis 4.1).
    if (!hasCommittedOwnTerm(this.#state, role))
      return this.#refuseMembership('term-not-committed', 'the leader has committed nothing in its term yet')
    if (configuration.index > log.commit)
      return this.#refuseMembership(
        'change-in-progress',
        `the change at ${configuration.index} is not committed`,
      )
    const outcome = applyChange(configuration, change, { index: log.lastIndex + 1, term: this.#state.term })
    if (!outcome.ok) return this.#refuseMembership('invalid', outcome.detail)
    wakeUp(this.#state)
    appendConfiguration(this.#state, role, outcome.configuration)
    const { term } = this.#state
    return { accepted: true, term, index: log.lastIndex, configuration: outcome.configuration }
  }

  #refuseMembership(reason: MembershipRefusal, detail: string): MembershipResult {
    const refusal = this.#state.diskStalled ? 'disk-stalled' : reason
    return { accepted: false, reason: refusal, detail, leader: this.#state.leader }
  }

  /**
   * Asks for an index at which a read is linearizable, at a leader or a follower; the answer comes in
   * `readStates` or `readFailures`. `context` is the caller's own number for it. `nowMs`: monotonic clock, read
   * now; only a leader with leases uses it.
   */
  requestRead(context: number, nowMs?: number): ReadResult {
    wakeUp(this.#state)
    return startRead(this.#state, context, nowMs)
  }

  /** Hands the leadership to the voter on this member, or gives up after an election timeout (thesis 3.10). */
  transferLeadership(to: number): TransferResult {
    wakeUp(this.#state)
    return startTransfer(this.#state, to)
  }

  /**
   * Campaigns without waiting for the timeout; beginning with a pre-vote, so nobody is disturbed in vain. With leases,
   * only when the timeout of a live leader is over: its own vote would break the lease that it supports.
   */
  campaign(): void {
    if (this.#state.role.kind === 'leader') return
    if (this.#state.config.lease !== null && isLeaderAlive(this.#state)) return
    wakeUp(this.#state)
    campaign(this.#state)
    this.#settle()
  }

  /** Puts the group to sleep, if this is the leader of an idle one. Whether it did. */
  quiesce(): boolean {
    const { role } = this.#state
    return role.kind === 'leader' && quiesceGroup(this.#state, role)
  }

  /** Ends the sleep of this replica, and by asking the leader that of the group. */
  wake(): void {
    wakeUp(this.#state)
  }

  /** 0 to 3; counts from the next election on. */
  setElectionPriority(priority: number): void {
    assert(isPosition(priority) && priority <= ELECTION_PRIORITY_MAX, 'an election priority is 0 to 3')
    this.#state.electionPriority = priority
  }

  // Inputs: what the host tells of network and disk.

  /** The host failed to deliver messages to this member: a leader probes it, and a follower that it leads gets ready to replace it. */
  reportUnreachable(id: number): void {
    if (this.#state.role.kind === 'leader') noteUnreachable(this.#state.role, id)
    else if (this.#state.leader?.id === id) suspectLeader(this.#state)
  }

  /** How sending the snapshot to this member ended. Has to be told for each `snapshot-request`. */
  reportSnapshot(id: number, outcome: 'sent' | 'failed'): void {
    if (this.#state.role.kind === 'leader') noteSnapshotSent(this.#state.role, id, outcome)
  }

  /** A disk write is overdue: a leader gives up its leadership, and this replica does not campaign. */
  reportDiskStalled(): void {
    retireFromLeading(this.#state)
  }

  reportDiskRecovered(): void {
    noteAvailable(this.#state)
  }

  /** The write with this number is durable. In any order, each number once. */
  appended(writeNumber: number): void {
    const { log, outbox } = this.#state
    log.completeWrite(writeNumber)
    outbox.release(log.writes.durableNumber)
    const { role } = this.#state
    if (role.kind === 'leader') noteDurable(this.#state, role)
    this.#settle()
  }

  /** Committed entries up to `index` are applied. */
  applied(index: number): void {
    this.#state.log.appliedTo(index)
  }

  /** The state machine turns out to have applied entries up to `index` before this replica was started: they are committed. */
  knownCommitted(index: number): void {
    noteKnownCommitted(this.#state, index)
    this.#settle()
  }

  /**
   * Entries up to `index`, which is applied, are not needed any more. The host may drop them from storage as soon
   * as this returns, and keeps what it returns as the log's base. Null if there is nothing to drop.
   */
  compact(index: number): SnapshotMetadata | null {
    return this.#state.log.compact(index)
  }

  /**
   * Describes a snapshot of the state machine at `index`, which is applied. Null if there can be none at the moment:
   * the log has moved on beyond it (another snapshot is being installed), or does not know who takes part yet.
   */
  snapshotMetadata(index: number): SnapshotMetadata | null {
    return this.#state.log.describe(index)
  }

  // Outputs.

  /** Whether `ready()` would give anything. */
  hasReady(): boolean {
    const state = this.#state
    return (
      state.outbox.hasMessages ||
      state.readStates.length > 0 ||
      state.readFailures.length > 0 ||
      state.followerReads.hasArrived ||
      state.log.hasCommitted() ||
      (state.hasUnwritten() && !state.log.writeMustWait()) ||
      (state.role.kind === 'leader' && hasToSend(state, state.role)) ||
      this.#isLeadershipNews()
    )
  }

  /** Everything there is to do since the last call. `nowMs`: monotonic clock, read now; for leases only. */
  ready(nowMs?: number): Ready {
    const state = this.#state
    if (state.role.kind === 'leader') sendAll(state, state.role, nowMs)
    else sendReadRequests(state)
    const write = this.#takeWrite()
    const committed = state.log.takeCommitted()
    const { readStates, readFailures } = state.takeReads()
    const leadership = this.#takeLeadership()
    return { messages: state.outbox.takeMessages(), write, committed, readStates, readFailures, leadership }
  }

  #takeWrite(): StorageWrite | null {
    const { log } = this.#state
    if (!this.#state.hasUnwritten() || log.writeMustWait()) return null
    const { number, snapshot, entries } = log.takeWrite()
    return { number, hardState: this.#state.takeHardState(number), snapshot, entries }
  }

  #leadership(): Leadership {
    const { role, term, leader, removed } = this.#state
    return { role: role.kind, term, leader, removed }
  }

  #isLeadershipNews(): boolean {
    const { role, term, leader, removed } = this.#reported
    const state = this.#state
    if (role !== state.role.kind || term !== state.term || removed !== state.removed) return true
    return leader?.id !== state.leader?.id || leader?.generation !== state.leader?.generation
  }

  #takeLeadership(): Leadership | null {
    if (!this.#isLeadershipNews()) return null
    this.#reported = this.#leadership()
    return this.#reported
  }

  status(): RaftStatus {
    return describeReplica(this.#state)
  }

  get role(): Role {
    return this.#state.role.kind
  }

  get term(): number {
    return this.#state.term
  }

  get leader(): ReplicaId | null {
    return this.#state.leader
  }

  get commit(): number {
    return this.#state.log.commit
  }

  /** Whether the group is asleep: no ticks are needed. */
  get quiesced(): boolean {
    return this.#state.quiesced
  }

  /** The configuration in force: the newest in the log, committed or not (thesis 4.1). */
  get configuration(): Configuration {
    return this.#state.configuration
  }

  /** Entries from `from` up to and without `to`, as far as they are at hand: for consoles, traces and tests. */
  entries(from: number, to: number): readonly Entry[] {
    const { log } = this.#state
    const end = Math.min(to, log.lastIndex + 1)
    const found: Entry[] = []
    let next = Math.max(from, log.baseIndex + 1)
    while (next < end) {
      const entries = log.entries(next, end, Infinity)
      if (entries.length === 0) break
      found.push(...entries)
      next += entries.length
    }
    return found
  }

  /** Takes what this replica promised to itself and may count now. */
  #settle(): void {
    if (!this.#state.outbox.hasToSelf) return
    for (const message of this.#state.outbox.takeToSelf())
      if (message.term === this.#state.term) deliver(this.#state, message)
    this.#settle()
  }
}

function hasToSend(state: ReplicaState, role: LeaderRole): boolean {
  return role.sendDue || role.heartbeatDue || isRoundDue(state, role)
}

function sizeOf(commands: readonly Uint8Array[]): number {
  let sizeBytes = commands.length * ENTRY_OVERHEAD_BYTES
  for (const command of commands) sizeBytes += command.length
  return sizeBytes
}
