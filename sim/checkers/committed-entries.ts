/**
 * Committed entries are immutable: once some replica calls an entry committed, every replica that reaches its
 * index has this entry, and none ever overwrites it. (What §5.4 proves, and what "committed" means.)
 *
 * This checker also keeps the ledger, because it is the first to see what is committed.
 */

import type { Ready } from '../../src/raft/ready.ts'
import type { Ledger } from '../cluster/ledger.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'
import { sameEntry } from './log-matching.ts'

export class CommittedEntries implements Checker {
  readonly name = 'committed entries immutable'
  readonly #ledger: Ledger
  /** Up to here the log of a life was compared with the ledger. */
  readonly #checked = new Map<Replica, number>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  handedOut(replica: Replica, ready: Ready): void {
    const { write } = ready
    const first = write?.entries[0]
    const checked = this.#checked.get(replica) ?? 0
    if (first !== undefined && first.index <= checked) this.#checked.set(replica, first.index - 1)
    if (write?.snapshot) this.#checkSnapshot(replica, write.snapshot.index, write.snapshot.term)
    if (!replica.awaitsSnapshot) this.#compare(replica)
  }

  ended(replica: Replica): void {
    this.#checked.delete(replica)
  }

  #compare(replica: Replica): void {
    const { raft, log } = replica
    const from = Math.max(this.#checked.get(replica) ?? 0, log.base.index) + 1
    for (let index = from; index <= raft.commit; index += 1) this.#compareAt(replica, index)
    this.#checked.set(replica, Math.max(raft.commit, from - 1))
  }

  #compareAt({ id, raft, log }: Replica, index: number): void {
    const entry = log.entry(index)
    if (entry === null) {
      throw this.#violation(id.id, index, `calls index ${index} committed, which is not in its log`)
    }
    const known = this.#ledger.at(index)
    if (known === null) {
      this.#ledger.append({ entry, inTerm: raft.term, by: id.id })
    } else if (!sameEntry(known.entry, entry)) {
      const { entry: other, by } = known
      throw this.#violation(
        id.id,
        index,
        `calls entry ${index}.${entry.term} committed; member ${by} had committed ${index}.${other.term}`,
        by,
      )
    }
  }

  #checkSnapshot(replica: Replica, index: number, term: number): void {
    const known = this.#ledger.at(index)
    if (known !== null && known.entry.term === term) return
    const truth = known === null ? 'nobody has committed it' : `committed is ${index}.${known.entry.term}`
    throw this.#violation(replica.id.id, index, `installs a snapshot of ${index}.${term}: ${truth}`)
  }

  #violation(member: number, index: number, what: string, other = member): Violation {
    return new Violation(this.name, `member ${member} ${what}`, {
      members: [member, other],
      indexes: [index],
    })
  }
}
