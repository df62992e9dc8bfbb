/**
 * What the cluster has committed, as seen from outside: for each index the entry that some core first called
 * committed, with the term in which it did. The truth that the checkers compare everything with.
 */

import type { Entry } from '../../src/raft/entry.ts'

export interface CommittedEntry {
  readonly entry: Entry
  /** The term of the replica that first knew it committed. */
  readonly inTerm: number
  /** The member that first knew. */
  readonly by: number
}

export class Ledger {
  readonly #entries: CommittedEntry[] = []

  get lastIndex(): number {
    return this.#entries.length
  }

  at(index: number): CommittedEntry | null {
    return this.#entries[index - 1] ?? null
  }

  append(entry: CommittedEntry): void {
    this.#entries.push(entry)
  }

  all(): readonly CommittedEntry[] {
    return this.#entries
  }
}
