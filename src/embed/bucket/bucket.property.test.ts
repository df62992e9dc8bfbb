/**
 * Buckets against a model that a reader can check by eye: a Map for each bucket, sorted when it is asked for an order. Random
 * operations from a seed, alone and in transactions, some of which roll back; the database is closed and opened in between; a watcher must be able to
 * rebuild what is there at the end from what it was told.
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../host/random.ts'
import type { HarmonyDB } from '../open.ts'
import { open } from '../open.ts'
import type { Transaction } from '../transaction.ts'
import type { Bucket } from './bucket.ts'
import type { BucketChange } from './changes.ts'
import type { ScanOptions } from './key-range.ts'
import type { TransactionBucket } from './transaction-bucket.ts'

type Path = readonly [string, ...string[]]
type Key = Uint8Array

const PATHS: readonly Path[] = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['d']]
const WATCHED: Path = ['w']
const OPERATIONS = 150
const hex = (key: Key): string => Buffer.from(key).toString('hex')

interface ModelBucket {
  readonly entries: Map<string, number>
  sequence: number
}

class Model {
  #buckets = new Map<string, ModelBucket>()

  copy(): Model {
    const copy = new Model()
    for (const [name, { entries, sequence }] of this.#buckets)
      copy.#buckets.set(name, { entries: new Map(entries), sequence })
    return copy
  }

  /** Made, with those around it. */
  made(path: Path): ModelBucket {
    for (let length = 1; length <= path.length; length++) {
      const name = path.slice(0, length).join('/')
      if (!this.#buckets.has(name)) this.#buckets.set(name, { entries: new Map(), sequence: 0 })
    }
    return this.#buckets.get(path.join('/')) as ModelBucket
  }

  entries(path: Path): Map<string, number> {
    return this.#buckets.get(path.join('/'))?.entries ?? new Map<string, number>()
  }

  drop(path: Path): boolean {
    const name = path.join('/')
    const isThere = this.#buckets.has(name)
    for (const other of this.#buckets.keys())
      if (other === name || other.startsWith(`${name}/`)) this.#buckets.delete(other)
    return isThere
  }

  has(path: Path): boolean {
    return this.#buckets.has(path.join('/'))
  }

  inside(path: Path): string[] {
    const start = `${path.join('/')}/`
    const names = [...this.#buckets.keys()].filter((name) => name.startsWith(start))
    return names
      .map((name) => name.slice(start.length))
      .filter((name) => !name.includes('/'))
      .toSorted()
  }

  scan(path: Path, range: ScanOptions<Key>): [string, number][] {
    const { gt, gte, lt, lte, prefix, reverse, limit } = range
    const sorted = [...this.entries(path)].toSorted(([one], [other]) => (one < other ? -1 : 1))
    const within = sorted.filter(
      ([key]) =>
        (gt === undefined || key > hex(gt)) &&
        (gte === undefined || key >= hex(gte)) &&
        (lt === undefined || key < hex(lt)) &&
        (lte === undefined || key <= hex(lte)) &&
        (prefix === undefined || key.startsWith(hex(prefix))),
    )
    return (reverse === true ? within.toReversed() : within).slice(0, limit)
  }
}

const KINDS = { keys: 'bytes' } as const

function ofDatabase(db: HarmonyDB, [first, ...rest]: Path): Bucket<Key, number> {
  let bucket = db.bucket<number, 'bytes'>(first, KINDS)
  for (const name of rest) bucket = bucket.bucket<number, 'bytes'>(name, KINDS)
  return bucket
}

function ofTransaction(tx: Transaction, [first, ...rest]: Path): TransactionBucket<Key, number> {
  let bucket = tx.bucket<number, 'bytes'>(first, KINDS)
  for (const name of rest) bucket = bucket.bucket<number, 'bytes'>(name, KINDS)
  return bucket
}

type AnyBucket = Bucket<Key, number> | TransactionBucket<Key, number>

class Run {
  readonly random: SeededRandom
  readonly folder: string
  db: HarmonyDB
  model = new Model()
  #value = 0

  constructor(seed: bigint, folder: string, db: HarmonyDB) {
    this.random = new SeededRandom(seed)
    this.folder = folder
    this.db = db
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random.integer(from.length)] as T
  }

  /** Few, so that operations meet; of the bytes at the edges. */
  key(): Key {
    return Uint8Array.from({ length: this.random.integer(4) }, () => this.pick([0, 1, 0x7f, 0xfe, 0xff]))
  }

  path(): Path {
    return this.pick([...PATHS, WATCHED])
  }

  range(): ScanOptions<Key> {
    const bounds = [{}, { gt: this.key() }, { gte: this.key() }, { prefix: this.key() }]
    const ends = [{}, { lt: this.key() }, { lte: this.key() }]
    return {
      ...this.pick(bounds),
      ...this.pick(ends),
      ...this.pick([{}, { reverse: true }]),
      ...this.pick([{}, { limit: this.random.integer(6) }]),
    }
  }

  async step(): Promise<void> {
    const dice = this.random.float()
    if (dice < 0.2) await this.transaction()
    else if (dice < 0.26) await this.shortLived()
    else if (dice < 0.27) await this.reopen()
    else if (dice < 0.55) this.read()
    else await this.write((path) => ofDatabase(this.db, path), this.model)
  }

  async write(bucketOf: (path: Path) => AnyBucket, model: Model): Promise<void> {
    const path = this.path()
    const bucket = bucketOf(path)
    const [key, value] = [this.key(), ++this.#value]
    const entries = model.entries(path)
    const name = hex(key)
    const was = entries.get(name)
    const dice = this.random.integer(20)
    if (dice < 6) {
      await bucket.put(key, value, this.pick([{}, { ttlMs: 10_000_000 }]))
      model.made(path).entries.set(name, value)
    } else if (dice < 9) {
      assert.equal(await bucket.putIfAbsent(key, value), was === undefined)
      if (was === undefined) model.made(path).entries.set(name, value)
    } else if (dice < 12) {
      const expected = this.pick([was, was, value - 1])
      const next = expected === undefined ? value : this.pick([value, undefined])
      const isSet = expected === was
      assert.equal(await bucket.compareAndSet(key, expected, next), isSet)
      if (isSet && next !== undefined) model.made(path).entries.set(name, next)
      else if (isSet) entries.delete(name)
    } else if (dice < 15) {
      assert.equal(await bucket.delete(key), was !== undefined)
      entries.delete(name)
    } else if (dice < 17) {
      const list = Array.from({ length: 4 }, (_, at) => [this.key(), value + at / 10] as const)
      await bucket.putAll(list)
      for (const [one, of] of list) model.made(path).entries.set(hex(one), of)
    } else if (dice < 18) {
      const { reverse: _, limit: __, ...range } = this.range()
      const gone = model.scan(path, range)
      assert.equal(await bucket.deleteRange(range), gone.length)
      for (const [one] of gone) entries.delete(one)
    } else if (dice < 19) {
      const made = model.made(path)
      assert.equal(await bucket.nextSequence(), ++made.sequence)
    } else if (path !== WATCHED) assert.equal(await bucket.drop(), model.drop(path))
  }

  read(): void {
    const path = this.path()
    const bucket = ofDatabase(this.db, path)
    const key = this.key()
    assert.equal(bucket.get(key), this.model.entries(path).get(hex(key)))
    const range = this.range()
    const found = Array.from(bucket.entries(range), ([one, value]) => [hex(one), value])
    assert.deepEqual(found, this.model.scan(path, range), JSON.stringify(range))
    const { reverse: _, limit: __, ...bounds } = range
    assert.equal(bucket.count(bounds), this.model.scan(path, bounds).length)
    assert.equal(bucket.exists, this.model.has(path))
    assert.deepEqual(bucket.buckets(), this.model.inside(path))
  }

  async transaction(): Promise<void> {
    const isUndone = this.random.float() < 0.35
    const seed = this.random.u64()
    const undone = new Error('undone')
    let model = this.model
    try {
      await this.db.transaction(async (tx) => {
        // It may be run again, after a sweep: the same steps from the same state.
        const inside = new Run(seed, this.folder, this.db)
        model = this.model.copy()
        inside.model = model
        for (let left = 1 + inside.random.integer(5); left > 0; left--) {
          await inside.write((of) => ofTransaction(tx, of), model)
          const path = inside.path()
          const range = inside.range()
          const found = await ofTransaction(tx, path).entries(range)
          assert.deepEqual(
            Array.from(found, ([key, value]) => [hex(key), value]),
            model.scan(path, range),
          )
        }
        if (isUndone) throw undone
      })
    } catch (error) {
      if (error !== undone) throw error
      return
    }
    this.model = model
  }

  /** It is there exactly as long as log time has not reached its end; afterwards it is as if it had been deleted. */
  async shortLived(): Promise<void> {
    const path = this.path()
    const key = this.key()
    await ofDatabase(this.db, path).put(key, -1, { ttlMs: 1 })
    const logTime = this.db.prepare<{ now: number }>('SELECT time_ms AS now FROM _harmony_state')
    this.model.made(path).entries.set(hex(key), -1)
    this.db.snapshot(() => {
      const end = this.db
        .prepare<{ at: number }>(
          'SELECT expires_at AS at FROM kv_entries WHERE key = ? AND value = ? ORDER BY expires_at DESC LIMIT 1',
        )
        .get(key, '-1')?.at
      const isThere = end !== undefined && end > (logTime.get()?.now ?? 0)
      assert.equal(ofDatabase(this.db, path).has(key), isThere)
    })
    await sleep(4)
    // Moves log time on.
    await ofDatabase(this.db, ['tick']).put(Uint8Array.of(1), 1)
    this.model.entries(path).delete(hex(key))
  }

  async reopen(): Promise<void> {
    await this.db.close()
    this.db = await open(this.folder)
  }

  compareAll(): void {
    for (const path of [...PATHS, WATCHED]) {
      const found = Array.from(ofDatabase(this.db, path), ([key, value]) => [hex(key), value])
      assert.deepEqual(found, this.model.scan(path, {}))
    }
  }
}

/** What is there after `changes`, from an empty bucket. */
function replay(changes: readonly BucketChange<Key, number>[]): [string, number][] {
  const entries = new Map<string, number>()
  for (const { kind, key, value } of changes)
    if (kind === 'put') entries.set(hex(key), value)
    else entries.delete(hex(key))
  return [...entries].toSorted(([one], [other]) => (one < other ? -1 : 1))
}

for (const seed of [1n, 20_261_121n])
  test(`random operations do what they do to a Map (seed ${seed})`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'harmonydb-bucket-property-'))
    const run = new Run(seed, folder, await open(folder))
    t.after(async () => {
      await run.db.close()
      await rm(folder, { recursive: true, force: true })
    })
    await ofDatabase(run.db, WATCHED).watch()
    run.model.made(WATCHED)
    for (let left = OPERATIONS; left > 0; left--) await run.step()
    run.compareAll()
    const watched = ofDatabase(run.db, WATCHED)
    // Its last change: the sweep of what was short-lived may come after it.
    await watched.put(Uint8Array.of(9), 9)
    const changes: BucketChange<Key, number>[] = []
    const signal = AbortSignal.timeout(250_000)
    for await (const change of await watched.watch({ after: 0, signal })) {
      changes.push(change)
      if (change.kind === 'put' && change.value === 9) break
    }
    const visible = replay(changes).filter(([, value]) => value !== -1)
    run.model.entries(WATCHED).set('09', 9)
    assert.deepEqual(visible, run.model.scan(WATCHED, {}))
  })
