/** One bucket: an ordered map of keys to values, read synchronously on this thread, written as any statement is. */

import type { Answers } from '../answers.ts'
import type { Parameter, Row } from '../values.ts'
import type { ChangeOptions, BucketChange } from './changes.ts'
import { watchChanges } from './changes.ts'
import type { BucketOptions, Codecs, KeyKinds, ValueKinds } from './codecs.ts'
import { checkName, codecsOf } from './codecs.ts'
import type { KeyKind } from './key-codec.ts'
import type { ByteRange, KeyRange, ScanOptions } from './key-range.ts'
import { byteRange, checkLimit } from './key-range.ts'
import * as statements from './statements.ts'
import type { Path, ScanShape } from './statements.ts'
import type { BucketStore } from './store.ts'
import type { Stored, ValueKind } from './value-codec.ts'
import type { PutOptions, WriteOptions } from './writer.ts'
import { BucketWriter } from './writer.ts'

/** A scan of more rows than this gets a connection of its own, so that it holds no other read back. */
const SCAN_AT_ONCE_MAX = 256

interface EntryRow {
  readonly key: Uint8Array
  readonly value: Stored
}

export class Bucket<K, V> {
  /** Names from the outermost bucket to this one. */
  readonly path: Path
  readonly #store: BucketStore
  readonly #codecs: Codecs<K, V>
  readonly #writer: BucketWriter<K, V>
  #knownId: number | null = null
  /** `BucketReader.state` that it is of. */
  #idState = -1
  readonly #answers: Answers

  /** @internal */
  constructor(store: BucketStore, path: Path, codecs: Codecs<K, V>) {
    this.path = path
    this.#store = store
    this.#codecs = codecs
    this.#answers = store.reader.answers()
    this.#writer = new BucketWriter(path, codecs.keys, codecs.values, store)
  }

  /** Whether it was made: by its first entry, sequence number, watcher, or a bucket inside of it. */
  get exists(): boolean {
    return this.#id() !== null
  }

  // Reads: synchronous, as those of `prepare`.

  /** Undefined if there is no such entry, or none any more. */
  get(key: K): V | undefined {
    const stored = this.#stored(key)
    return stored === undefined ? undefined : this.#codecs.values.decode(stored)
  }

  has(key: K): boolean {
    return this.#row('exists', key) !== undefined
  }

  /** When the entry ends, in ms since 1970 of log time; null: never; undefined: there is none. */
  expiresAt(key: K): number | null | undefined {
    return this.#row('expiresAt', key)?.['expiresAt'] as number | null | undefined
  }

