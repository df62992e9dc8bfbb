/**
 * `node bench/embed.ts`: what an application in the same process gets. Point reads of the same rows through HarmonyDB's embedded database,
 * better-sqlite3 in its ordinary way (autocommit) and lmdb (decoded objects, without and with its cache), in turn in one run, and through node:sqlite
 * itself, which is what HarmonyDB stands on; entries of a bucket beside lmdb's; and durable writes beside those of better-sqlite3.
 *
 * HarmonyDB remembers answers of a state (src/embed/answers.ts). So beside its reads stand the same with little room and with nothing remembered, the share of reads that
 * were remembered is printed, and both are compared once more where a write ends the state after every thousand reads.
 *
 * `--reads` leaves the writes out. Peers that are not installed (`npm run bench` installs them in bench/peers) are left out.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { AnswerBudget } from '../src/embed/answers.ts'
import { FilePosition } from '../src/embed/file-position.ts'
import { HeldSnapshot } from '../src/embed/held-snapshot.ts'
import { type HarmonyDB, open } from '../src/embed/main.ts'
import { Statement } from '../src/embed/statement.ts'

const ROWS = 300_000
const ROUND_MS = 500
const ROUNDS = 7
/** Reads are measured in many short rounds in turn, so that what else the machine does meets all alike. */
const READ_ROUND_MS = 60
const READ_ROUNDS = 50
/** After which everything is compiled, and all pages are in memory. */
const READ_ROUNDS_BEFORE = 4
/** Over all keys, by those who remember: after which they have what they have room for. */
const PASSES_BEFORE = 10
/** Of keys that are asked for again and again. */
const FEW_KEYS = 1_000
const CHECK_EVERY = 200
/** Enough to begin to remember, and too few for that to be worth it. */
const READS_BETWEEN_WRITES = 1_000
const SMALL_ROOM_BYTES = 16 * 2 ** 20
const WRITTEN_ROUNDS = 400
const BUCKET_BATCH = 5_000
/** In which everything that was written has come into the file itself. */
const REST_MS = 2_500
const WRITERS = 64

const requirePeer = createRequire(join(import.meta.dirname, 'peers', 'package.json'))

interface Target {
  readonly name: string
  readonly read: (key: number) => unknown
  readonly close: () => unknown
  readonly remembers?: boolean
  /** How many reads were not answered from memory; undefined if it keeps no answers. */
  readonly misses?: () => number
}

interface SqliteLibrary {
  prepare(sql: string): { get(key: number): unknown; run(...values: unknown[]): unknown }
  pragma(text: string): unknown
  exec(sql: string): unknown
  close(): void
}

interface LmdbStore {
  get(key: number | string): unknown
  put(key: number | string, value: unknown): Promise<boolean>
  transaction(work: () => void): Promise<unknown>
  close(): Promise<void>
}

/** The same keys for everyone: a walk that jumps through the table, or through its first rows. */
function keys(count: number = ROWS): () => number {
  let position = 0
  return () => {
    position = (position + 7_919) % count
    return position + 1
  }
}

function load<T>(name: string): T | null {
  try {
    return requirePeer(name) as T
  } catch {
    console.log(`${name} is not installed: left out. \`npm run bench\` installs it.`)
    return null
  }
}

