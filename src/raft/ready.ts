/**
 * What a replica wants done: the output of `Raft.ready()`.
 *
 * The host takes one `Ready`, starts everything in it, and need not wait for any of it before it takes the
 * next one. It reports back `appended(write.number)` and `applied(index)` as they finish.
 */

import type { Entry, HardState, ReplicaId, SnapshotMetadata } from './entry.ts'
import type { Message } from './message.ts'

/**
 * One write to storage. A host performs writes in the order of their numbers, each all or nothing: after a
 * crash a prefix of them is found, which includes every write that was reported durable. (A write that mixes
 * entries and hard state may be recovered without its `hardState.commit`, which is only a hint.)
 *
 * Within one write: first `snapshot`, then `entries`, with `hardState` at any moment.
 */
export interface StorageWrite {
  /** 1, 2, 3 … in the life of one `Raft` object. */
  readonly number: number
  /** The new hard state, or null if it did not change. */
  readonly hardState: HardState | null
  /**
   * Install this snapshot: it replaces the state machine's state and the whole log, which from then on
   * begins after it. Nothing is being applied when it is handed out (all writes wait for that), and nothing will be
   * until it is reported durable, which also says that it is applied. A host that keeps state and log in different
   * files installs the state first; if it finds that one ahead at the next start, it makes the snapshot's metadata the
   * base of the log before it constructs a `Raft`.
   */
  readonly snapshot: SnapshotMetadata | null
  /** Entries to write. Whatever storage holds at the index of the first and beyond is replaced. */
  readonly entries: readonly Entry[]
}

/** The answer to `requestRead(context)`: a read is linearizable once the state machine has applied `index`. */
export interface ReadState {
  readonly context: number
  readonly index: number
}

/** No answer will come for this read; asking again is fine. */
export interface ReadFailure {
  readonly context: number
  readonly reason: 'leader-lost' | 'timeout'
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** Who leads, as far as this replica knows. */
export interface Leadership {
  readonly role: Role
  readonly term: number
  readonly leader: ReplicaId | null
  /**
   * This replica is not in the committed configuration any more. It will never take part again: the host
   * keeps a tombstone of its generation (`tombstone.ts`) and destroys it.
   */
  readonly removed: boolean
}

export interface Ready {
  /** May be sent now. What has to be durable before they are sent already is. */
  readonly messages: readonly Message[]
  readonly write: StorageWrite | null
  /** Committed and durable here, in log order, each exactly once in the life of one `Raft` object. */
  readonly committed: readonly Entry[]
  readonly readStates: readonly ReadState[]
  readonly readFailures: readonly ReadFailure[]
  /** Set if it changed. */
  readonly leadership: Leadership | null
}
