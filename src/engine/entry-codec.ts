/**
 * Log entries as bytes. Version 1, in the notation of `base/bytes.ts`:
 *
 *     u8 version (1) | u8 flags (1: COMMIT may fail on deferred foreign keys)
 *     varint time in milliseconds | 16 bytes seed
 *     varint transactions, each:
 *       u8 flags (1: foreign keys on, 2: has an idempotency key)
 *       i64 last_insert_rowid | bigVarint changes | bigVarint total_changes
 *       [string idempotency key]
 *       varint statements, each:
 *         varint position in the client's transaction
 *         u8 flags (1: new chunk before it, 2: uncaptured, 4: fails, 8: reads only, 16: was tried, 32: in a savepoint)
 *         varint text: 0 and a string for a new text, else the ordinal of an earlier one of this entry, from 1
 *         varint values, each: u8 kind (0 NULL, 1 INTEGER i64, 2 REAL f64, 3 TEXT string, 4 BLOB bytes)
 *         [string code of the error, if it fails]
 *     effect: varint tables, each: string name, 16 bytes hash
 *     32 bytes digest chain after the entry
 *
 * An entry comes from a committed log. If it can't be decoded, then the log is damaged or was written by a
 * later version: DATA_CORRUPT and FORMAT_TOO_NEW, and nothing is applied.
 */

