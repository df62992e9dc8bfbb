/**
 * One replica of one group: the whole core behind one class. Messages, ticks and random numbers go in;
 * messages, writes, committed entries and read states come out of `ready()`. It does no I/O and never throws
 * on what a peer sends; an `AssertionError` means a bug here or a host that broke this contract.
 */

import type { RaftConfig } from './config.ts'
import type { Configuration, MembershipChange } from './membership.ts'
import type { HardState, ReplicaId, SnapshotMetadata } from './entry.ts'
import type { LogStorage } from './log-storage.ts'
import type { Message } from './message.ts'
import type { Leadership, Ready, Role } from './ready.ts'

export interface RaftOptions {
  readonly group: number
  /** Which replica this is. */
  readonly replica: ReplicaId
  readonly config: RaftConfig
  readonly storage: LogStorage
  /** What was last made durable; `INITIAL_HARD_STATE` for a new replica. */
  readonly hardState: HardState
  /** The index that the state machine has applied, durably. Not below `storage.base().index`. */
  readonly appliedIndex: number
  /** Uniform integers from 0 to 2^32 - 1. Must be seeded anew at every start of the replica. */
  readonly random: () => number
}

export type ProposeRefusal =
  | 'not-leader'
  | 'transferring'
  /** `uncommittedBytesMax` is reached: retry when something has been committed. */
  | 'uncommitted-limit'
  | 'disk-stalled'

export type MembershipRefusal =
  | 'not-leader'
  | 'transferring'
  | 'disk-stalled'
  /** The leader has committed nothing in its own term yet: retry soon. */
  | 'term-not-committed'
  /** An earlier change is not finished: retry when it is. */
  | 'change-in-progress'
  /** The steps make no sense for the present configuration; `detail` says which. */
  | 'invalid'

export type ProposeResult =
  /** The entries have the indexes `firstIndex` to `lastIndex` and this term: committed if an entry of this
   * term is applied at that index, lost if one of another term is. */
  | {
      readonly accepted: true
      readonly term: number
      readonly firstIndex: number
      readonly lastIndex: number
    }
  | { readonly accepted: false; readonly reason: ProposeRefusal; readonly leader: ReplicaId | null }

export type MembershipResult =
  | {
      readonly accepted: true
      readonly term: number
      readonly index: number
      readonly configuration: Configuration
    }
  | {
      readonly accepted: false
      readonly reason: MembershipRefusal
      readonly detail: string
      readonly leader: ReplicaId | null
    }

export type ReadResult =
  /** The answer comes as a read state or a read failure with the same context. */
  { readonly accepted: true } | { readonly accepted: false; readonly reason: 'no-leader' | 'too-many-reads' }

export type TransferResult =
  | { readonly accepted: true }
  | {
      readonly accepted: false
      readonly reason: 'not-leader' | 'transferring' | 'not-voter' | 'already-leader'
    }

/** For metrics, consoles and tests. */
export interface RaftStatus extends Leadership {
  readonly group: number
  readonly replica: ReplicaId
  readonly votedFor: ReplicaId | null
  readonly commit: number
  readonly applied: number
  readonly firstIndex: number
  readonly lastIndex: number
  /** Up to here the log in memory is on disk. */
  readonly durableIndex: number
  readonly configuration: Configuration
  readonly quiesced: boolean
  readonly diskStalled: boolean
  readonly uncommittedBytes: number
  readonly transferee: number | null
  readonly followers: readonly FollowerStatus[]
  /** Messages that were dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>
}

export interface FollowerStatus {
  readonly id: number
  readonly generation: number
  readonly state: 'probe' | 'replicate' | 'snapshot'
  readonly match: number
  readonly next: number
  readonly recentlyActive: boolean
  readonly inflightMessages: number
  readonly inflightBytes: number
  /** Index of the snapshot that it is being sent; 0 if none. */
  readonly pendingSnapshot: number
}

/** One replica of one group. See DESIGN.md for the life of a call. */
export interface RaftReplica {
  // Inputs.
  /** One unit of time has passed. */
  tick(): void
  /** A message came in. Anything that does not hold together is dropped and counted. */
  step(message: Message): void
  /** Appends commands, in order, all or none. Refused anywhere but at the leader. */
  propose(commands: readonly Uint8Array[]): ProposeResult
  proposeMembership(change: MembershipChange): MembershipResult
  /** `context` is the caller's own number for this read. `nowMs`: monotonic clock, for leases only. */
  requestRead(context: number, nowMs?: number): ReadResult
  transferLeadership(to: number): TransferResult
  /** Starts an election without waiting for the timeout. Ignored where it can't win or would hurt. */
  campaign(): void
  /** The host failed to deliver messages to this member. */
  reportUnreachable(id: number): void
  /** How sending the snapshot to this member ended. */
  reportSnapshot(id: number, outcome: 'sent' | 'failed'): void
  /** A disk write has been overdue for too long: a leader gives up its leadership, nobody campaigns. */
  reportDiskStalled(): void
  reportDiskRecovered(): void
  /** The write with this number is durable. Numbers may be reported in any order, each once. */
  appended(writeNumber: number): void
  /** Committed entries up to `index` are applied. */
  applied(index: number): void
  /**
   * The log up to `index` (applied and durable) is no longer needed. The host may drop it from storage as soon as
   * this returns, and keeps what it returns as the log's new base. Null if there is nothing to drop.
   */
  compact(index: number): SnapshotMetadata | null
  /** Describes a snapshot of the state machine at `index`, which lies between the log's base and `applied`. */
  snapshotMetadata(index: number): SnapshotMetadata
  /** Puts an idle group to sleep, if it is the leader and everyone has everything. Whether it did. */
  quiesce(): boolean
  wake(): void
  setElectionPriority(priority: number): void

  // Outputs.
  /** Whether `ready()` would give anything. */
  hasReady(): boolean
  ready(nowMs?: number): Ready
  status(): RaftStatus
  readonly role: Role
  readonly term: number
  readonly leader: ReplicaId | null
  readonly commit: number
  /** The configuration in force: the newest in the log, committed or not (thesis 4.1). */
  readonly configuration: Configuration
}
