/** Runs one compiled statement and collects what it gives, within a limit. */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import type { SqlValue } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'
import { bindingOf } from './parameters.ts'
import { fromSqlite, isMachineFailure } from './sqlite-errors.ts'
import type { PreparedStatement } from './statement-cache.ts'

export type StatementRun =
  | {
      readonly kind: 'ok'
      readonly rows: readonly (readonly SqlValue[])[]
      /** Estimated size of `rows` as sent to a client. */
      readonly sizeBytes: number
      /** What `changes()` and `last_insert_rowid()` tell afterwards. */
      readonly changes: bigint
      readonly lastInsertRowid: bigint
    }
  | { readonly kind: 'failed'; readonly error: HarmonyError }

type NodeArguments = Parameters<StatementSync['run']>

const ROW_OVERHEAD_BYTES = 8
const NUMBER_BYTES = 9

function valueSize(value: SqlValue): number {
  if (value === null) return 1
  return typeof value === 'string' || value instanceof Uint8Array ? value.length + 2 : NUMBER_BYTES
}

function rowSize(row: readonly SqlValue[]): number {
  let size = ROW_OVERHEAD_BYTES
  for (const value of row) size += valueSize(value)
  return size
}

function tooLarge(sizeBytesMax: number): HarmonyError {
  return new HarmonyError(
    'RESPONSE_TOO_LARGE',
    `The result is larger than the limit of ${sizeBytesMax} bytes: ask for fewer rows with LIMIT or a WHERE clause`,
  )
}

function collect(
  statement: StatementSync,
  args: NodeArguments,
  sizeBytesMax: number,
): { rows: SqlValue[][]; sizeBytes: number } {
  const rows: SqlValue[][] = []
  let sizeBytes = 0
  const iterator = statement.iterate(...args) as unknown as IterableIterator<SqlValue[]>
  try {
    for (const row of iterator) {
      sizeBytes += rowSize(row)
      if (sizeBytes > sizeBytesMax) throw tooLarge(sizeBytesMax)
      rows.push(row)
    }
  } catch (error) {
    // node:sqlite does not reset a statement whose step has failed: its next use would throw this error once more.
    iterator.return?.()
    throw error
  }
  return { rows, sizeBytes }
}

function runUnguarded(
  connection: WriterConnection,
  prepared: PreparedStatement,
  values: readonly SqlValue[],
  sizeBytesMax: number,
): StatementRun {
  const args = bindingOf(prepared.layout, values) as NodeArguments
  if (prepared.columns.length === 0) {
    const done = prepared.statement.run(...args)
    return {
      kind: 'ok',
      rows: [],
      sizeBytes: 0,
      changes: done.changes as bigint,
      lastInsertRowid: done.lastInsertRowid as bigint,
    }
  }
  const { rows, sizeBytes } = collect(prepared.statement, args, sizeBytesMax)
  const { changes, lastInsertRowid } = connection.counters()
  return { kind: 'ok', rows, sizeBytes, changes, lastInsertRowid }
}

/**
 * Runs a statement. Failures that every replica would have too are its outcome; failures of the machine are thrown.
 * RESPONSE_TOO_LARGE leaves what the statement has done: the caller undoes it.
 */
export function runStatement(
  connection: WriterConnection,
  prepared: PreparedStatement,
  values: readonly SqlValue[],
  sizeBytesMax: number,
): StatementRun {
  try {
    return runUnguarded(connection, prepared, values, sizeBytesMax)
  } catch (cause) {
    const error = fromSqlite(cause, () => connection.isDiskFull())
    if (isMachineFailure(error)) throw error
    return { kind: 'failed', error }
  }
}
