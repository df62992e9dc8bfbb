/**
 * The durable commit, behind one narrow interface: propose a payload, learn that it is committed. Everything else of a group works the
 * same whether one member decides alone or a majority of several.
 */

import type { GroupLog } from '../journal/group-log.ts'
import type { LogBase } from '../journal/format.ts'
import type { Entry, HardState, ReplicaId } from '../raft/entry.ts'
import { INITIAL_GENERATION } from '../raft/entry.ts'

/** A place in the log. */
export interface LogPosition {
  readonly index: number
  readonly term: number
}

export interface CommitLog {
  /** Entries up to it are committed. */
  readonly commitIndex: number
  /** Entries up to it are no longer in the log. */
  readonly base: LogPosition
  /** The term at `index`; null outside of the log. */
  term(index: number): number | null
  /**
   * Appends the payload to the log and resolves when it is committed. One at a time. Rejects with NOT_LEADER, DISK_FULL or
   * DISK_FAILED if it is certain that it never will be, with OUTCOME_UNKNOWN if it may be.
   */
  propose(payload: Uint8Array): Promise<LogPosition>
  /** Committed entries from `from` on, at least one, as many as fit `sizeBytesMax`. */
  entries(from: number, sizeBytesMax: number): Promise<readonly Entry[]>
  /**
   * Resolves when it is certain that no other member committed anything before this call that this one does not
   * know (Raft thesis 6.4). Rejects with NOT_LEADER.
   */
  confirmLeadership(): Promise<void>
  /** Entries up to `index` are durable in the SQLite file, so the log need not keep them. */
  compact(index: number): Promise<void>
  /** The group is no more: forgets everything of it. */
  destroy(): Promise<void>
}

/** This member's replica in a group of its own. */
const SELF: ReplicaId = { id: 1, generation: INITIAL_GENERATION }

/**
 * A group of one voter, which is its own majority: what is durable here is committed. Each start is an election that it wins, so the
 * log is one that a Raft group of one could have written.
 */
export class SingleMemberLog implements CommitLog {
  readonly #log: GroupLog
  readonly #term: number
  #isTermDurable = false

  constructor(log: GroupLog) {
    this.#log = log
    this.#term = log.hardState.term + 1
  }

  get commitIndex(): number {
    return this.#log.lastIndex
  }

  get base(): LogPosition {
    return this.#log.base
  }

  term(index: number): number | null {
    return this.#log.term(index)
  }

  async propose(payload: Uint8Array): Promise<LogPosition> {
    const position = { index: this.#log.lastIndex + 1, term: this.#term }
    const entry: Entry = { ...position, kind: 'command', data: payload }
    const hardState: HardState = { term: this.#term, votedFor: SELF, commit: this.#log.lastIndex }
    // A vote has to be durable before anything of its term: here both are in one frame.
    await this.#log.write(this.#isTermDurable ? { entries: [entry] } : { entries: [entry], hardState })
    this.#isTermDurable = true
    return position
  }

  entries(from: number, sizeBytesMax: number): Promise<readonly Entry[]> {
    return this.#log.entries(from, this.#log.lastIndex + 1, sizeBytesMax)
  }

  async confirmLeadership(): Promise<void> {}

  async compact(index: number): Promise<void> {
    const term = this.#log.term(index)
    if (term === null || index <= this.#log.base.index) return
    const base: LogBase = { index, term, configuration: this.#log.base.configuration }
    await this.#log.compact(base)
  }

  destroy(): Promise<void> {
    return this.#log.remove(SELF.generation)
  }
}
