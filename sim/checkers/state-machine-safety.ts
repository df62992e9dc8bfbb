/**
 * State Machine Safety: "if a server has applied a log entry at a given index to its state machine, no other
 * server will ever apply a different log entry for the same index" (§5.4.3, Figure 3). Also: nothing is
 * applied that is not committed, and equal logs give equal state.
 */

import type { Entry } from '../../src/raft/entry.ts'
import type { Ledger } from '../cluster/ledger.ts'
import type { MachineImage } from '../cluster/machine.ts'
import type { Replica } from '../cluster/replica.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'
import { sameEntry } from './log-matching.ts'

export class StateMachineSafety implements Checker {
  readonly name = 'state machine safety'
  readonly #ledger: Ledger
  /** The digest after each index, as the first replica there computed it. */
  readonly #digests = new Map<number, { readonly digest: number; readonly by: number }>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  applied({ id }: Replica, entry: Entry, image: MachineImage): void {
    const { index, term } = entry
    const committed = this.#ledger.at(index)
    if (committed === null)
      throw this.#violation(id.id, index, `applies ${index}.${term}, which nobody committed`)
    if (!sameEntry(committed.entry, entry)) {
      const truth = `${index}.${committed.entry.term}, committed by member ${committed.by}`
      throw this.#violation(id.id, index, `applies ${index}.${term} instead of ${truth}`, committed.by)
    }
    this.#compareDigest(id.id, image)
  }

  installed({ id }: Replica, image: MachineImage): void {
    this.#compareDigest(id.id, image)
  }

  started({ id, image }: Replica): void {
    if (image.appliedIndex > 0) this.#compareDigest(id.id, image)
  }

  #compareDigest(member: number, { appliedIndex, digest }: MachineImage): void {
    const known = this.#digests.get(appliedIndex)
    if (known === undefined) this.#digests.set(appliedIndex, { digest, by: member })
    else if (known.digest !== digest) {
      const what = `has another state at index ${appliedIndex} than member ${known.by}`
      throw this.#violation(member, appliedIndex, what, known.by)
    }
  }

  #violation(member: number, index: number, what: string, other = member): Violation {
    return new Violation(this.name, `member ${member} ${what}`, {
      members: [member, other],
      indexes: [index],
    })
  }
}