const FILL = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
  INSERT INTO users SELECT i, 'user ' || i, 'user' || i || '@example.com', i % 90 FROM n`
const CREATE = 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, age INTEGER)'
const POINT = 'SELECT id, name, email, age FROM users WHERE id = ?'
const WRITE = 'UPDATE users SET age = age + 1 WHERE id = ?'

function openBetterSqlite(folder: string): SqliteLibrary | null {
  const Library = load<new (path: string) => SqliteLibrary>('better-sqlite3')
  if (Library === null) return null
  const db = new Library(join(folder, 'better-sqlite3.db'))
  // As durable as HarmonyDB: a write has reached the disk when it returns.
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(CREATE)
  db.exec(FILL)
  db.pragma('wal_checkpoint(TRUNCATE)')
  return db
}

/** HarmonyDB's own file, in a transaction that is never renewed, with arrays for rows: nothing can be read quicker by node:sqlite. */
function openNodeSqlite(file: string): Target {
  const db = new DatabaseSync(file, { readOnly: true, returnArrays: true })
  db.exec('PRAGMA mmap_size = 1073741824; BEGIN')
  const statement = db.prepare(POINT)
  return { name: 'node:sqlite itself, arrays', read: (key) => statement.get(key), close: () => db.close() }
}

/** HarmonyDB's own reads, with other room for what is remembered. */
function openWithRoom(name: string, file: string, position: FilePosition, sizeBytes: number): Target {
  const snapshot = new HeldSnapshot(file, position, new AnswerBudget(sizeBytes))
  const statement = new Statement(snapshot, POINT)
  return { name, read: (key) => statement.get(key), close: () => snapshot.close(), remembers: true }
}

async function openLmdb(
  folder: string,
  encoding: 'msgpack' | 'json',
  keyOf: (id: number) => number | string,
  cache: boolean = false,
): Promise<LmdbStore | null> {
  const library = load<{ open(options: object): LmdbStore }>('lmdb')
  if (library === null) return null
  const options = encoding === 'msgpack' ? { encoding, sharedStructuresKey: 'structures' } : { encoding }
  const path = join(folder, `lmdb-${encoding}${cache ? '-cache' : ''}`)
  const store = library.open({ path, ...options, cache })
  await store.transaction(() => {
    for (let id = 1; id <= ROWS; id++) void store.put(keyOf(id), userOf(id))
  })
  return store
}

function userOf(id: number): object {
  return { id, name: `user ${id}`, email: `user${id}@example.com`, age: id % 90 }
}

async function fillBucket(db: HarmonyDB): Promise<Target> {
  const bucket = db.bucket('users')
  for (let first = 1; first <= ROWS; first += BUCKET_BATCH) {
    const ids = Array.from({ length: Math.min(BUCKET_BATCH, ROWS - first + 1) }, (_, at) => first + at)
    await bucket.putAll(ids.map((id) => [`user ${id}`, userOf(id)]))
  }
  return {
    name: 'harmonydb, bucket',
    read: (key) => bucket.get(`user ${key}`),
    close: () => {},
    remembers: true,
    misses: () => bucket.misses,
  }
}

interface Round {
  /** Of one read. */
  readonly timeNs: number
  readonly remembered: number
}

/** Processor time of this thread: other work on the machine takes part in time by the clock, and little in this. */
function readRound({ read, misses }: Target, next: () => number): Round {
  const deadlineMs = performance.now() + READ_ROUND_MS
  const missesBefore = misses?.() ?? 0
  const before = process.threadCpuUsage()
  let operations = 0
  do {
    for (let repeat = 0; repeat < CHECK_EVERY; repeat++) read(next())
    operations += CHECK_EVERY
  } while (performance.now() < deadlineMs)
  const { user, system } = process.threadCpuUsage(before)
  return {
    timeNs: ((user + system) * 1000) / operations,
    remembered: misses === undefined ? 0 : 1 - (misses() - missesBefore) / operations,
  }
}

async function writesPerSecond(writers: number, write: (key: number) => unknown): Promise<number> {
  const next = keys()
  const start = performance.now()
  let operations = 0
  const writer = async (): Promise<void> => {
    while (performance.now() - start < ROUND_MS) {
      await write(next())
      operations++
    }
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return (operations / (performance.now() - start)) * 1000
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function figure(value: number): string {
  return Math.round(value).toLocaleString('en').padStart(10)
}

function line(value: number, name: string): string {
  return `${figure(value)}  ${name}`
}

/** Of the first target beside the others, for keys all over the table and for few of them. */
function compareReads(what: string, targets: readonly [Target, ...Target[]]): void {
  compareKeys(`${what}, ${ROWS.toLocaleString('en')}, all of them`, targets, ROWS)
  compareKeys(`${what}, ${FEW_KEYS.toLocaleString('en')} of them again and again`, targets, FEW_KEYS)
}

function compareKeys(what: string, [own, ...peers]: readonly [Target, ...Target[]], keyCount: number): void {
  const times = new Map([own, ...peers].map((target) => [target, [] as number[]]))
  // Each goes on where it was: who is quick comes round more often, and nobody reads the first rows only.
  const walks = new Map([own, ...peers].map((target) => [target, keys(keyCount)]))
  for (const [{ read, remembers }, next] of walks)
    for (let count = PASSES_BEFORE * keyCount; remembers === true && count > 0; count--) read(next())
  const remembered: number[] = []
  for (let round = 0; round < READ_ROUNDS_BEFORE + READ_ROUNDS; round++) {
    for (const [target, found] of times) {
      const read = readRound(target, walks.get(target) ?? keys(keyCount))
      if (round < READ_ROUNDS_BEFORE) continue
      found.push(read.timeNs)
      if (target === own) remembered.push(read.remembered)
    }
  }
  console.log(`\n${what}: ns of processor time each, ${READ_ROUNDS} rounds of ${READ_ROUND_MS} ms in turn`)
  console.log('  low 10%     median')
  printTimes(times, own)
  const share = remembered.reduce((sum, each) => sum + each, 0) / remembered.length
  console.log(`            ${(100 * share).toFixed(1)}% of ${own.name}'s reads were remembered`)
}

function printTimes(times: ReadonlyMap<Target, readonly number[]>, own: Target): void {
  const ownTimes = times.get(own) ?? []
  for (const [target, found] of times) {
    // Of neighbouring rounds, so that a busy machine disturbs both.
    const ratio = median(found.map((time, round) => time / (ownTimes[round] ?? 0)))
    const told = target === own ? '' : `   harmonydb is ${ratio.toFixed(2)} times as fast`
    console.log(`${figure(quantile(found, 0.1))} ${line(median(found), target.name)}${told}`)
  }
}

