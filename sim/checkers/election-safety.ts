/** Election Safety: "at most one leader can be elected in a given term" (§5.2, Figure 3). */

import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class ElectionSafety implements Checker {
  readonly name = 'election safety'
  readonly #leaders = new Map<number, Replica['id']>()

  stepped({ raft, id }: Replica): void {
    if (raft.role !== 'leader') return
    const { term } = raft
    const leader = this.#leaders.get(term)
    if (leader === undefined) {
      this.#leaders.set(term, id)
    } else if (leader.id !== id.id || leader.generation !== id.generation) {
      throw new Violation(
        this.name,
        `member ${id.id} leads term ${term}, which member ${leader.id} has led`,
        {
          members: [leader.id, id.id],
          terms: [term],
        },
      )
    }
  }
}
