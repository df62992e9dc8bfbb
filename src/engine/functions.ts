/**
 * SQL functions whose value depends on the moment: overridden on a connection so that time and chance come from
 * the log entry (DESIGN.md, "Determinism"). Overriding the functions, and not rewriting SQL text, also covers column
 * defaults, triggers, views and `ORDER BY random()`.
 *
 * The date functions replace `now` by the entry's time and leave everything else to SQLite's own functions on
 * a second, empty connection: their modifiers are many, and only SQLite's code is exactly SQLite.
 */

import { createCipheriv } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { assert } from '../base/assert.ts'
import type { SqlValue } from '../base/value.ts'

/** Where the overridden functions get time and chance from. */
export interface FunctionContext {
  /** Milliseconds since 1970 UTC. */
  timeMs(): number
  randomBytes(sizeBytes: number): Uint8Array
}

const SEED_BYTES = 16
const CHUNK_BYTES_MIN = 64
const CHUNK_BYTES_MAX = 65_536

/**
 * The random numbers of one statement: the key stream of AES-128 in counter mode, keyed by the entry's seed, its
 * counter starting at (transaction, statement). Clients make tokens with `randomblob()`, so that what one
 * of them sees must not tell what another gets; a statistical generator such as SplitMix64 can be turned back.
 */
export class RandomStream {
  #seed: Uint8Array = new Uint8Array(SEED_BYTES)
  #transaction = 0
  #statement = 0
  #cipher: ReturnType<typeof createCipheriv> | null = null
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0

  reseed(seed: Uint8Array): void {
    assert(seed.length === SEED_BYTES, 'a seed has 16 bytes')
    this.#seed = seed
  }

  /** `transaction`: ordinal in the entry. `statement`: position in the transaction. */
  seek(transaction: number, statement: number): void {
    this.#transaction = transaction
    this.#statement = statement
    this.#cipher = null
    this.#chunk = new Uint8Array(0)
    this.#at = 0
  }

