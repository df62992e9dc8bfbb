/**
 * The state of one replica, shared by the functions of all roles, and what they all do with it: send, and
 * know who takes part. What drives it is in the files named for roles and duties; `roles.ts` holds the only
 * functions that change `role` and `term`.
 */

import { assert } from '../base/assert.ts'
import type { RaftConfig } from './config.ts'
import { isPosition, sameReplica } from './entry.ts'
import type { HardState, ReplicaId } from './entry.ts'
import { FollowerReads } from './follower-reads.ts'
import { Log } from './log.ts'
import { isMember, isVoter } from './membership.ts'
import type { Configuration } from './membership.ts'
import type { Envelope, Message } from './message.ts'
import { Outbox } from './outbox.ts'
import type { RaftOptions } from './api.ts'
import type { ReadFailure, ReadState } from './ready.ts'
import type { RoleState } from './role.ts'

/** Why a message was dropped; each reason has a counter in `RaftStatus.dropped`. */
export type DropReason =
  | 'malformed'
  | 'other-group'
  | 'other-replica'
  | 'old-generation'
  | 'removed'
  | 'stale-term'
  | 'second-leader'
  | 'not-leader'
  | 'unknown-follower'
  | 'leader-alive'
  | 'unexpected-vote'
  | 'conflicts-with-committed'
  | 'beyond-log'
  | 'stale-answer'
  | 'snapshot-in-progress'
  | 'not-voter'
  | 'too-many-reads'

export class ReplicaState {
  readonly group: number
  readonly self: ReplicaId
  readonly config: RaftConfig
  readonly log: Log
  readonly outbox: Outbox
  readonly followerReads: FollowerReads
  readonly random: () => number
  readonly snapshotSource: RaftOptions['storage']

  // Persistent (Figure 2). `roles.ts` and `election.ts` alone change them.
  term: number
  votedFor: ReplicaId | null

  role: RoleState = { kind: 'follower' }
  leader: ReplicaId | null = null

  /** Ticks since this replica last had a reason not to campaign; for a leader, since it checked its quorum. */
  electionElapsedTicks = 0
  heartbeatElapsedTicks = 0
  /** Drawn anew for each election (§5.2). */
  electionTimeoutTicks = 0
  electionPriority: number
  /**
   * Ticks since a leader of any term was heard. Not reset when the term moves on: a lease that this replica supports
   * does not end by that.
   */
  leaderSilenceTicks: number

  quiesced = false
  /** While asleep: the round of the heartbeat that said so. Heartbeats up to it are only late. */
  quiescedRound = 0
  diskStalled = false
  removed = false

  readStates: ReadState[] = []
  readFailures: ReadFailure[] = []
  readonly dropped: Map<DropReason, number> = new Map()

  /** `term` or `votedFor` is not in any write yet. */
  #hardStateDirty = false
  /** The write that carries the newest `term` and `votedFor`. */
  #hardStateWrite = 0
  #writtenCommit: number

  constructor(options: RaftOptions) {
    const { group, replica, config, storage, hardState, appliedIndex } = options
    assert(isPosition(group) && isPosition(replica.id) && replica.id > 0, 'group and member are numbers')
    assert(isPosition(replica.generation) && replica.generation > 0, 'a generation is 1 or more')
    this.group = group
    this.self = { id: replica.id, generation: replica.generation }
    this.config = config
    this.random = options.random
    this.snapshotSource = storage
    this.log = new Log(
      storage,
      { appliedIndex, commitHint: hardState.commit, outline: options.outline },
      config,
    )
    // A log never holds a term that its replica has not seen; a hard state torn off its entries is healed here.
    this.term = Math.max(hardState.term, this.log.lastTerm)
    // Whom it voted for in such a term is unknown, so it has no second vote to give: as if it voted for itself.
    this.votedFor = this.term === hardState.term ? hardState.votedFor : this.self
    this.#writtenCommit = hardState.commit
    this.outbox = new Outbox(replica.id)
    this.followerReads = new FollowerReads(options.random)
    this.electionPriority = config.electionPriority
    // A lease that was supported before a crash, and forgotten in it, may still run.
    this.leaderSilenceTicks = config.lease === null ? Infinity : 0
  }

