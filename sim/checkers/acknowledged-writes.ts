/**
 * The client oracle: what a client was told is true. An acknowledged command is committed at the position that
 * it was told, and only there; one that was refused or called lost is never committed. Those with unknown
 * outcome may be either, but no command is committed twice.
 */

import type { Ledger } from '../cluster/ledger.ts'
import { decodeCommand } from '../cluster/command.ts'
import { Violation } from './checker.ts'
import type { Checker } from './checker.ts'

export class AcknowledgedWrites implements Checker {
  readonly name = 'acknowledged writes present'
  readonly #ledger: Ledger
  readonly #acknowledged = new Map<number, { readonly index: number; readonly term: number }>()
  readonly #refused = new Set<number>()
  /** Where each operation was committed. */
  readonly #committed = new Map<number, number>()
  #scanned = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Where an operation was committed; null if it was not. */
  committedAt(operation: number): number | null {
    this.#scan()
    return this.#committed.get(operation) ?? null
  }

  acknowledged(operation: number, index: number, term: number): void {
    this.#acknowledged.set(operation, { index, term })
    this.#scan()
    if (this.#committed.get(operation) !== index) {
      throw this.#violation(
        index,
        `operation ${operation} is acknowledged at ${index}.${term} and not committed there`,
      )
    }
  }

  refused(operation: number): void {
    this.#refused.add(operation)
    const index = this.#committed.get(operation)
    if (index !== undefined)
      throw this.#violation(index, `operation ${operation} is called lost and committed`)
  }

  finished(): void {
    this.#scan()
    for (const [operation, { index, term }] of this.#acknowledged) {
      if (this.#committed.get(operation) === index) continue
      throw this.#violation(
        index,
        `operation ${operation}, acknowledged at ${index}.${term}, is not there at the end`,
      )
    }
  }

  #scan(): void {
    while (this.#scanned < this.#ledger.lastIndex) {
      this.#scanned += 1
      const entry = this.#ledger.at(this.#scanned)?.entry
      if (entry?.kind === 'command') this.#noteCommitted(decodeCommand(entry.data).operation, entry.index)
    }
  }

  #noteCommitted(operation: number, index: number): void {
    const earlier = this.#committed.get(operation)
    if (earlier !== undefined) {
      throw this.#violation(index, `operation ${operation} is committed twice, at ${earlier} and at ${index}`)
    }
    if (this.#refused.has(operation)) {
      throw this.#violation(index, `operation ${operation} was called lost and is committed at ${index}`)
    }
    this.#committed.set(operation, index)
  }

  #violation(index: number, what: string): Violation {
    return new Violation(this.name, what, { indexes: [index] })
  }
}
