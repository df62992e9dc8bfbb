/**
 * The log of one group on this member: its replica through all of its lives, and what clients of the group hear of it.
 *
 *                 a leader's message                 the journal refused a write
 *   ┌────────┐ ───────────────────────▶ ┌─────────┐ ────────────────────────▶ ┌──────┐
 *   │ absent │                          │ running │                           │ down │
 *   └────────┘ ◀─────────────────────── └─────────┘ ◀──────────────────────── └──────┘
 *                 removed, with a tombstone          a pause later, or when somebody needs it
 */

import { assert, must } from '../base/assert.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { GroupLog } from '../journal/group-log.ts'
import type { MembershipResult, TransferResult } from '../raft/api.ts'
import type { RaftConfig } from '../raft/config.ts'
import type { Entry, SnapshotMetadata } from '../raft/entry.ts'
import type { Configuration, MembershipChange } from '../raft/membership.ts'
import { EMPTY_CONFIGURATION, members } from '../raft/membership.ts'
import type { Message, SnapshotRequest } from '../raft/message.ts'
import type { Leadership } from '../raft/ready.ts'
import { admit } from '../raft/tombstone.ts'
import type { CommitLog, LogPosition } from './commit-log.ts'
import type { GroupLeadership } from './leadership.ts'
import { NO_LEADERSHIP, NotLeaderError } from './leadership.ts'
import { LeadWaiters } from './lead-waiters.ts'
import type { GroupLimits } from './limits.ts'
import type { LogOrigin } from './log-origin.ts'
import { compactableIndex } from './log-tail.ts'
import { baseOf, encodeOrigin, findOrigin, writeOrigin } from './log-origin.ts'
import { PendingProposal } from './pending-proposal.ts'
import { ReadIndexes, type ReadReceiver } from './read-indexes.ts'
import { Replica } from './replica.ts'

export interface RaftLogEvents {
  /** `commitIndex` has moved, and nobody has heard of it yet. */
  committing(): void
  committed(): void
  leadershipChanged(now: GroupLeadership, before: GroupLeadership): void
  installSnapshot(snapshot: SnapshotMetadata, replaceLog: () => Promise<void>): Promise<void>
  offerSnapshot(): SnapshotMetadata | null
  /** The log should be kept from here on, for those who are being sent a snapshot; null if nobody is. */
  retainedFrom(): number | null
  sendSnapshot(request: SnapshotRequest): void
  /** The snapshot whose file is in place already, although the log may not begin after it. */
  installedSnapshot(): SnapshotMetadata | null
  /** The group goes on without this member. */
  removed(): void
}

export interface RaftLogOptions {
  readonly group: number
  readonly database: string
  readonly member: number
  readonly log: GroupLog
  /** Who takes part from the beginning; null if this member does not, or it is not known. */
  readonly initial: Configuration | null
  readonly config: RaftConfig
  readonly clock: Clock
  readonly random: Random
  readonly limits: GroupLimits
  readonly send: (message: Message) => void
  /** Called when it may have changed whether the clock has to tick for this group. */
  readonly onActivity: (log: RaftLog) => void
}

type State =
  | { readonly kind: 'absent' }
  | { readonly kind: 'running'; readonly replica: Replica }
  /** `timer` is null if nothing but a new start of the member can help. */
  | {
      readonly kind: 'down'
      readonly error: HarmonyError
      readonly timer: Timer | null
      readonly isSole: boolean
    }
  | { readonly kind: 'closed'; readonly reason: HarmonyError }

const RESTART_PAUSE_MS = 1_000

export class RaftLog implements CommitLog {
  readonly #options: RaftLogOptions
  readonly #log: GroupLog
  readonly #reads: ReadIndexes
  readonly #leadWaiters: LeadWaiters
  readonly #pending: PendingProposal
  #events: RaftLogEvents | null = null
  #state: State = { kind: 'absent' }
  #origin: LogOrigin | null = null
  #leadership: GroupLeadership = NO_LEADERSHIP
  /** The first index of the term in which this member leads: when it is committed, so is everything before. */
  #termIndex = 0
  #commitIndex = 0
  #electionPriority = 3
  #isDiskStalled = false

