/**
 * Leader Completeness: "if a log entry is committed in a given term, then that entry will be present in the
 * logs of the leaders for all higher-numbered terms" (§5.4, Figure 3).
 *
 * Looked at from both sides: when a leader first hands something out, and when something is committed while a
 * leader of a higher term exists.
 */

import type { Ready } from '../../src/raft/ready.ts'
import type { Ledger } from '../cluster/ledger.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class LeaderCompleteness implements Checker {
  readonly name = 'leader completeness'
  readonly #ledger: Ledger
  readonly #leaders = new Map<Replica, { readonly term: number; checked: number }>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  handedOut(replica: Replica, _ready: Ready): void {
    const { raft } = replica
    if (raft.role !== 'leader') this.#leaders.delete(replica)
    else if (this.#leaders.get(replica)?.term !== raft.term) {
      this.#leaders.set(replica, { term: raft.term, checked: 0 })
    }
    for (const [leader, progress] of this.#leaders) {
      while (progress.checked < this.#ledger.lastIndex) {
        progress.checked += 1
        this.#check(leader, progress.term, progress.checked)
      }
    }
  }

  ended(replica: Replica): void {
    this.#leaders.delete(replica)
  }

  #check({ id, log }: Replica, leaderTerm: number, index: number): void {
    const committed = this.#ledger.at(index)
    if (committed === null || committed.inTerm >= leaderTerm || index < log.base.index) return
    const { entry, inTerm } = committed
    const term = log.term(index)
    if (term === entry.term) return
    const has = term === null ? 'nothing' : `${index}.${term}`
    throw new Violation(
      this.name,
      `member ${id.id} leads term ${leaderTerm} and has ${has} at index ${index}; ${index}.${entry.term} was committed in term ${inTerm}`,
      { members: [id.id, committed.by], terms: [leaderTerm, inTerm], indexes: [index] },
    )
  }
}
