/**
 * How the core reads what the host has stored. The core never writes through it.
 *
 * A host shows a write here at any moment between handing it to the disk and `appended` of its number: the
 * core reads an index from here only after the write that holds it was reported durable, and keeps later
 * ones in memory.
 */

import type { Entry, SnapshotMetadata } from './entry.ts'

export interface LogStorage {
  /**
   * The point before the first entry that is kept: index 0 and the initial configuration for a log that is
   * kept whole, otherwise where the log was last compacted or replaced by a snapshot.
   */
  base(): SnapshotMetadata

  /** The index of the last entry; that of `base()` if there is none. */
  lastIndex(): number

  /**
   * Entries from `from` up to and without `to`, both within what is kept. As many as fit `sizeBytesMax`
   * (counted with `entrySizeBytes`), but at least one; none at all means "not in memory, being read": the
   * core asks again at the next `ready()`, and `hasReady()` stays true meanwhile, so a host waits for the read
   * before it calls again. A `Raft` that is constructed without an outline reads the whole log through this once,
   * and has to get all of it.
   */
  entries(from: number, to: number, sizeBytesMax: number): readonly Entry[]

  /** The newest snapshot that can be sent to a follower; null if there is none at the moment. */
  snapshot(): SnapshotMetadata | null
}

/**
 * What a replica has to know of its stored log before it starts. A host that finds it while it recovers its files passes
 * it to the core, which then reads nothing.
 */
export interface LogOutline {
  /** The first entry of each term, in log order; more entries do no harm. */
  readonly terms: readonly { readonly index: number; readonly term: number }[]
  /** All membership entries, in log order. */
  readonly memberships: readonly Entry[]
}