  /** Entries in the order of their keys' bytes, all of one state, whatever is written meanwhile. */
  *entries(options: ScanOptions<K> = {}): Generator<[K, V], void, void> {
    const { keys, values } = this.#codecs
    for (const { key, value } of this.#scan<EntryRow>('entries', options))
      yield [keys.decode(key), values.decode(value)]
  }

  *keys(options: ScanOptions<K> = {}): Generator<K, void, void> {
    for (const { key } of this.#scan<EntryRow>('keys', options)) yield this.#codecs.keys.decode(key)
  }

  *values(options: ScanOptions<K> = {}): Generator<V, void, void> {
    for (const { value } of this.#scan<EntryRow>('entries', options)) yield this.#codecs.values.decode(value)
  }

  [Symbol.iterator](): Generator<[K, V], void, void> {
    return this.entries()
  }

  /** How many entries. Walks over them. */
  count(range: KeyRange<K> = {}): number {
    const bytes = byteRange(this.#codecs.keys, range)
    const id = this.#id()
    if (id === null) return 0
    const row = this.#store.reader.get<{ n: number }>(
      statements.scan('count', bytes, false),
      parametersOf(id, bytes),
    )
    return row?.n ?? 0
  }

  /** Names of the buckets inside this one, in order. */
  buckets(): string[] {
    return this.#store.names(this.path)
  }

  /** The bucket of this name inside this one. */
  bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(
    name: string,
    options: BucketOptions<KK, VK> = {},
  ): Bucket<KeyKinds[KK], ValueKinds<J>[VK]> {
    return new Bucket(this.#store, [...this.path, checkName(name)], codecsOf(options))
  }

  // Writes: durable at a majority when they resolve.

  put(key: K, value: V, options: PutOptions = {}): Promise<void> {
    return this.#writer.put(key, value, options)
  }

  /** All of them or none. */
  putAll(entries: Iterable<readonly [K, V]>, options: PutOptions = {}): Promise<void> {
    return this.#writer.putAll(entries, options)
  }

  /** Whether it was absent, and is there now. */
  putIfAbsent(key: K, value: V, options: PutOptions = {}): Promise<boolean> {
    return this.#writer.putIfAbsent(key, value, options)
  }

  /**
   * Sets `value` if the entry is `expected`; undefined stands for no entry, on either side. Whether it was. Values are equal if they are
   * stored alike: for `json`, if their JSON text is the same, so give what `get` gave.
   */
  compareAndSet(
    key: K,
    expected: V | undefined,
    value: V | undefined,
    options: PutOptions = {},
  ): Promise<boolean> {
    return this.#writer.compareAndSet(key, expected, value, options)
  }

  /** Whether it was there. */
  delete(key: K, options: WriteOptions = {}): Promise<boolean> {
    return this.#writer.delete(key, options)
  }

  /** How many there were. Without bounds all entries; buckets inside stay. */
  deleteRange(range: KeyRange<K>, options: WriteOptions = {}): Promise<number> {
    return this.#writer.deleteRange(range, options)
  }

  /** 1, 2, 3, …: a number that this bucket has never given before. */
  nextSequence(options: WriteOptions = {}): Promise<number> {
    return this.#writer.nextSequence(options)
  }

  /** Deletes the bucket with its entries, its sequence and the buckets inside. Whether it was there. */
  drop(options: WriteOptions = {}): Promise<boolean> {
    return this.#writer.drop(options)
  }

  /**
   * Changes of entries in log order, each once: what other members wrote, SQL, and what expired included. Of all that is committed after this
   * has resolved, or after the change whose `token` is `after`. The first watcher of a bucket makes the database record its changes.
   * Ends when `signal` is aborted, the bucket is deleted or the database is closed. Rejects with CHANGES_LOST, at its beginning or in
   * a loop that is far behind, where changes are not kept any more.
   */
  watch(options: ChangeOptions<K> = {}): Promise<AsyncGenerator<BucketChange<K, V>, void, void>> {
    return watchChanges(this.#store, this.path, this.#codecs, this.#writer, options)
  }

  /** The database no longer records this bucket's changes: after the last watcher, should it have been only for a while. */
  stopRecording(): Promise<void> {
    return this.#writer.stopRecording()
  }

  /** How often `get` had to ask SQLite. @internal */
  get misses(): number {
    return this.#answers.misses
  }

  /** Its id in the newest state; null if there is no such bucket. */
  #id(): number | null {
    const { reader } = this.#store
    const state = reader.state()
    if (state !== this.#idState) {
      this.#knownId = reader.id(this.path)
      this.#idState = state
    }
    return this.#knownId
  }

  #stored(key: K): Stored | undefined {
    const { toText } = this.#codecs.keys
    if (toText === null) return this.#row('value', key)?.['value'] as Stored | undefined
    const text = toText(key)
    const id = this.#id()
    return id === null ? undefined : this.#store.reader.value(this.#answers, id, text)
  }

  #row(what: keyof statements.EntryQueries, key: K): Row | undefined {
    const { encode, toText } = this.#codecs.keys
    const sought = toText === null ? encode(key) : toText(key)
    const id = this.#id()
    if (id === null) return undefined
    const queries = toText === null ? statements.ENTRY : statements.ENTRY_BY_TEXT
    return this.#store.reader.first(queries[what], id, sought)
  }

  *#scan<R extends EntryRow>(shape: ScanShape, options: ScanOptions<K>): Generator<R, void, void> {
    const range = byteRange(this.#codecs.keys, options)
    const limit = checkLimit(options.limit)
    const { reader } = this.#store
    const id = this.#id()
    if (id === null || limit === 0) return
    const sql = statements.scan(shape, range, options.reverse === true)
    const bounds = parametersOf(id, range)
    const rows = reader.all(sql, [...bounds, Math.min(limit, SCAN_AT_ONCE_MAX)])
    const isAll = rows.length < SCAN_AT_ONCE_MAX || limit <= SCAN_AT_ONCE_MAX
    yield* (isAll ? rows : reader.iterate(sql, [...bounds, limit])) as Iterable<R>
  }
}

function parametersOf(id: number, range: ByteRange): Parameter[] {
  return [id, ...statements.keyCondition(range).parameters]
}
