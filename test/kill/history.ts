/** What the writers know: the transactions of each, by number, with the outcome that the member told. */

import assert from 'node:assert/strict'
import type { Outcome } from './client.ts'

export interface Totals {
  committed: number
  refused: number
  unknown: number
  /** Unknown to its client, and applied. */
  unknownApplied: number
}

export class History {
  readonly totals: Totals = { committed: 0, refused: 0, unknown: 0, unknownApplied: 0 }
  /** Outcomes since the last check. */
  readonly #outcomes = new Map<number, Map<number, Outcome>>()
  /** By writer: transactions that are applied, as the last check has seen them. */
  readonly #applied = new Map<number, number>()
  /** By writer: its highest transaction that is applied. */
  readonly #lastApplied = new Map<number, number>()

  record(writer: number, number: number, outcome: Outcome): void {
    const known = this.#outcomes.get(writer) ?? new Map<number, Outcome>()
    known.set(number, outcome)
    this.#outcomes.set(writer, known)
    this.totals[outcome.kind]++
  }

  unknown(): { readonly writer: number; readonly number: number }[] {
    return [...this.#outcomes].flatMap(([writer, outcomes]) =>
      [...outcomes].filter(([, { kind }]) => kind === 'unknown').map(([number]) => ({ writer, number })),
    )
  }

  /** Lowest number of the writer that is not checked yet, or null if it has made none since. */
  firstUnchecked(writer: number): number | null {
    const numbers = [...(this.#outcomes.get(writer)?.keys() ?? [])]
    return numbers.length === 0 ? null : Math.min(...numbers)
  }

  get writers(): readonly number[] {
    return [...new Set([...this.#outcomes.keys(), ...this.#applied.keys()])]
  }

  /** `found`: number → how many of its rows are there, for the transactions since the last check. */
  checkRows(writer: number, found: ReadonlyMap<number, number>, rowsOfOne: number): void {
    const outcomes = this.#outcomes.get(writer) ?? new Map<number, Outcome>()
    for (const [number, rows] of found) {
      assert.equal(
        rows,
        rowsOfOne,
        `transaction ${number} of writer ${writer} is there in part: ${rows} rows`,
      )
      const outcome = outcomes.get(number)
      assert.ok(outcome !== undefined, `transaction ${number} of writer ${writer} was never made`)
      assert.notEqual(
        outcome.kind,
        'refused',
        `transaction ${number} of writer ${writer} was refused and is there`,
      )
      if (outcome.kind === 'unknown') this.totals.unknownApplied++
    }
    for (const [number, { kind }] of outcomes) {
      if (kind === 'committed')
        assert.ok(found.has(number), `LOST: transaction ${number} of writer ${writer}`)
    }
    this.#applied.set(writer, (this.#applied.get(writer) ?? 0) + found.size)
    this.#lastApplied.set(writer, Math.max(this.#lastApplied.get(writer) ?? 0, ...found.keys()))
    this.#outcomes.delete(writer)
  }

  appliedCount(writer: number): number {
    return this.#applied.get(writer) ?? 0
  }

  lastApplied(writer: number): number {
    return this.#lastApplied.get(writer) ?? 0
  }
}
