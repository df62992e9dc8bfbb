/** SQL-level cursors: DECLARE, FETCH, MOVE, CLOSE. A cursor holds its whole result, so it scrolls both ways. */

import { LazyMap } from '../../../base/lazy-map.ts'
import { PgError } from '../error.ts'
import type { CommandResult } from './result.ts'
import type { Savepointed } from './savepointed.ts'

interface Cursor {
  readonly result: CommandResult
  readonly isHold: boolean
  /** How many savepoints there were when it was declared; null when that transaction has committed. */
  depth: number | null
  /** Number of the row that was given last; 0 is before the first, one more than there are behind the last. */
  position: number
}

export class Cursors implements Savepointed {
  readonly #cursorsMax: number
  readonly #cursors = new LazyMap<string, Cursor>()
  /** Savepoints of the open transaction. */
  #depth = 0

  constructor(cursorsMax: number) {
    this.#cursorsMax = cursorsMax
  }

  declare(name: string, result: CommandResult, isHold: boolean): void {
    if (this.#cursors.has(name)) throw new PgError('42P03', `cursor "${name}" already exists`)
    if (this.#cursors.size >= this.#cursorsMax) {
      throw new PgError('53400', `a connection may have ${this.#cursorsMax} cursors`)
    }
    this.#cursors.set(name, { result, isHold, position: 0, depth: this.#depth })
  }

  /** The row that is `count` behind the start, before the end where it is negative, or from the row that was given last. */
  fetchRow(name: string, count: number, from: 'start' | 'here'): CommandResult {
    const cursor = this.#cursor(name)
    const { rows } = cursor.result
    const end = rows.length + 1
    const wanted = from === 'here' ? cursor.position + count : count < 0 ? end + count : count
    cursor.position = Math.max(0, Math.min(wanted, end))
    return { ...cursor.result, rows: rows.slice(Math.max(0, cursor.position - 1), cursor.position) }
  }

  /** `count` null is all; negative is backward, and the rows come in that order. 0 is the row that was given last. */
  fetch(name: string, count: number | null): CommandResult {
    if (count === 0) return this.fetchRow(name, 0, 'here')
    const cursor = this.#cursor(name)
    const { rows } = cursor.result
    const wanted = count ?? rows.length
    if (wanted < 0) {
      const end = Math.max(0, Math.min(cursor.position - 1, rows.length))
      const start = Math.max(0, end + wanted)
      cursor.position = start + (end - start < -wanted ? 0 : 1)
      return { ...cursor.result, rows: rows.slice(start, end).toReversed() }
    }
    const start = cursor.position
    cursor.position = Math.min(start + wanted, rows.length + 1)
    return { ...cursor.result, rows: rows.slice(start, start + wanted) }
  }

  has(name: string): boolean {
    return this.#cursors.has(name)
  }

  /** Throws 34000. */
  described(name: string): CommandResult['columns'] {
    return this.#cursor(name).result.columns
  }

  /** null where there is no such cursor. */
  columnsOf(name: string): CommandResult['columns'] {
    return this.#cursors.get(name)?.result.columns ?? null
  }

  close(name: string | null): void {
    if (name === null) this.#cursors.clear()
    else if (!this.#cursors.delete(name)) throw new PgError('34000', `cursor "${name}" does not exist`)
  }

  /** Those WITH HOLD stay where their own transaction commits, whatever becomes of later ones. */
  endTransaction(isCommitted: boolean): void {
    this.#depth = 0
    for (const [name, cursor] of this.#cursors.entries()) {
      if (cursor.depth === null) continue
      if (isCommitted && cursor.isHold) cursor.depth = null
      else this.#cursors.delete(name)
    }
  }

  savepoint(): void {
    this.#depth++
  }

  release(at: number): void {
    this.#depth = at
    for (const cursor of this.#cursors.values())
      if (cursor.depth !== null) cursor.depth = Math.min(cursor.depth, at)
  }

  /** Those from before stay where they are. */
  rollbackTo(at: number): void {
    this.#depth = at + 1
    for (const [name, { depth }] of this.#cursors.entries())
      if (depth !== null && depth > at) this.#cursors.delete(name)
  }

  #cursor(name: string): Cursor {
    const cursor = this.#cursors.get(name)
    if (cursor === undefined) throw new PgError('34000', `cursor "${name}" does not exist`)
    return cursor
  }
}
