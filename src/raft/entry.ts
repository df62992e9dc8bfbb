/**
 * Entries of a group's log, and the durable state beside them.
 *
 * Indexes, terms and generations are JS numbers, not bigints: they take part in every comparison of the hot
 * path, where a bigint costs an allocation. A number is exact up to 2^53; at a million entries a second a
 * log needs 285 years to get there, and `isPosition` keeps anything beyond it out.
 */

import type { Configuration } from './membership.ts'

/**
 * `command`: bytes that a client of the group proposed. `empty`: what a new leader appends so that it can
 * commit the entries of earlier terms (§5.4.2, §8; thesis 6.4). `membership`: an encoded `Configuration`.
 */
export type EntryKind = 'command' | 'empty' | 'membership'

/** One entry of the log. Never changed once made; every replica that holds it shares the same bytes. */
export interface Entry {
  /** 1 is the first index of a log. */
  readonly index: number
  /** The term of the leader that made it. */
  readonly term: number
  readonly kind: EntryKind
  readonly data: Uint8Array
}

/** What an entry counts for in every byte limit, beyond its data: its header in a journal or a message. */
export const ENTRY_OVERHEAD_BYTES = 24

export function entrySizeBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES
}

/** Sum of `entrySizeBytes`. */
export function entriesSizeBytes(entries: readonly Entry[]): number {
  let sizeBytes = 0
  for (const entry of entries) sizeBytes += entrySizeBytes(entry)
  return sizeBytes
}

/** Half of what a number holds exactly: whatever a peer claims, counting on from there stays exact. */
const POSITION_MAX = 2 ** 52

/** Whether `value` can be an index, a term, a generation or another counter: an integer from 0 to 2^52. */
export function isPosition(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= POSITION_MAX
}

/**
 * What a replica must remember besides its log (Figure 2, "Persistent state on all servers").
 *
 * `commit` is a hint that spares a restarted replica some waiting: the paper's commitIndex is volatile. It is
 * written only along with something else, never ahead of the entries that it covers, and a restart takes no
 * more of it than the log holds.
 */
export interface HardState {
  readonly term: number
  /** Who got this replica's vote in `term`; null when nobody did. A member's replicas of different generations
   * are different candidates, so the generation is part of it. */
  readonly votedFor: ReplicaId | null
  readonly commit: number
}

/** A replica of one group: the member that it lives on, and which of this member's replicas it is. */
export interface ReplicaId {
  /** The member's number, 1 or more. */
  readonly id: number
  /**
   * 1 for the replicas that a group starts with; for others that of the configuration that added them
   * (`nextGeneration`). A replica that was removed and added again has a higher generation and none of the old
   * one's promises.
   */
  readonly generation: number
}

export const INITIAL_GENERATION = 1

export function sameReplica(left: ReplicaId, right: ReplicaId): boolean {
  return left.id === right.id && left.generation === right.generation
}

export const INITIAL_HARD_STATE: HardState = { term: 0, votedFor: null, commit: 0 }

/** A point of the log and everything about it that a replica needs to start from there (§7, Figure 13). */
export interface SnapshotMetadata {
  /** The last index that the snapshot covers. */
  readonly index: number
  /** The term of the entry at `index`. */
  readonly term: number
  /** The configuration in force at `index`: the newest one at or before it. */
  readonly configuration: Configuration
}
