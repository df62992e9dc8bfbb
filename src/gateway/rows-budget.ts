/**
 * How many rows of a batch its client holds until it is complete. Rows of a write are there when it is done, so no limit may take them away: they are told, and steps behind
 * them that could give more do not run. A read is stopped where it passes the limit.
 */

import { HarmonyError } from '../base/errors.ts'
import type { SqlValue } from '../base/value.ts'

/** About what it takes in an answer; the encodings differ. */
function valueBytes(value: SqlValue): number {
  if (typeof value === 'string') return value.length + 24
  if (value instanceof Uint8Array) return value.byteLength + 24
  return 24
}

export function rowBytes(row: readonly SqlValue[]): number {
  let bytes = 16
  for (const value of row) bytes += valueBytes(value)
  return bytes
}

export class RowsBudget {
  readonly #bytesMax: number
  #bytes = 0

  /** Infinity for who takes rows as they come. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What is held so far, to go back to it. */
  get bytes(): number {
    return this.#bytes
  }

  /** Rows that are told whatever their size. */
  hold(rows: readonly (readonly SqlValue[])[]): void {
    if (this.#bytesMax !== Infinity) for (const row of rows) this.#bytes += rowBytes(row)
  }

  /** Rows of a read, of which more may come. Throws RESPONSE_TOO_LARGE. */
  holdOrStop(rows: readonly (readonly SqlValue[])[]): void {
    this.hold(rows)
    if (this.#bytes <= this.#bytesMax) return
    throw new HarmonyError(
      'RESPONSE_TOO_LARGE',
      `With the rows of this step the batch passes the limit of ${this.#bytesMax} bytes. ` +
        'Read less at once (LIMIT), or use a cursor, which has no limit.',
    )
  }

  /** The rows since then are told to nobody. */
  letGo(bytes: number): void {
    this.#bytes = bytes
  }

  /** Why a step that may give rows does not run; null while there is room. */
  get refusal(): HarmonyError | null {
    if (this.#bytes < this.#bytesMax) return null
    return new HarmonyError(
      'RESPONSE_TOO_LARGE',
      `This step did not run: the rows of the steps before it, which have run, fill the limit of ${this.#bytesMax} bytes. ` +
        'Send it again in a batch of its own, or use a cursor, which has no limit.',
    )
  }
}