  constructor(options: RaftLogOptions) {
    const { log, clock, database } = options
    this.#options = options
    this.#log = log
    this.#leadWaiters = new LeadWaiters(clock)
    this.#pending = new PendingProposal({ database, clock, toRefusal: () => this.#notLeader() })
    this.#reads = new ReadIndexes({
      clock,
      ask: (context) => this.#askForReadIndex(context),
      toError: () => new NotLeaderError(database, this.leader, ' It could not be asked in time.'),
    })
  }

  /** Begins the life that the journal tells of, or waits for a leader. Throws DATA_CORRUPT, FORMAT_TOO_NEW. */
  start(events: RaftLogEvents): void {
    this.#events = events
    const { initial, database } = this.#options
    this.#origin = findOrigin(this.#log, initial, database)
    if (this.#origin === null) return
    writeOrigin(this.#log, this.#origin, (error) => this.fail(error))
    const installed = events.installedSnapshot()
    if (installed !== null && this.#isAhead(installed)) void this.#catchUpWith(installed)
    else this.#live()
  }

  /** Whether the log does not know what the file of this snapshot has. */
  #isAhead({ index, term }: SnapshotMetadata): boolean {
    return index > this.#log.base.index && this.#log.term(index) !== term
  }

  /** A crash came between the file of a snapshot and the log that begins after it. */
  async #catchUpWith({ index, term, configuration }: SnapshotMetadata): Promise<void> {
    const origin = encodeOrigin({ generation: this.generation, configuration })
    try {
      await this.#log.write({ replacedBy: { index, term, configuration: origin } })
    } catch (error) {
      this.#state = { kind: 'down', error: toHarmonyError(error), timer: null, isSole: false }
      return
    }
    if (this.#state.kind === 'absent') this.#live()
  }

  // What there is.

  get leadership(): GroupLeadership {
    return this.#leadership
  }

  get leader(): number | null {
    return this.#leadership.leader
  }

  /** 0 while there is no replica. */
  get generation(): number {
    return this.#origin?.generation ?? 0
  }

  get commitIndex(): number {
    return this.#commitIndex
  }

  get lastIndex(): number {
    return this.#log.lastIndex
  }

  get base(): LogPosition {
    return this.#log.base
  }

  get replica(): Replica | null {
    return this.#state.kind === 'running' ? this.#state.replica : null
  }

  get configuration(): Configuration {
    return this.replica?.raft.configuration ?? this.#origin?.configuration ?? EMPTY_CONFIGURATION
  }

  /** Why nothing can be written here; null if something may. */
  get failure(): HarmonyError | null {
    return this.#state.kind === 'down' ? this.#state.error : null
  }

  /** There is no replica, or one that joined and has heard nothing of the group's content yet. */
  get isJoining(): boolean {
    return (
      this.#origin === null || (this.#commitIndex === 0 && this.#origin.configuration.voters.length === 0)
    )
  }

  get isSoleVoter(): boolean {
    if (this.#state.kind === 'down') return this.#state.isSole
    return this.replica?.isSoleVoter ?? false
  }

  get needsTicks(): boolean {
    return this.replica?.needsTicks ?? false
  }

  get isPending(): boolean {
    return this.#pending.isPending
  }

  term(index: number): number | null {
    return this.#log.term(index)
  }

  nextCommand(from: number): number | null {
    return this.#log.nextCommand(from, this.#commitIndex)
  }

  entries(from: number, sizeBytesMax: number): Promise<readonly Entry[]> {
    return this.#log.entries(from, this.#commitIndex + 1, sizeBytesMax)
  }

  // Leading.

  /** The first index of the term in which this member leads; null if it does not, or is not ready to. */
  get leadingFrom(): number | null {
    const isReady = this.#leadership.role === 'leader' && this.#commitIndex >= this.#termIndex
    return isReady ? this.#termIndex : null
  }

  get leadingTerm(): number | null {
    return this.leadingFrom === null ? null : this.#leadership.term
  }

  isLeading(term: number): boolean {
    return this.leadingTerm === term
  }

  lead(): Promise<number> {
    if (this.leadingTerm !== null) return Promise.resolve(this.leadingTerm)
    if (this.#state.kind === 'down' && this.#state.isSole) this.#restart()
    const refusal = this.#whyNotLeading()
    return refusal === null ? this.#leadWaiters.wait(() => this.#notLeader()) : Promise.reject(refusal)
  }

  refusal(): HarmonyError | null {
    return this.leadingFrom === null ? this.#whyNotLeading() : null
  }

  #whyNotLeading(): HarmonyError | null {
    const state = this.#state
    if (state.kind === 'closed') return state.reason
    if (state.kind === 'down') return state.isSole && state.timer !== null ? null : state.error
    return this.#leadership.role === 'leader' || this.isSoleVoter ? null : this.#notLeader()
  }

  #notLeader(): NotLeaderError {
    return new NotLeaderError(this.#options.database, this.leader)
  }

  async propose(
    payload: Uint8Array,
    term: number,
    onOverdue: (error: HarmonyError) => void,
  ): Promise<LogPosition> {
    const { replica } = this
    if (replica === null || !this.isLeading(term)) throw this.failure ?? this.#notLeader()
    const fate = replica.input((raft) => {
      const result = raft.propose([payload])
      // It is refused while the leadership is handed over.
      if (!result.accepted) return null
      // Known before anything comes of it.
      return this.#pending.begin({ index: result.firstIndex, term: result.term }, onOverdue)
    })
    if (fate === null) throw this.#notLeader()
    return fate
  }

  async confirmLeadership(term: number): Promise<void> {
    if (!this.isLeading(term)) throw this.#notLeader()
    if (this.isSoleVoter) return
    await this.#reads.request(0)
    if (!this.isLeading(term)) throw this.#notLeader()
  }

  /** Rejects with NOT_LEADER if no leader could be asked within `timeoutMs`. */
  readIndexFor(receiver: ReadReceiver, timeoutMs: number): void {
    if (this.leadingFrom !== null && this.isSoleVoter) return receiver.resolve(this.#commitIndex)
    if (this.#state.kind === 'closed') return receiver.reject(this.#state.reason)
    this.#reads.requestFor(receiver, timeoutMs)
  }

  #askForReadIndex(context: number): boolean {
    const nowMs = this.#options.clock.nowMs()
    return this.replica?.input((raft) => raft.requestRead(context, nowMs)).accepted ?? false
  }

  // What members and operators do.

  tick(): void {
    this.replica?.input((raft) => raft.tick())
  }

  /** Of one member, in order. */
  receive(messages: readonly Message[]): void {
    const admitted = messages.filter((message) => this.#admits(message))
    if (admitted.length === 0) return
    this.replica?.input((raft) => {
      for (const message of admitted) raft.step(message)
    })
  }

  #admits(message: Message): boolean {
    const admission = admit(message, { generation: this.generation, tombstone: this.#log.removedGeneration })
    if (admission === 'replace' && this.#state.kind === 'running') this.#events?.removed()
    if (admission !== 'create') return admission === 'deliver'
    if (this.#state.kind === 'absent' && this.#events !== null) this.#create(message.toGeneration)
    return this.#state.kind === 'running'
  }

  /** A member that has just started does not know who leads, and a leader that sleeps would not tell it. */
  peerConnected(member: number): void {
    if (this.leader === member) this.#reads.retry()
    const { replica } = this
    if (replica === null || !replica.raft.quiesced || replica.raft.role !== 'leader') return
    const isNeighbour = members(replica.raft.configuration).some(({ id }) => id === member)
    if (isNeighbour) replica.input((raft) => raft.wake())
  }

  peerUnreachable(member: number): void {
    this.replica?.input((raft) => {
      if (raft.quiesced && raft.leader?.id === member) raft.wake()
      raft.reportUnreachable(member)
    })
  }

  /** The disk of the journal does not answer. Who decides alone keeps at it. */
  reportDisk(isStalled: boolean): void {
    this.#isDiskStalled = isStalled
    const { replica } = this
    if (replica === null || (isStalled && replica.isSoleVoter)) return
    replica.input((raft) => (isStalled ? raft.reportDiskStalled() : raft.reportDiskRecovered()))
  }

  /** The journal takes nothing any more. */
  fail(error: HarmonyError): void {
    this.replica?.end(error)
  }

  proposeMembership(change: MembershipChange): MembershipResult {
    const refused = { accepted: false, reason: 'not-leader', detail: 'there is no replica here' } as const
    return this.replica?.input((raft) => raft.proposeMembership(change)) ?? { ...refused, leader: null }
  }

  transferLeadership(member: number): TransferResult {
    const done = this.replica?.input((raft) => raft.transferLeadership(member))
    return done ?? { accepted: false, reason: 'not-leader' }
  }

  setElectionPriority(priority: number): void {
    this.#electionPriority = priority
    this.replica?.input((raft) => raft.setElectionPriority(priority))
  }

  async compact(index: number, isResting: boolean): Promise<void> {
    const { replica } = this
    if (replica === null) return
    const { isAlone } = replica
    const needs = { isAlone, isResting, retainedFrom: this.#events?.retainedFrom() ?? null }
    await replica.compact(compactableIndex(this.#log, this.#options.limits, index, needs))
  }

  noteInFile(index: number): void {
    if (index > this.#commitIndex) this.replica?.input((raft) => raft.knownCommitted(index))
  }

  noteCommit(): Promise<void> {
    return this.replica?.noteCommit() ?? Promise.resolve()
  }

  // The end.

  /** The fate of the open proposal is of no interest any more: the member stops. */
  abandonPending(): void {
    this.#pending.abandon()
  }

  stop(reason: HarmonyError): void {
    this.abandonPending()
    this.#leaveState()
    this.#state = { kind: 'closed', reason }
    this.#reads.rejectAll(reason)
    this.#leadWaiters.rejectAll(reason)
    this.#setLeadership(NO_LEADERSHIP)
    this.#options.onActivity(this)
  }

  /** The replica is gone with everything that the journal has of it; its generation never comes back. After `stop`. */
  async destroy(): Promise<void> {
    assert(this.#state.kind === 'closed', 'a running replica is destroyed')
    if (this.#origin !== null) await this.#log.remove(this.#origin.generation)
  }

  // Its lives.

  #create(generation: number): void {
    this.#origin = { generation, configuration: EMPTY_CONFIGURATION }
    writeOrigin(this.#log, this.#origin, (error) => this.fail(error))
    this.#live()
  }

  #live(): void {
    const { group, member, config, clock, random, send, onActivity } = this.#options
    const origin = must(this.#origin)
    const events = must(this.#events)
    const replica: Replica = new Replica({
      group,
      id: { id: member, generation: origin.generation },
      log: this.#log,
      base: baseOf(this.#log, origin),
      config: { ...config, electionPriority: this.#electionPriority },
      clock,
      random,
      events: {
        send,
        sendSnapshot: (request) => events.sendSnapshot(request),
        offerSnapshot: () => events.offerSnapshot(),
        installSnapshot: (snapshot, replaceLog) => {
          this.#pending.replacedBy(snapshot)
          return events.installSnapshot(snapshot, replaceLog)
        },
        committed: () => this.#committed(),
        readAnswered: ({ context, index }) => this.#reads.answered(context, index),
        readFailed: ({ context }) => this.#reads.failed(context),
        leadershipChanged: (leadership) => this.#leadershipChanged(leadership),
        pumped: () => onActivity(this),
        ended: (error, isCurable) => this.#ended(replica, error, isCurable),
      },
    })
    this.#state = { kind: 'running', replica }
    this.#commitIndex = Math.max(this.#commitIndex, replica.commitIndex)
    // Nobody else could win, so there is nothing to wait for.
    replica.input((raft) => {
      if (this.#isDiskStalled && !replica.isSoleVoter) raft.reportDiskStalled()
      else if (replica.isSoleVoter) raft.campaign()
    })
  }

  #ended(replica: Replica, error: HarmonyError, isCurable: boolean): void {
    const isSole = replica.isSoleVoter
    const { cause } = error
    const reason = error.code === 'OUTCOME_UNKNOWN' && cause instanceof HarmonyError ? cause : error
    const timer = isCurable ? this.#options.clock.after(RESTART_PAUSE_MS, () => this.#restart()) : null
    this.#state = { kind: 'down', error: reason, timer, isSole }
    // Alone it knows that what it could not write is nowhere. Others may have it.
    if (isSole || error.code === 'OUTCOME_UNKNOWN') this.#pending.failed(error)
    this.#setLeadership({ role: 'follower', term: this.#leadership.term, leader: null })
    this.#leadWaiters.rejectAll(reason)
    this.#reads.failAll()
    this.#options.onActivity(this)
  }

  #restart(): void {
    if (this.#state.kind !== 'down' || this.#state.timer === null) return
    this.#leaveState()
    writeOrigin(this.#log, must(this.#origin), (error) => this.fail(error))
    this.#live()
  }

  #leaveState(): void {
    if (this.#state.kind === 'running') this.#state.replica.stop()
    if (this.#state.kind === 'down') this.#state.timer?.cancel()
  }

  // What the replica tells.

  #committed(): void {
    const { replica } = this
    if (replica === null || replica.commitIndex <= this.#commitIndex) return
    this.#commitIndex = replica.commitIndex
    this.#events?.committing()
    this.#pending.committedTo(this.#commitIndex, (index) => this.#log.term(index))
    this.#settleLeadWaiters()
    this.#events?.committed()
  }

  #leadershipChanged({ role, term, leader, removed }: Leadership): void {
    if (role === 'leader') this.#termIndex = must(this.replica).raft.status().lastIndex
    this.#setLeadership({ role, term, leader: leader?.id ?? null })
    if (removed) this.#events?.removed()
  }

  #setLeadership(now: GroupLeadership): void {
    const before = this.#leadership
    this.#leadership = now
    const isLost = before.role === 'leader' && (now.role !== 'leader' || now.term !== before.term)
    if (isLost) this.#pending.leadershipLost(this.#options.limits.unknownAfterMs)
    this.#settleLeadWaiters()
    if (now.leader !== null) this.#reads.retry()
    this.#events?.leadershipChanged(now, before)
  }

  #settleLeadWaiters(): void {
    if (this.#leadWaiters.count === 0) return
    const refusal = this.#whyNotLeading()
    if (this.leadingTerm !== null) this.#leadWaiters.resolveAll(this.leadingTerm)
    else if (refusal !== null) this.#leadWaiters.rejectAll(refusal)
  }
}