  bytes(sizeBytes: number): Uint8Array {
    const result = new Uint8Array(sizeBytes)
    for (let filled = 0; filled < sizeBytes;) {
      if (this.#at === this.#chunk.length) this.#nextChunk()
      const part = this.#chunk.subarray(this.#at, this.#at + sizeBytes - filled)
      result.set(part, filled)
      filled += part.length
      this.#at += part.length
    }
    return result
  }

  #nextChunk(): void {
    this.#cipher ??= this.#open()
    const sizeBytes = Math.min(Math.max(this.#chunk.length * 2, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
    this.#chunk = this.#cipher.update(new Uint8Array(sizeBytes))
    this.#at = 0
  }

  /** The low 64 bits of the counter are free to count, so that streams never overlap. */
  #open(): ReturnType<typeof createCipheriv> {
    const counter = new Uint8Array(SEED_BYTES)
    const view = new DataView(counter.buffer)
    view.setUint32(0, this.#transaction)
    view.setUint32(4, this.#statement)
    return createCipheriv('aes-128-ctr', this.#seed, counter)
  }
}

/** As SQLite's `random()`: 64 bits signed, without the least integer, so that `abs()` can't overflow (func.c). */
function randomInteger(context: FunctionContext): bigint {
  const bytes = context.randomBytes(8)
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0)
  return value < 0n ? -(value & (2n ** 63n - 1n)) : value
}

const DATE_FUNCTIONS = ['date', 'time', 'datetime', 'julianday', 'unixepoch', 'strftime', 'timediff'] as const
type DateFunction = (typeof DATE_FUNCTIONS)[number]

const NOW_FUNCTIONS: Readonly<Record<string, DateFunction>> = {
  current_date: 'date',
  current_time: 'time',
  current_timestamp: 'datetime',
}

/** SQLite reads a time value as a C string. */
function textOf(value: SqlValue): string | null {
  if (typeof value === 'string') {
    const end = value.indexOf('\0')
    return end < 0 ? value : value.slice(0, end)
  }
  return value instanceof Uint8Array ? textOf(Buffer.from(value).toString('latin1')) : null
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** Modifiers that ask for the machine's time zone. Replicas run in UTC, where they change nothing. */
const ZONE_MODIFIERS = new Set(['localtime', 'utc'])
const MODIFIER_WITHOUT_EFFECT = '+0 days'

class DateCalls {
  readonly #database = new DatabaseSync(':memory:', { readBigInts: true, returnArrays: true })
  readonly #statements = new Map<string, StatementSync>()

  call(name: DateFunction, args: readonly SqlValue[], timeMs: number): SqlValue {
    const fixed = fixArguments(name, args, timeMs)
    const key = `${name}/${fixed.length}`
    let statement = this.#statements.get(key)
    if (statement === undefined) {
      statement = this.#database.prepare(`SELECT ${name}(${fixed.map(() => '?').join(', ')})`)
      this.#statements.set(key, statement)
    }
    const row = statement.get(...fixed) as unknown as SqlValue[]
    return row[0] as SqlValue
  }
}

/** `args` without anything that would make SQLite ask the machine's clock or time zone. */
function fixArguments(name: DateFunction, args: readonly SqlValue[], timeMs: number): SqlValue[] {
  if (name === 'timediff') return args.map((value) => fixTimeValue(value, timeMs)[0] as SqlValue)
  const format = name === 'strftime' ? args.slice(0, 1) : []
  if (name === 'strftime' && args.length === 0) return []
  const [value, ...modifiers] = args.slice(format.length)
  const time = value === undefined ? [isoTime(timeMs)] : fixTimeValue(value, timeMs)
  return [...format, ...time, ...modifiers.map(fixModifier)]
}

/**
 * date.c, parseDateOrTime and isDate: `now`; and `subsec` in its place, which is `now` and a modifier. Text is
 * passed on cut at its first NUL, where SQLite stops reading: else `'now\\0'` would reach it as `now`.
 */
function fixTimeValue(value: SqlValue, timeMs: number): SqlValue[] {
  const text = textOf(value)
  const word = text?.toLowerCase()
  if (word === 'now') return [isoTime(timeMs)]
  if (word === 'subsec' || word === 'subsecond') return [isoTime(timeMs), 'subsec']
  return [text ?? value]
}

function fixModifier(value: SqlValue): SqlValue {
  const text = textOf(value)?.toLowerCase()
  return text !== undefined && ZONE_MODIFIERS.has(text) ? MODIFIER_WITHOUT_EFFECT : value
}

/** CAST(value AS INTEGER), as `sqlite3_value_int64` does for `randomblob(N)`. */
function toInteger(value: SqlValue): number {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Math.trunc(value)
  const text = textOf(value)
  return text === null ? 0 : Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0)
}

const BLOB_BYTES_MAX = 1_000_000_000

function randomBlob(context: FunctionContext, size: SqlValue): Uint8Array {
  const sizeBytes = Math.max(toInteger(size), 1)
  if (sizeBytes > BLOB_BYTES_MAX) throw new RangeError('string or blob too big')
  return context.randomBytes(sizeBytes)
}

/** One instance serves all connections of a thread: it holds nothing of them. */
const dateCalls = new DateCalls()

/**
 * Overrides the functions of time and chance on `database`.
 *
 * The date functions are registered as deterministic, as SQLite's are, so that indexes and generated columns may
 * use them; SQLite refuses `now` in there when it is evaluated, and an override can't know where it is called: so
 * `policy.ts` refuses `now` in the text of such definitions.
 */
export function installFunctions(database: DatabaseSync, context: FunctionContext): void {
  database.function('random', () => randomInteger(context))
  database.function('randomblob', { useBigIntArguments: true }, (size) => randomBlob(context, size))
  for (const [name, target] of Object.entries(NOW_FUNCTIONS)) {
    database.function(name, () => dateCalls.call(target, [], context.timeMs()))
  }
  for (const name of DATE_FUNCTIONS) {
    if (name === 'timediff') continue
    const options = { deterministic: true, useBigIntArguments: true, varargs: true }
    database.function(name, options, (...args) => dateCalls.call(name, args, context.timeMs()))
  }
  database.function('timediff', { deterministic: true, useBigIntArguments: true }, (a, b) =>
    dateCalls.call('timediff', [a, b], context.timeMs()),
  )
}
