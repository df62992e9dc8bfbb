/** A bucket inside a transaction: what it reads and writes is part of it, together with its SQL. */

import type { Row } from '../values.ts'
import type { BucketOptions, Codecs, KeyKinds, ValueKinds } from './codecs.ts'
import { checkName, codecsOf } from './codecs.ts'
import type { KeyKind } from './key-codec.ts'
import type { KeyRange, ScanOptions } from './key-range.ts'
import { byteRange, checkLimit } from './key-range.ts'
import { CREATE_STATEMENTS } from './schema.ts'
import * as statements from './statements.ts'
import type { Now, Path, Query } from './statements.ts'
import type { Stored, ValueKind } from './value-codec.ts'
import type { Executor, Outcome, PutOptions } from './writer.ts'
import { BucketWriter } from './writer.ts'

type Execute = (sql: string, parameters: Query['parameters']) => Promise<Outcome>

/** The buckets of one transaction. */
export class TransactionStore implements Executor {
  readonly #execute: Execute
  /** They were there before this transaction. */
  #hadTables = false
  #hasMadeTables = false
  /** Log time, the same for all of the transaction. */
  #now: number | null = null

  constructor(execute: Execute) {
    this.#execute = execute
  }

  async makeTables(): Promise<void> {
    if (await this.hasTables()) return
    this.#hasMadeTables = true
    for (const sql of CREATE_STATEMENTS) await this.#execute(sql, [])
  }

  /** Tables that this transaction made itself may be gone with a savepoint: then they are looked for each time. */
  async hasTables(): Promise<boolean> {
    if (this.#hadTables) return true
    const isThere = (await this.#execute(statements.TABLES_EXIST, [])).rows.length > 0
    this.#hadTables = isThere && !this.#hasMadeTables
    return isThere
  }

  /**
   * What the transaction has read tells log time, so its writes go by that, too: an entry that `get` gave is there for `compareAndSet`,
   * although the entry of the log, which comes later, may have a time at which it is not.
   */
  async now(): Promise<Now> {
    this.#now ??= (await this.#execute(statements.LOG_TIME_QUERY, [])).rows[0]?.['now'] as number
    return this.#now
  }

  run({ sql, parameters }: Query): Promise<Outcome> {
    return this.#execute(sql, parameters)
  }

  async runAll(queries: readonly Query[]): Promise<void> {
    for (const query of queries) await this.run(query)
  }

  /** Rows of a statement about the bucket, which has its id as first parameter; none if there is no bucket. */
  async rows(path: Path, sql: string, parameters: Query['parameters']): Promise<readonly Row[]> {
    if (!(await this.hasTables())) return []
    const found = await this.run(statements.bucketId(path))
    const id = found.rows[0]?.['id'] ?? null
    return id === null ? [] : (await this.#execute(sql, [id, ...parameters])).rows
  }
}

export class TransactionBucket<K, V> {
  readonly path: Path
  readonly #store: TransactionStore
  readonly #codecs: Codecs<K, V>
  readonly #writer: BucketWriter<K, V>

  /** @internal */
  constructor(store: TransactionStore, path: Path, codecs: Codecs<K, V>) {
    this.path = path
    this.#store = store
    this.#codecs = codecs
    this.#writer = new BucketWriter(path, codecs.keys, codecs.values, store)
  }

  async get(key: K): Promise<V | undefined> {
    const value = await this.#stored(key)
    return value === undefined ? undefined : this.#codecs.values.decode(value)
  }

  async has(key: K): Promise<boolean> {
    return (await this.#stored(key)) !== undefined
  }

  /** In the order of their keys' bytes. A list: nothing else runs in the transaction meanwhile. */
  async entries(options: ScanOptions<K> = {}): Promise<[K, V][]> {
    const { keys, values } = this.#codecs
    const range = byteRange(keys, options)
    const sql = statements.scan('entries', range, options.reverse === true)
    const bounds = statements.keyCondition(range).parameters
    const rows = await this.#store.rows(this.path, sql, [...bounds, checkLimit(options.limit)])
    return rows.map(({ key, value }) => [keys.decode(key as Uint8Array), values.decode(value as Stored)])
  }

  async count(range: KeyRange<K> = {}): Promise<number> {
    const bytes = byteRange(this.#codecs.keys, range)
    const sql = statements.scan('count', bytes, false)
    const [row] = await this.#store.rows(this.path, sql, statements.keyCondition(bytes).parameters)
    return (row?.['n'] ?? 0) as number
  }

  /** Names of the buckets inside this one, in order. */
  async buckets(): Promise<string[]> {
    return (await this.#store.rows(this.path, statements.NAMES, [])).map(({ name }) => name as string)
  }

  bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(
    name: string,
    options: BucketOptions<KK, VK> = {},
  ): TransactionBucket<KeyKinds[KK], ValueKinds<J>[VK]> {
    return new TransactionBucket(this.#store, [...this.path, checkName(name)], codecsOf(options))
  }

  put(key: K, value: V, options: Pick<PutOptions, 'ttlMs'> = {}): Promise<void> {
    return this.#writer.put(key, value, options)
  }

  putAll(entries: Iterable<readonly [K, V]>, options: Pick<PutOptions, 'ttlMs'> = {}): Promise<void> {
    return this.#writer.putAll(entries, options)
  }

  /** Whether it was absent, and is there now. */
  putIfAbsent(key: K, value: V, options: Pick<PutOptions, 'ttlMs'> = {}): Promise<boolean> {
    return this.#writer.putIfAbsent(key, value, options)
  }

  /** As `Bucket.compareAndSet`. */
  compareAndSet(
    key: K,
    expected: V | undefined,
    value: V | undefined,
    options: Pick<PutOptions, 'ttlMs'> = {},
  ): Promise<boolean> {
    return this.#writer.compareAndSet(key, expected, value, options)
  }

  /** Whether it was there. */
  delete(key: K): Promise<boolean> {
    return this.#writer.delete(key, {})
  }

  /** How many there were. */
  deleteRange(range: KeyRange<K>): Promise<number> {
    return this.#writer.deleteRange(range, {})
  }

  nextSequence(): Promise<number> {
    return this.#writer.nextSequence({})
  }

  /** Deletes the bucket with all that is in it. Whether it was there. */
  drop(): Promise<boolean> {
    return this.#writer.drop({})
  }

  async #stored(key: K): Promise<Stored | undefined> {
    const [row] = await this.#store.rows(this.path, statements.ENTRY.value, [this.#codecs.keys.encode(key)])
    return row?.['value'] as Stored | undefined
  }
}
