/**
 * `node bench/embed.ts`: what an application in the same process gets. Point reads of the same rows through HarmonyDB's embedded database,
 * better-sqlite3 in its ordinary way (autocommit) and lmdb (decoded objects), in turn in one run; and durable writes beside those of
 * better-sqlite3. Peers that are not installed (`npm run bench` installs them in bench/peers) are left out.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../src/embed/main.ts'

const ROWS = 300_000
const ROUND_MS = 1_000
const ROUNDS = 5
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

function readsPerSecond({ read }: Target): number {
  const next = keys()
  const start = performance.now()
  let operations = 0
  while (performance.now() - start < ROUND_MS) {
    for (let repeat = 0; repeat < CHECK_EVERY; repeat++) read(next())
    operations += CHECK_EVERY
  }
  return (operations / (performance.now() - start)) * 1000
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
  const rates = new Map([own, ...peers].map((target) => [target, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [target, found] of rates) found.push(readsPerSecond(target))
  }
  print(
    `point reads a second by key, ${ROWS.toLocaleString('en')} rows`,
    rates.get(own) ?? [],
    new Map(peers.map((peer) => [peer.name, rates.get(peer) ?? []])),
  )
  await compareWrites(db, sqlite)
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
