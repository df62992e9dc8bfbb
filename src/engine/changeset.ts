/**
 * SQLite's changeset format (sqlite3session.c, "changeset format"), parsed.
 *
 * A changeset is one group for each table:
 *
 *     'T' | varint columns | one byte per column, not 0 in the primary key | table name | NUL
 *
 * followed by its rows:
 *
 *     operation (18 insert, 9 delete, 23 update) | indirect (0 or 1) | record(s)
 *
 * An insert has the new record, a delete the old one, an update both. A record holds one value for each column:
 *
 *     0 undefined | 1 INTEGER, 8 bytes | 2 REAL, 8 bytes | 3 TEXT, varint length, UTF-8 | 4 BLOB, varint length | 5 NULL
 *
 * All numbers are big-endian; varints are SQLite's own (at most 9 bytes, high bits first).
 *
 * Changesets come from our own SQLite, so that a malformed one is a bug and fails an assertion.
 */

import { assert } from '../base/assert.ts'
import type { SqlValue } from '../base/value.ts'
import type { RowChange } from './engine.ts'

const TABLE_MARK = 0x54
const OPERATIONS: Readonly<Record<number, RowChange['operation']>> = {
  18: 'insert',
  9: 'delete',
  23: 'update',
}

/** One row of a changeset, not decoded. */
export interface RawRow {
  readonly operation: RowChange['operation']
  readonly isIndirect: boolean
  /** The record or records. */
  readonly records: Uint8Array
}

export interface TableGroup {
  readonly table: string
  readonly primaryKey: readonly boolean[]
  readonly rows: readonly RawRow[]
}

const decoder = new TextDecoder('utf-8')

class Cursor {
  readonly bytes: Uint8Array
  readonly #view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length
  }

  u8(): number {
    assert(this.at < this.bytes.length, 'a changeset ends within a field')
    return this.bytes[this.at++] as number
  }

  varint(): number {
    let value = 0
    for (let count = 0; count < 8; count++) {
      const byte = this.u8()
      value = value * 128 + (byte & 0x7f)
      if (byte < 128) return value
    }
    return value * 256 + this.u8()
  }

  i64(): bigint {
    this.at += 8
    return this.#view.getBigInt64(this.at - 8)
  }

  f64(): number {
    this.at += 8
    return this.#view.getFloat64(this.at - 8)
  }

  take(sizeBytes: number): Uint8Array {
    this.at += sizeBytes
    assert(this.at <= this.bytes.length, 'a changeset ends within a field')
    return this.bytes.subarray(this.at - sizeBytes, this.at)
  }

  text(): string {
    const end = this.bytes.indexOf(0, this.at)
    assert(end >= 0, 'a table name does not end')
    const text = decoder.decode(this.bytes.subarray(this.at, end))
    this.at = end + 1
    return text
  }

  skipRecord(columns: number): void {
    for (let column = 0; column < columns; column++) {
      const type = this.u8()
      if (type === 1 || type === 2) this.at += 8
      else if (type === 3 || type === 4) this.take(this.varint())
      else assert(type === 0 || type === 5, 'a value has an unknown type')
    }
    assert(this.at <= this.bytes.length, 'a changeset ends within a record')
  }

  record(columns: number): (SqlValue | undefined)[] {
    return Array.from({ length: columns }, () => this.#value())
  }

  #value(): SqlValue | undefined {
    const type = this.u8()
    if (type === 0) return undefined
    if (type === 1) return this.i64()
    if (type === 2) return this.f64()
    if (type === 3) return decoder.decode(this.take(this.varint()))
    if (type === 4) return this.take(this.varint()).slice()
    assert(type === 5, 'a value has an unknown type')
    return null
  }
}

function groupRow(cursor: Cursor, columns: number): RawRow {
  const operation = OPERATIONS[cursor.u8()]
  assert(operation !== undefined, 'a row has an unknown operation')
  const isIndirect = cursor.u8() !== 0
  const start = cursor.at
  cursor.skipRecord(columns)
  if (operation === 'update') cursor.skipRecord(columns)
  return { operation, isIndirect, records: cursor.bytes.subarray(start, cursor.at) }
}

/** The tables of a changeset with their rows, which stay views of `changeset`. */
export function tableGroups(changeset: Uint8Array): TableGroup[] {
  const cursor = new Cursor(changeset)
  const groups: { table: string; primaryKey: boolean[]; rows: RawRow[] }[] = []
  while (!cursor.isAtEnd) {
    if (cursor.bytes[cursor.at] === TABLE_MARK) {
      cursor.at++
      const primaryKey = Array.from(cursor.take(cursor.varint()), (byte) => byte !== 0)
      groups.push({ table: cursor.text(), primaryKey, rows: [] })
      continue
    }
    const group = groups.at(-1)
    assert(group !== undefined, 'a changeset begins without a table')
    group.rows.push(groupRow(cursor, group.primaryKey.length))
  }
  return groups
}

export function decodeRow(group: TableGroup, row: RawRow): RowChange {
  const cursor = new Cursor(row.records)
  const columns = group.primaryKey.length
  const before = row.operation === 'insert' ? null : cursor.record(columns)
  const after = row.operation === 'delete' ? null : cursor.record(columns)
  const { operation, isIndirect } = row
  return { table: group.table, operation, isIndirect, primaryKey: group.primaryKey, before, after }
}