  // Who takes part.

  /** The newest configuration in the log, committed or not (§6, thesis 4.1). */
  get configuration(): Configuration {
    return this.log.memberships.active
  }

  isSelf(replica: ReplicaId): boolean {
    return sameReplica(replica, this.self)
  }

  /**
   * Whether this replica may campaign: it votes, has a state to lead from, and a disk to keep it. One that its newest
   * configuration leaves out still may, until that configuration is committed: it can be the only one whose log is up
   * to date (thesis 4.2.2, Figure 4.6). Its own vote does not count then, because it is no voter.
   */
  isPromotable(): boolean {
    if (this.diskStalled || this.removed || this.log.isInstallingSnapshot) return false
    const { active } = this.log.memberships
    return isVoter(active, this.self) || isVoter(this.log.memberships.at(this.log.commit), this.self)
  }

  /**
   * Whether `replica` will never be part of the group again: the newest committed configuration is at least as new as
   * its generation and without it. Generations grow along the log, so the entry that added it is before that one, or was
   * lost with the term of its leader. False while the committed one is not known, as in a replica that is still getting
   * its first entries.
   */
  isGone(replica: ReplicaId): boolean {
    const { commit, memberships } = this.log
    const committed = memberships.at(commit)
    if (committed.generation < replica.generation) return false
    return !isMember(memberships.active, replica) && !isMember(committed, replica)
  }

  // Timers.

  /**
   * A new random timeout (§5.2: "chosen randomly from a fixed interval"). Each step of priority below the best
   * waits one interval longer.
   */
  resetElectionTimer(): void {
    const base = this.config.electionTimeoutTicks
    const handicap = (ELECTION_PRIORITY_MAX - this.electionPriority) * base
    this.electionElapsedTicks = 0
    this.electionTimeoutTicks = base + handicap + (this.random() % base)
  }

  // Sending.

  envelope(to: ReplicaId, term: number = this.term): Envelope {
    return {
      group: this.group,
      from: this.self.id,
      fromGeneration: this.self.generation,
      to: to.id,
      toGeneration: to.generation,
      term,
    }
  }

  /** Sends what promises nothing. */
  send(message: Message): void {
    this.outbox.send(message)
  }

  /** Sends when the term and vote that this replica has now are durable. */
  sendWhenTermDurable(message: Message): void {
    const write = this.#hardStateDirty ? this.log.writes.lastNumber + 1 : this.#hardStateWrite
    this.outbox.sendAfter(write, this.log.writes.durableNumber, message)
  }

  /** Sends when everything that this replica knows now is durable: term, vote and log. */
  sendWhenAllDurable(message: Message): void {
    const { lastNumber, durableNumber } = this.log.writes
    const write = this.hasUnwritten() ? lastNumber + 1 : lastNumber
    this.outbox.sendAfter(write, durableNumber, message)
  }

  // Hard state.

  markHardState(): void {
    this.#hardStateDirty = true
  }

  hasUnwritten(): boolean {
    return this.#hardStateDirty || this.log.hasUnwritten()
  }

  /**
   * The hard state for write `number`, or null. The commit index rides along when there is a write anyway, and
   * only as far as this write or an earlier one takes the log.
   */
  takeHardState(number: number): HardState | null {
    const { commit } = this.log
    if (!this.#hardStateDirty && commit === this.#writtenCommit) return null
    if (this.#hardStateDirty) this.#hardStateWrite = number
    this.#hardStateDirty = false
    this.#writtenCommit = commit
    return { term: this.term, votedFor: this.votedFor, commit }
  }

  /** The answers to reads since the last call. The arrays are the caller's from then on. */
  takeReads(): { readStates: readonly ReadState[]; readFailures: readonly ReadFailure[] } {
    const { readStates, readFailures } = this
    if (readStates.length + readFailures.length === 0) return NO_READS
    this.readStates = []
    this.readFailures = []
    return { readStates, readFailures }
  }

  drop(reason: DropReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1)
  }
}

export const ELECTION_PRIORITY_MAX = 3

/** Not the state's own arrays: those are still to be filled. */
const NO_READS = { readStates: [], readFailures: [] } as const
