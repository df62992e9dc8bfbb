/** Rows as sqllogictest writes them, and whether they are the expected ones. */

import { createHash } from 'node:crypto'
import type { QueryRecord } from './records.ts'

/** A value in PostgreSQL's text format; null for NULL. */
export type TextValue = string | null

/** Null where the rows are the expected ones, else what differs. */
export function differenceOf(record: QueryRecord, rows: readonly (readonly TextValue[])[]): string | null {
  const width = record.types.length
  const wrong = rows.find((row) => row.length !== width)
  if (wrong !== undefined) return `${wrong.length} columns instead of ${width}`
  const values = sorted(
    rows.map((row) => row.map((value, column) => written(value, record.types[column] ?? 'T'))),
    record.sortMode,
  )
  const hashed = /^(\d+) values hashing to ([0-9a-f]{32})$/.exec(record.expected[0] ?? '')
  if (hashed !== null) {
    const [, count, hash] = hashed
    if (String(values.length) !== count) return `${values.length} values instead of ${count}`
    return hashOf(values) === hash ? null : 'other values than those that were hashed'
  }
  // Some scripts write a whole row on a line.
  const expected = record.expected.join('\n')
  if (values.join('\n') === expected || rowLines(values, width) === expected) return null
  return `got ${JSON.stringify(values.slice(0, 10))}, expected ${JSON.stringify(record.expected.slice(0, 10))}`
}

function rowLines(values: readonly string[], width: number): string {
  return Array.from({ length: values.length / width }, (_, row) =>
    values.slice(row * width, (row + 1) * width).join(' '),
  ).join('\n')
}

function hashOf(values: readonly string[]): string {
  const hash = createHash('md5')
  for (const value of values) hash.update(`${value}\n`)
  return hash.digest('hex')
}

/** As the reference program shows values: integers as C's `%d`, reals as `%.3f`, what can't be printed as `@`. */
function written(value: TextValue, type: string): string {
  if (value === null) return 'NULL'
  if (type === 'I') return integerText(value)
  if (type === 'R') return realText(value)
  // oxlint-disable-next-line no-control-regex -- these are what is replaced
  return value === '' ? '(empty)' : value.replaceAll(/[^\u0020-\u007e]/g, '@')
}

/** A text that begins with no number counts as 0, as in SQLite's conversions. */
function integerText(value: string): string {
  const integer = /^\s*[+-]?\d+$/.exec(value)
  if (integer !== null) return BigInt(value.trim()).toString()
  const number = Number.parseFloat(value)
  return Number.isNaN(number) ? '0' : Math.trunc(number).toString()
}

function realText(value: string): string {
  const number = Number.parseFloat(value)
  return (Number.isNaN(number) ? 0 : number).toFixed(3)
}

function sorted(rows: readonly (readonly string[])[], mode: QueryRecord['sortMode']): string[] {
  switch (mode) {
    case 'nosort':
      return rows.flat()
    case 'rowsort':
      return rows.toSorted(compareRows).flat()
    case 'valuesort':
      return rows.flat().toSorted(compareBytes)
  }
}

function compareRows(a: readonly string[], b: readonly string[]): number {
  for (const [index, value] of a.entries()) {
    const order = compareBytes(value, b[index] ?? '')
    if (order !== 0) return order
  }
  return 0
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
