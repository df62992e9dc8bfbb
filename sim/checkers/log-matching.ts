/**
 * Log Matching: "if two logs contain an entry with the same index and term, then the logs are identical in all
 * entries up through the given index" (§5.3, Figure 3).
 *
 * It is enough to look at each entry when it is written: an entry of one index and term must always have the
 * same contents and follow an entry of the same term. The rest follows by induction over the index.
 */

import type { Entry } from '../../src/raft/entry.ts'
import type { AppendRequest } from '../../src/raft/message.ts'
import type { Ready } from '../../src/raft/ready.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

interface Known {
  readonly entry: Entry
  readonly previousTerm: number
  /** The member that wrote it first. */
  readonly by: number
}

export class LogMatching implements Checker {
  readonly name = 'log matching'
  readonly #known = new Map<number, Map<number, Known>>()

  handedOut(replica: Replica, { write, messages }: Ready): void {
    for (const entry of write?.entries ?? []) this.#check(replica, entry)
    for (const message of messages) if (message.type === 'append-request') this.#checkSent(replica, message)
  }

  #checkSent({ id }: Replica, { previousIndex, previousTerm, term, entries }: AppendRequest): void {
    const exists = previousIndex === 0 || this.#known.get(previousIndex)?.has(previousTerm) === true
    const isConsecutive = entries.every((entry, at) => entry.index === previousIndex + 1 + at)
    if (exists && isConsecutive) return
    const what = exists ? 'entries with a hole' : 'entries'
    throw new Violation(
      this.name,
      `member ${id.id} sends ${what} after ${previousIndex}.${previousTerm}, ${exists ? '' : 'which no log ever held, '}in term ${term}`,
      { members: [id.id], terms: [term], indexes: [previousIndex] },
    )
  }

  #check({ id, log }: Replica, entry: Entry): void {
    const { index, term } = entry
    const previousTerm = log.term(index - 1)
    if (previousTerm === null) {
      throw new Violation(this.name, `member ${id.id} writes entry ${index}.${term} after a hole`, {
        members: [id.id],
        indexes: [index],
      })
    }
    const known = this.#lookUp(entry, previousTerm, id.id)
    if (known.previousTerm === previousTerm && sameEntry(known.entry, entry)) return
    const what =
      known.previousTerm === previousTerm ? 'with other contents' : `after ${index - 1}.${previousTerm}`
    const where = `${index}.${term}`
    throw new Violation(
      this.name,
      `member ${id.id} writes entry ${where} ${what}; member ${known.by} wrote it after ${index - 1}.${known.previousTerm}`,
      { members: [id.id, known.by], terms: [term], indexes: [index, index - 1] },
    )
  }

  /** The entry of this index and term, now or when it was first written. */
  #lookUp(entry: Entry, previousTerm: number, by: number): Known {
    let terms = this.#known.get(entry.index)
    if (terms === undefined) {
      terms = new Map()
      this.#known.set(entry.index, terms)
    }
    let known = terms.get(entry.term)
    if (known === undefined) {
      known = { entry, previousTerm, by }
      terms.set(entry.term, known)
    }
    return known
  }
}

export function sameEntry(left: Entry, right: Entry): boolean {
  if (left === right) return true
  if (left.index !== right.index || left.term !== right.term || left.kind !== right.kind) return false
  return left.data.length === right.data.length && left.data.every((byte, at) => byte === right.data[at])
}
