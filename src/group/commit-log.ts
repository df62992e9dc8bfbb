/**
 * The durable commit, behind one narrow interface: propose a payload, learn that it is committed. Everything above it is the same whether
 * one member decides alone or a majority of several. `raft-log.ts` implements it.
 */

import type { HarmonyError } from '../base/errors.ts'
import type { Entry } from '../raft/entry.ts'

/** A place in the log. */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

export interface CommitLog {
  /** Entries up to it are committed, and durable here. */
  readonly commitIndex: number
  /** The index of the last entry that is durable here, committed or not. */
  readonly lastIndex: number
  /** Entries up to it are no longer in the log. */
  readonly base: LogPosition
  /** The term at `index`; null outside of the log. */
  term(index: number): number | null
  /** The first entry from `from` on that is a command and committed; null if there is none. */
  nextCommand(from: number): number | null
  /** Committed entries from `from` on, at least one, as many as fit `sizeBytesMax`. */
  entries(from: number, sizeBytesMax: number): Promise<readonly Entry[]>
  /**
   * The term in which this member leads, and knows everything that was committed before it. Waits where that is about to be so. Rejects
   * with NOT_LEADER, or with why nothing can be written here: nothing was done.
   */
  lead(): Promise<number>
  /** The term that `lead` would give at once; null where it would wait or reject. */
  readonly leadingTerm: number | null
  /** Whether this member alone decides what is committed. */
  readonly isSoleVoter: boolean
  /** Why this member does not lead; null if it does, or soon will. */
  refusal(): HarmonyError | null
  /** Whether `lead` would give this term now. */
  isLeading(term: number): boolean
  /** Whether there is a proposal whose fate is not known. */
  readonly isPending: boolean
  /**
   * Appends the payload to the log and resolves when it is committed. One at a time. Rejects with NOT_LEADER, DISK_FULL or
   * DISK_FAILED if it is certain that it never will be, with OUTCOME_UNKNOWN if that can't be told any more. `onOverdue` is called when it
   * takes longer than a client should wait; the promise settles later all the same.
   */
  propose(payload: Uint8Array, term: number, onOverdue: (error: HarmonyError) => void): Promise<LogPosition>
  /**
   * Resolves when it is certain that no other member committed anything before this call that this one does not
   * know (Raft thesis 6.4). Rejects with NOT_LEADER if it does not lead in `term` any more.
   */
  confirmLeadership(term: number): Promise<void>
  /** Entries up to `index` are durable in the SQLite file, so the log need keep only some, for other members. */
  compact(index: number, isResting: boolean): Promise<void>
  /** The SQLite file has everything up to `index`: so it is committed, although a start may have forgotten that (the journal is told of commits late). */
  noteInFile(index: number): void
  /** Makes durable how far the log is committed. */
  noteCommit(): Promise<void>
}
