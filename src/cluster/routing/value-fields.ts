/** The fields that calls and answers have in common, in the notation of `base/bytes.ts`. */

import type { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { DecodeError } from '../../base/bytes.ts'
import type { ErrorData, SessionContext } from '../../base/transaction.ts'
import { readCount, readValue, writeValue } from '../../base/value-codec.ts'
import type { ResultColumn, SqlStatement, SqlValue, StatementResult } from '../../base/value.ts'

export function writeOptional<T>(
  writer: ByteWriter,
  value: T | null,
  write: (writer: ByteWriter, value: T) => void,
): void {
  writer.boolean(value !== null)
  if (value !== null) write(writer, value)
}

export function readOptional<T>(reader: ByteReader, read: (reader: ByteReader) => T): T | null {
  return reader.boolean() ? read(reader) : null
}

export function readMany<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const count = readCount(reader)
  const items: T[] = []
  for (let at = 0; at < count; at++) items.push(read(reader))
  return items
}

export const writeString = (writer: ByteWriter, text: string): void => void writer.string(text)
export const readString = (reader: ByteReader): string => reader.string()
export const writeVarint = (writer: ByteWriter, value: number): void => void writer.varint(value)
export const readVarint = (reader: ByteReader): number => reader.varint()

export function writeContext(writer: ByteWriter, context: SessionContext): void {
  writer.boolean(context.foreignKeys).i64(context.lastInsertRowid)
  writer.bigVarint(context.changes).bigVarint(context.totalChanges)
}

export function readContext(reader: ByteReader): SessionContext {
  return {
    foreignKeys: reader.boolean(),
    lastInsertRowid: reader.i64(),
    changes: reader.bigVarint(),
    totalChanges: reader.bigVarint(),
  }
}

/** `previous` is the text of the statement before, which is not sent again: bulk inserts repeat one text thousands of times. */
export function writeStatement(
  writer: ByteWriter,
  { sql, args }: SqlStatement,
  previous: string | null,
): void {
  writer.boolean(sql === previous)
  if (sql !== previous) writer.string(sql)
  writer.varint(args.positional.length)
  for (const value of args.positional) writeValue(writer, value)
  writer.varint(args.named.length)
  for (const [name, value] of args.named) writeValue(writer.string(name), value)
}

export function readStatement(reader: ByteReader, previous: string | null): SqlStatement {
  const { offset } = reader
  const sql = reader.boolean() ? previous : reader.string()
  if (sql === null) throw new DecodeError('no statement before the first one', offset)
  const positional = readMany(reader, readValue)
  const named = readMany(reader, (from) => [from.string(), readValue(from)] as const)
  return { sql, args: { positional, named } }
}

export function writeStatements(writer: ByteWriter, statements: readonly SqlStatement[]): void {
  writer.varint(statements.length)
  let previous: string | null = null
  for (const statement of statements) {
    writeStatement(writer, statement, previous)
    previous = statement.sql
  }
}

export function readStatements(reader: ByteReader): SqlStatement[] {
  let previous: string | null = null
  return readMany(reader, (from) => {
    const statement = readStatement(from, previous)
    previous = statement.sql
    return statement
  })
}

export function writeColumn(writer: ByteWriter, { name, declaredType }: ResultColumn): void {
  writeOptional(writer.string(name), declaredType, writeString)
}

export function readColumn(reader: ByteReader): ResultColumn {
  return { name: reader.string(), declaredType: readOptional(reader, readString) }
}

export function writeResult(
  writer: ByteWriter,
  { columns, rows, changes, lastInsertRowid }: StatementResult,
): void {
  writer.varint(columns.length)
  for (const column of columns) writeColumn(writer, column)
  writer.varint(rows.length)
  for (const row of rows) for (const value of row) writeValue(writer, value)
  writer.bigVarint(changes)
  writeOptional(writer, lastInsertRowid, (to, rowid) => void to.i64(rowid))
}

export function readResult(reader: ByteReader): StatementResult {
  const columns = readMany(reader, readColumn)
  const { offset } = reader
  const rowCount = readCount(reader)
  // Rows without columns would have no bytes, and any number of them would fit.
  if (columns.length === 0 && rowCount > 0) throw new DecodeError('rows without columns', offset)
  const rows: SqlValue[][] = []
  for (let at = 0; at < rowCount; at++) rows.push(readRow(reader, columns.length))
  const changes = reader.bigVarint()
  return { columns, rows, changes, lastInsertRowid: readOptional(reader, (from) => from.i64()) }
}

function readRow(reader: ByteReader, width: number): SqlValue[] {
  const row: SqlValue[] = []
  for (let at = 0; at < width; at++) row.push(readValue(reader))
  return row
}

export function writeError(writer: ByteWriter, { code, message, offset }: ErrorData): void {
  writeOptional(writer.string(code).string(message), offset, writeVarint)
}

export function readError(reader: ByteReader): ErrorData {
  return { code: reader.string(), message: reader.string(), offset: readOptional(reader, readVarint) }
}
