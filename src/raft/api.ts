/**
 * What goes into a replica and what its calls answer. `raft.ts` has the class, `ready.ts` what comes out.
 */

import type { RaftConfig } from './config.ts'
import type { Configuration } from './membership.ts'
import type { HardState, ReplicaId } from './entry.ts'
import type { LogOutline, LogStorage } from './log-storage.ts'
import type { Leadership } from './ready.ts'

export interface RaftOptions {
  readonly group: number
  /** Which replica this is. */
  readonly replica: ReplicaId
  readonly config: RaftConfig
  readonly storage: LogStorage
  /** What `storage` holds, if the host knows it already; otherwise the core reads the whole log once. */
  readonly outline?: LogOutline
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
  readonly lastTerm: number
  /** Up to here the log in memory is on disk. */
  readonly durableIndex: number
  readonly configuration: Configuration
  readonly quiesced: boolean
  readonly diskStalled: boolean
  readonly installingSnapshot: boolean
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
