/**
 * `node bench/embed.ts`: what an application in the same process gets. Point reads of the same rows through HarmonyDB's embedded database,
 * better-sqlite3 in its ordinary way (autocommit) and lmdb (decoded objects), in turn in one run; and durable writes beside those of
 * better-sqlite3. Peers that are not installed (`npm run bench` installs them in bench/peers) are left out.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from '../src/embed/main.ts'

const ROWS = 300_000
const ROUND_MS = 500
const ROUNDS = 7
const CHECK_EVERY = 200
const WRITERS = 64

const requirePeer = createRequire(join(import.meta.dirname, 'peers', 'package.json'))

interface Target {
  readonly name: string
  readonly read: (key: number) => unknown
  readonly close: () => unknown
}

interface SqliteLibrary {
  prepare(sql: string): { get(key: number): unknown; run(...values: unknown[]): unknown }
  pragma(text: string): unknown
  exec(sql: string): unknown
  close(): void
}

interface LmdbStore {
  get(key: number): unknown
  put(key: number, value: unknown): Promise<boolean>
  transaction(work: () => void): Promise<unknown>
  close(): Promise<void>
}

/** The same keys for everyone: a walk that jumps through the table. */
function keys(): () => number {
  let position = 0
  return () => {
    position = (position + 7_919) % ROWS
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

async function openLmdb(folder: string): Promise<LmdbStore | null> {
  const library = load<{ open(options: object): LmdbStore }>('lmdb')
  if (library === null) return null
  const store = library.open({
    path: join(folder, 'lmdb'),
    encoding: 'msgpack',
    sharedStructuresKey: 'structures',
  })
  await store.transaction(() => {
    for (let id = 1; id <= ROWS; id++) {
      void store.put(id, { id, name: `user ${id}`, email: `user${id}@example.com`, age: id % 90 })
    }
  })
  return store
}

/** Processor time of this thread: other work on the machine takes part in time by the clock, and little in this. */
function readTimeNs({ read }: Target): number {
  const next = keys()
  const deadlineMs = performance.now() + ROUND_MS
  const before = process.threadCpuUsage()
  let operations = 0
  do {
    for (let repeat = 0; repeat < CHECK_EVERY; repeat++) read(next())
    operations += CHECK_EVERY
  } while (performance.now() < deadlineMs)
  const { user, system } = process.threadCpuUsage(before)
  return ((user + system) * 1000) / operations
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function printReads(own: readonly number[], peers: ReadonlyMap<string, readonly number[]>): void {
  const line = (timeNs: number, name: string): string =>
    `${Math.round(timeNs).toLocaleString('en').padStart(10)}  ${name}`
  console.log(
    `\npoint reads by key, ${ROWS.toLocaleString('en')} rows: ns of processor time each, median of ${ROUNDS} rounds of ${ROUND_MS} ms in turn`,
  )
  console.log(line(median(own), 'harmonydb, embedded'))
  for (const [name, times] of peers) {
    // Of neighbouring rounds, so that a busy machine disturbs both.
    const ratio = median(times.map((time, round) => time / (own[round] ?? 0)))
    console.log(`${line(median(times), name)}   harmonydb is ${ratio.toFixed(2)} times as fast`)
  }
}

function print(what: string, own: readonly number[], peers: ReadonlyMap<string, readonly number[]>): void {
  const line = (rate: number, name: string): string =>
    `${Math.round(rate).toLocaleString('en').padStart(10)}  ${name}`
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
  // Peers have their checkpoint made for them; here it comes by itself, when nothing was written for a moment.
  await sleep(1_500)
  const statement = db.prepare(POINT)
  const sqlite = openBetterSqlite(folder)
  const lmdb = await openLmdb(folder)
  const own: Target = { name: 'harmonydb', read: (key) => statement.get(key), close: () => db.close() }
  const peers: Target[] = []
  if (sqlite !== null) {
    const get = sqlite.prepare(POINT)
    peers.push({
      name: 'better-sqlite3, autocommit',
      read: (key) => get.get(key),
      close: () => sqlite.close(),
    })
  }
  if (lmdb !== null)
    peers.push({ name: 'lmdb, decoded', read: (key) => lmdb.get(key), close: () => lmdb.close() })
  const times = new Map([own, ...peers].map((target) => [target, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [target, found] of times) found.push(readTimeNs(target))
  }
  printReads(times.get(own) ?? [], new Map(peers.map((peer) => [peer.name, times.get(peer) ?? []])))
  if (!process.argv.includes('--reads')) await compareWrites(db, sqlite)
  for (const target of [own, ...peers]) await target.close()
  await rm(folder, { recursive: true, force: true })
}

async function compareWrites(
  db: Awaited<ReturnType<typeof open>>,
  sqlite: SqliteLibrary | null,
): Promise<void> {
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
