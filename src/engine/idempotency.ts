/**
 * Idempotency keys: what came of a transaction, stored in the same SQLite transaction as its effect, so that a retry
 * after OUTCOME_UNKNOWN gets the answer of the first try and nothing is done twice.
 *
 * Keys expire by log time, so that every replica forgets them at the same entry. Outcomes are stored as
 *
 *     u8 version (1) | u8 flags (1: foreign keys on, 2: rows left out)
 *     i64 last_insert_rowid | bigVarint changes | bigVarint total_changes | bigVarint index
 *     varint results, each:
 *       varint columns, each: string name, u8 1 and string declared type, or u8 0
 *       varint rows, each: one value for each column, as in `base/value-codec.ts`
 *       bigVarint changes | u8 1 and i64 last_insert_rowid, or u8 0
 */

import { assert } from '../base/assert.ts'
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { ResultColumn, StatementResult } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'
import { readValue, writeValue } from '../base/value-codec.ts'

type Committed = TransactionOutcome & { kind: 'committed' }

const OUTCOME_VERSION = 1
/** A larger outcome is stored without its rows: a retry learns that it was committed, and where. */
const OUTCOME_BYTES_MAX = 256 * 1024
/** Expired keys that one entry removes at most. */
const EXPIRED_KEYS_MAX = 1_000

const FLAG_FOREIGN_KEYS = 1
const FLAG_WITHOUT_ROWS = 2

function writeColumn(writer: ByteWriter, column: ResultColumn): void {
  writer.string(column.name).boolean(column.declaredType !== null)
  if (column.declaredType !== null) writer.string(column.declaredType)
}

function writeResult(writer: ByteWriter, result: StatementResult, withRows: boolean): void {
  writer.varint(result.columns.length)
  for (const column of result.columns) writeColumn(writer, column)
  const rows = withRows ? result.rows : []
  writer.varint(rows.length)
  for (const row of rows) for (const value of row) writeValue(writer, value)
  writer.bigVarint(result.changes).boolean(result.lastInsertRowid !== null)
  if (result.lastInsertRowid !== null) writer.i64(result.lastInsertRowid)
}

function encode(outcome: Committed, withRows: boolean): Uint8Array {
  const { context, index, results } = outcome
  const writer = new ByteWriter(256)
  writer.u8(OUTCOME_VERSION)
  writer.u8((context.foreignKeys ? FLAG_FOREIGN_KEYS : 0) | (withRows ? 0 : FLAG_WITHOUT_ROWS))
  writer
    .i64(context.lastInsertRowid)
    .bigVarint(context.changes)
    .bigVarint(context.totalChanges)
    .bigVarint(index)
  writer.varint(results.length)
  for (const result of results) writeResult(writer, result, withRows)
  return writer.toBytes()
}

function readResult(reader: ByteReader): StatementResult {
  const columns = Array.from({ length: reader.varint() }, () => ({
    name: reader.string(),
    declaredType: reader.boolean() ? reader.string() : null,
  }))
  const rows = Array.from({ length: reader.varint() }, () => columns.map(() => readValue(reader)))
  const changes = reader.bigVarint()
  return { columns, rows, changes, lastInsertRowid: reader.boolean() ? reader.i64() : null }
}

function decode(bytes: Uint8Array): Committed {
  const reader = new ByteReader(bytes)
  assert(reader.u8() === OUTCOME_VERSION, 'a stored outcome has another version')
  const flags = reader.u8()
  const context = {
    foreignKeys: (flags & FLAG_FOREIGN_KEYS) !== 0,
    lastInsertRowid: reader.i64(),
    changes: reader.bigVarint(),
    totalChanges: reader.bigVarint(),
  }
  const index = reader.bigVarint()
  const results = Array.from({ length: reader.varint() }, () => readResult(reader))
  return { kind: 'committed', results, context, index }
}

export class IdempotencyKeys {
  readonly #connection: WriterConnection
  readonly #lifetimeMs: number
  /** No key expires before; a lower bound. */
  #nextExpiryMs: number

  constructor(connection: WriterConnection, lifetimeMs: number) {
    this.#connection = connection
    this.#lifetimeMs = lifetimeMs
    this.#nextExpiryMs = this.#findNextExpiry()
  }

  /** Another connection has stored or forgotten keys. */
  refresh(): void {
    this.#nextExpiryMs = this.#findNextExpiry()
  }

  /** What came of the transaction with `key`; null if none was committed, or too long ago. */
  find(key: string, timeMs: number): Committed | null {
    const sql = 'SELECT outcome FROM _harmony_idempotency WHERE key = ? AND expires_ms > ?'
    const outcome = this.#connection.row(sql, key, BigInt(timeMs))?.[0]
    return outcome === undefined ? null : decode(outcome as Uint8Array)
  }

  store(key: string, outcome: Committed, timeMs: number): void {
    const whole = encode(outcome, true)
    const bytes = whole.length > OUTCOME_BYTES_MAX ? encode(outcome, false) : whole
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, timeMs + this.#lifetimeMs)
    this.#connection
      .own('INSERT OR REPLACE INTO _harmony_idempotency VALUES (?, ?, ?)')
      .run(key, BigInt(timeMs + this.#lifetimeMs), bytes)
  }

  /** Forgets keys that have expired, a bounded number each time. */
  expire(timeMs: number): void {
    if (this.#nextExpiryMs > timeMs) return
    this.#connection
      .own(
        `DELETE FROM _harmony_idempotency WHERE key IN (SELECT key FROM _harmony_idempotency
         WHERE expires_ms <= ? ORDER BY expires_ms, key LIMIT ${EXPIRED_KEYS_MAX})`,
      )
      .run(BigInt(timeMs))
    this.#nextExpiryMs = this.#findNextExpiry()
  }

  #findNextExpiry(): number {
    const expiry = this.#connection.row('SELECT min(expires_ms) FROM _harmony_idempotency')?.[0]
    return typeof expiry === 'bigint' ? Number(expiry) : Number.POSITIVE_INFINITY
  }
}