import { ByteReader, ByteWriter, DecodeError } from '../base/bytes.ts'
import { HarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import { readCount, readValue, writeValue } from '../base/value-codec.ts'
import type { SqlValue } from '../base/value.ts'
import { TABLE_HASH_BYTES } from './capture.ts'
import type { TableEffect } from './capture.ts'
import type { EntryStamp } from './engine.ts'

export const ENTRY_VERSION = 1
const SEED_BYTES = 16
const DIGEST_BYTES = 32

/** How a statement was run, so that replicas run it alike (DESIGN.md, "Bounded capture"). */
export interface RunMode {
  /** The leader closed its session and opened another one before this statement. */
  readonly isNewChunk: boolean
  readonly isUncaptured: boolean
  /** The leader ran it in a savepoint to see how much it changes. */
  readonly isTried: boolean
  /** It ran in a savepoint of its own. */
  readonly isGuarded: boolean
}

export interface LoggedStatement extends RunMode {
  /** In the client's transaction; its random numbers depend on it. */
  readonly position: number
  /** Code of the error with which it fails on every replica; null if it succeeds. */
  readonly failure: string | null
  /** It changes nothing and is here only because its result is kept under an idempotency key. */
  readonly isRead: boolean
  readonly sql: string
  /** By position of the parameters. */
  readonly values: readonly SqlValue[]
}

export interface LoggedTransaction {
  readonly context: SessionContext
  readonly idempotencyKey: string | null
  readonly statements: readonly LoggedStatement[]
}

export interface Entry {
  readonly stamp: EntryStamp
  readonly mayFailAtCommit: boolean
  readonly transactions: readonly LoggedTransaction[]
  readonly effects: readonly TableEffect[]
  readonly digest: Uint8Array
}

const FLAG_MAY_FAIL = 1
const FLAG_FOREIGN_KEYS = 1
const FLAG_KEY = 2
const FLAG_NEW_CHUNK = 1
const FLAG_UNCAPTURED = 2
const FLAG_FAILS = 4
const FLAG_READ = 8
const FLAG_TRIED = 16
const FLAG_GUARDED = 32

function writeStatement(writer: ByteWriter, statement: LoggedStatement, texts: Map<string, number>): void {
  writer.varint(statement.position)
  writer.u8(
    (statement.isNewChunk ? FLAG_NEW_CHUNK : 0) |
      (statement.isUncaptured ? FLAG_UNCAPTURED : 0) |
      (statement.failure === null ? 0 : FLAG_FAILS) |
      (statement.isRead ? FLAG_READ : 0) |
      (statement.isTried ? FLAG_TRIED : 0) |
      (statement.isGuarded ? FLAG_GUARDED : 0),
  )
  const known = texts.get(statement.sql)
  if (known === undefined) {
    texts.set(statement.sql, texts.size + 1)
    writer.varint(0).string(statement.sql)
  } else {
    writer.varint(known)
  }
  writer.varint(statement.values.length)
  for (const value of statement.values) writeValue(writer, value)
  if (statement.failure !== null) writer.string(statement.failure)
}

function writeTransaction(
  writer: ByteWriter,
  transaction: LoggedTransaction,
  texts: Map<string, number>,
): void {
  const { context, idempotencyKey, statements } = transaction
  writer.u8((context.foreignKeys ? FLAG_FOREIGN_KEYS : 0) | (idempotencyKey === null ? 0 : FLAG_KEY))
  writer.i64(context.lastInsertRowid).bigVarint(context.changes).bigVarint(context.totalChanges)
  if (idempotencyKey !== null) writer.string(idempotencyKey)
  writer.varint(statements.length)
  for (const statement of statements) writeStatement(writer, statement, texts)
}

/** Writes the transactions of one entry as they come, so that its size is known before it is complete. */
export class EntryEncoder {
  readonly #writer = new ByteWriter(4096)
  readonly #texts = new Map<string, number>()
  #transactions = 0

  /** Bytes so far, without the frame around the transactions. */
  get lengthBytes(): number {
    return this.#writer.length
  }

  reset(): void {
    this.#writer.reset()
    this.#texts.clear()
    this.#transactions = 0
  }

  add(transaction: LoggedTransaction): void {
    writeTransaction(this.#writer, transaction, this.#texts)
    this.#transactions++
  }

  finish(
    stamp: EntryStamp,
    mayFailAtCommit: boolean,
    effects: readonly TableEffect[],
    digest: Uint8Array,
  ): Uint8Array {
    const writer = new ByteWriter(this.#writer.length + 128)
    writer.u8(ENTRY_VERSION).u8(mayFailAtCommit ? FLAG_MAY_FAIL : 0)
    writer.varint(stamp.timeMs).raw(stamp.seed)
    writer.varint(this.#transactions).raw(this.#writer.view())
    writer.varint(effects.length)
    for (const effect of effects) writer.string(effect.table).raw(effect.hash)
    return writer.raw(digest).toBytes()
  }
}

function readStatement(reader: ByteReader, texts: string[]): LoggedStatement {
  const position = reader.varint()
  const flags = reader.u8()
  const ordinal = reader.varint()
  if (ordinal === 0) texts.push(reader.string())
  const sql = texts[ordinal === 0 ? texts.length - 1 : ordinal - 1]
  if (sql === undefined) throw new DecodeError(`unknown text ${ordinal}`, reader.offset)
  const values = Array.from({ length: readCount(reader) }, () => readValue(reader))
  return {
    position,
    isNewChunk: (flags & FLAG_NEW_CHUNK) !== 0,
    isUncaptured: (flags & FLAG_UNCAPTURED) !== 0,
    failure: (flags & FLAG_FAILS) === 0 ? null : reader.string(),
    isRead: (flags & FLAG_READ) !== 0,
    isTried: (flags & FLAG_TRIED) !== 0,
    isGuarded: (flags & FLAG_GUARDED) !== 0,
    sql,
    values,
  }
}

function readTransaction(reader: ByteReader, texts: string[]): LoggedTransaction {
  const flags = reader.u8()
  const context = {
    foreignKeys: (flags & FLAG_FOREIGN_KEYS) !== 0,
    lastInsertRowid: reader.i64(),
    changes: reader.bigVarint(),
    totalChanges: reader.bigVarint(),
  }
  const idempotencyKey = (flags & FLAG_KEY) === 0 ? null : reader.string()
  const statements = Array.from({ length: readCount(reader) }, () => readStatement(reader, texts))
  return { context, idempotencyKey, statements }
}

function readEntry(reader: ByteReader): Entry {
  const flags = reader.u8()
  const timeMs = reader.varint()
  const seed = reader.raw(SEED_BYTES).slice()
  const texts: string[] = []
  const transactions = Array.from({ length: readCount(reader) }, () => readTransaction(reader, texts))
  const effects = Array.from({ length: readCount(reader) }, () => ({
    table: reader.string(),
    hash: reader.raw(TABLE_HASH_BYTES).slice(),
  }))
  const digest = reader.raw(DIGEST_BYTES).slice()
  reader.expectEnd()
  return {
    stamp: { timeMs, seed },
    mayFailAtCommit: (flags & FLAG_MAY_FAIL) !== 0,
    transactions,
    effects,
    digest,
  }
}

/** Throws DATA_CORRUPT or FORMAT_TOO_NEW. */
export function decodeEntry(payload: Uint8Array): Entry {
  try {
    const reader = new ByteReader(payload)
    const version = reader.u8()
    if (version <= ENTRY_VERSION && version > 0) return readEntry(reader)
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `A log entry has version ${version}, and this version knows ${ENTRY_VERSION}: upgrade this member`,
    )
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HarmonyError('DATA_CORRUPT', `A log entry can not be decoded: ${error.message}`, {
      cause: error,
    })
  }
}