function print(what: string, own: readonly number[], peers: ReadonlyMap<string, readonly number[]>): void {
  console.log(`\n${what}, median of ${ROUNDS} rounds of ${ROUND_MS} ms in turn`)
  console.log(line(median(own), 'harmonydb, embedded'))
  for (const [name, rates] of peers) {
    // Of neighbouring rounds, so that a busy machine disturbs both.
    const ratio = median(rates.map((rate, round) => (own[round] ?? 0) / rate))
    console.log(`${line(median(rates), name)}   harmonydb has ${ratio.toFixed(2)} times that`)
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-bench-embed-'))
  const db = await open(join(folder, 'harmonydb'))
  await db.execute(CREATE)
  await db.execute(FILL)
  const sqlite = openBetterSqlite(folder)
  await compareRowReads(folder, db, sqlite)
  await compareBucketReads(folder, db)
  if (!process.argv.includes('--reads')) await compareWrites(db, sqlite)
  sqlite?.close()
  await db.close()
  await rm(folder, { recursive: true, force: true })
}

async function compareRowReads(folder: string, db: HarmonyDB, sqlite: SqliteLibrary | null): Promise<void> {
  const lmdb = await openLmdb(folder, 'msgpack', (id) => id)
  const cached = await openLmdb(folder, 'msgpack', (id) => id, true)
  // Peers have their checkpoint made for them; here it comes by itself, when nothing was written for a moment.
  await sleep(REST_MS)
  const statement = db.prepare(POINT)
  const own: Target = {
    name: 'harmonydb, embedded',
    read: (key) => statement.get(key),
    close: () => {},
    remembers: true,
    misses: () => statement.misses,
  }
  const file = join(folder, 'harmonydb', 'databases', 'default.1.sqlite')
  const position = new FilePosition()
  const forgetful = openWithRoom('harmonydb, nothing remembered', file, position, 0)
  const small = openWithRoom('harmonydb, room for a quarter of the rows', file, position, SMALL_ROOM_BYTES)
  const peers: Target[] = [forgetful, small, openNodeSqlite(file)]
  if (sqlite !== null) {
    const get = sqlite.prepare(POINT)
    peers.push({ name: 'better-sqlite3, autocommit', read: (key) => get.get(key), close: () => {} })
  }
  if (lmdb !== null)
    peers.push({ name: 'lmdb, decoded', read: (key) => lmdb.get(key), close: () => lmdb.close() })
  if (cached !== null)
    peers.push({
      name: 'lmdb, cache: true, one object for all',
      read: (key) => cached.get(key),
      close: () => cached.close(),
      remembers: true,
    })
  compareReads('rows by key', [own, ...peers])
  await compareWrittenReads(db, position, [own, forgetful])
  for (const peer of peers) await peer.close()
}

/** As `compareReads`, where no state lasts. */
async function compareWrittenReads(
  db: HarmonyDB,
  position: FilePosition,
  targets: readonly [Target, Target],
): Promise<void> {
  const timesUs = new Map(targets.map((target) => [target, 0]))
  const next = keys()
  for (let round = 0; round < WRITTEN_ROUNDS; round++) {
    for (const [target, timeUs] of timesUs) {
      await db.execute(WRITE, [next()])
      position.noteApplied()
      const before = process.threadCpuUsage()
      for (let count = 0; count < READS_BETWEEN_WRITES; count++) target.read(next())
      const { user, system } = process.threadCpuUsage(before)
      timesUs.set(target, timeUs + user + system)
    }
  }
  const what = `rows by key, all of them, a write after every ${READS_BETWEEN_WRITES.toLocaleString('en')} reads`
  console.log(`\n${what}: ns of processor time each, mean of ${WRITTEN_ROUNDS} rounds in turn`)
  // The clock of a thread is too coarse for single rounds.
  for (const [{ name }, timeUs] of timesUs)
    console.log(line((timeUs * 1000) / WRITTEN_ROUNDS / READS_BETWEEN_WRITES, name))
}

async function compareBucketReads(folder: string, db: HarmonyDB): Promise<void> {
  const lmdb = await openLmdb(folder, 'json', (id) => `user ${id}`)
  const own = await fillBucket(db)
  await sleep(REST_MS)
  const peers: Target[] = []
  if (lmdb !== null)
    peers.push({ name: 'lmdb, JSON', read: (key) => lmdb.get(`user ${key}`), close: () => lmdb.close() })
  compareReads('entries of a bucket, JSON by a string', [own, ...peers])
  for (const peer of peers) await peer.close()
}

async function compareWrites(db: HarmonyDB, sqlite: SqliteLibrary | null): Promise<void> {
  const run = sqlite?.prepare(WRITE)
  for (const writers of [1, WRITERS]) {
    const own: number[] = []
    const peer: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      own.push(await writesPerSecond(writers, (key) => db.execute(WRITE, [key])))
      if (run !== undefined) peer.push(await writesPerSecond(writers, (key) => run.run(key)))
    }
    const peers = new Map(run === undefined ? [] : [['better-sqlite3, WAL, synchronous=FULL', peer]])
    print(
      `durable updates of one row a second, ${writers} at a time, fdatasync before the answer`,
      own,
      peers,
    )
  }
}

await main()
