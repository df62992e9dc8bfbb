/** What changes a bucket, alike for statements on their own and inside a transaction. */

import { HarmonyError } from '../../base/errors.ts'
import type { Row } from '../values.ts'
import type { KeyCodec } from './key-codec.ts'
import type { KeyRange } from './key-range.ts'
import { byteRange } from './key-range.ts'
import * as statements from './statements.ts'
import type { Now, Path, Query } from './statements.ts'
import type { ValueCodec } from './value-codec.ts'

export interface WriteOptions {
  /** Stops the write, if it can still be stopped; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Makes the write safe to send again after OUTCOME_UNKNOWN: of all writes with the same key at most one is applied. */
  readonly idempotencyKey?: string
}

export interface PutOptions extends WriteOptions {
  /** The entry is there for so long. Default: for ever. Another `put` without it takes the limit away. */
  readonly ttlMs?: number
}

export interface Outcome {
  readonly changes: number
  readonly rows: readonly Row[]
}

/** Where the statements run. */
export interface Executor {
  /** Makes the tables of buckets where there are none. */
  makeTables(): Promise<void>
  /** By which time is told what has expired. */
  now(): Promise<Now>
  run(query: Query, options: WriteOptions): Promise<Outcome>
  /** All or nothing. */
  runAll(queries: readonly Query[], options: WriteOptions): Promise<void>
}

export class BucketWriter<K, V> {
  readonly #path: Path
  readonly #keys: KeyCodec<K>
  readonly #values: ValueCodec<V>
  readonly #executor: Executor

  constructor(path: Path, keys: KeyCodec<K>, values: ValueCodec<V>, executor: Executor) {
    this.#path = path
    this.#keys = keys
    this.#values = values
    this.#executor = executor
  }

  async put(key: K, value: V, options: PutOptions): Promise<void> {
    await this.#inBucket(this.#put(key, value, options), options)
  }

  async putAll(entries: Iterable<readonly [K, V]>, options: PutOptions): Promise<void> {
    const queries = Array.from(entries, ([key, value]) => this.#put(key, value, options))
    if (queries.length === 0) return
    await this.#executor.makeTables()
    await this.#orMake(() => this.#executor.runAll(queries, options))
  }

  async putIfAbsent(key: K, value: V, options: PutOptions): Promise<boolean> {
    const [bytes, stored, ttlMs] = [this.#keys.encode(key), this.#values.encode(value), checkTtl(options)]
    const now = await this.#executor.now()
    const { changes } = await this.#inBucket(
      statements.putIfAbsent(this.#path, bytes, stored, ttlMs, now),
      options,
    )
    return changes === 1
  }

  async compareAndSet(
    key: K,
    expected: V | undefined,
    value: V | undefined,
    options: PutOptions,
  ): Promise<boolean> {
    if (expected === undefined && value === undefined)
      throw new HarmonyError(
        'ARGS_INVALID',
        'Nothing expected and nothing to set: one of them must be a value.',
      )
    if (expected === undefined) return this.putIfAbsent(key, value as V, options)
    const [bytes, was, ttlMs] = [this.#keys.encode(key), this.#values.encode(expected), checkTtl(options)]
    const will = value === undefined ? null : this.#values.encode(value)
    const now = await this.#executor.now()
    const query =
      will === null
        ? statements.remove(this.#path, bytes, was, now)
        : statements.replace(this.#path, bytes, { expected: was, value: will, ttlMs, now })
    return (await this.#run(query, options)).changes === 1
  }

  async delete(key: K, options: WriteOptions): Promise<boolean> {
    const bytes = this.#keys.encode(key)
    const now = await this.#executor.now()
    return (await this.#run(statements.remove(this.#path, bytes, null, now), options)).changes === 1
  }

  async deleteRange(range: KeyRange<K>, options: WriteOptions): Promise<number> {
    const bytes = byteRange(this.#keys, range)
    const now = await this.#executor.now()
    return (await this.#run(statements.removeRange(this.#path, bytes, now), options)).changes
  }

  async nextSequence(options: WriteOptions): Promise<number> {
    const query = statements.nextSequence(this.#path)
    const first = await this.#run(query, options)
    if (first.rows.length > 0) return first.rows[0]?.['sequence'] as number
    await this.make()
    return (await this.#run(query, options)).rows[0]?.['sequence'] as number
  }

  /** The bucket and those around it. Whether it was not there. */
  async make(): Promise<void> {
    await this.#executor.makeTables()
    await this.#executor.runAll(statements.makeBucket(this.#path), {})
  }

  async drop(options: WriteOptions): Promise<boolean> {
    return (await this.#run(statements.deleteBucket(this.#path), options)).changes === 1
  }

  async startRecording(): Promise<void> {
    await this.make()
    await this.#run(statements.startRecording(this.#path), {})
  }

  async stopRecording(): Promise<void> {
    await this.#run(statements.stopRecording(this.#path), {})
  }

  #put(key: K, value: V, options: PutOptions): Query {
    return statements.put(this.#path, this.#keys.encode(key), this.#values.encode(value), checkTtl(options))
  }

  async #run(query: Query, options: WriteOptions): Promise<Outcome> {
    await this.#executor.makeTables()
    return this.#executor.run(query, options)
  }

  #inBucket(query: Query, options: WriteOptions): Promise<Outcome> {
    return this.#orMake(() => this.#run(query, options))
  }

  /** Nearly always the bucket is there, so it is made when a write has failed for want of it. */
  async #orMake<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (!isBucketMissing(error)) throw error
      await this.make()
      return write()
    }
  }
}

function isBucketMissing(error: unknown): boolean {
  return (
    error instanceof HarmonyError &&
    error.code === 'SQLITE_CONSTRAINT_NOTNULL' &&
    error.message.includes('kv_entries.bucket')
  )
}

function checkTtl({ ttlMs }: PutOptions): number | null {
  if (ttlMs === undefined) return null
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return ttlMs
  throw new HarmonyError(
    'ARGS_INVALID',
    `\`ttlMs\` is ${ttlMs}: it must be a whole number of milliseconds above 0.`,
  )
}
