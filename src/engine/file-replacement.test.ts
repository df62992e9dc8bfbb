import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MemoryDisk } from '../host/memory-disk.ts'
import { SeededRandom } from '../host/random.ts'
import { SystemDisk } from '../host/system-disk.ts'
import { REPLACING_SUFFIX, replaceFile } from './file-replacement.ts'
import { ReaderPool } from './reader/database-reader.ts'
import { HeldConnection } from './reader/held-connection.ts'
import { READER_DEFAULTS } from './reader/reader-options.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import { temporaryFolder, statement } from './testing/test-leader.ts'

const READER = fileURLToPath(new URL('testing/replacement-reader.ts', import.meta.url))
const ROWS = 200

/** A database of one generation, moved into its file as a copy is. */
function makeFile(path: string, generation: number): void {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, generation, filler)`)
  addRows(database, generation)
  database.close()
}

function addRows(database: DatabaseSync, generation: number): void {
  database.exec(
    `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${ROWS})
     INSERT INTO t (generation, filler) SELECT ${generation}, randomblob(300) FROM n`,
  )
}

/** The engine: some of what it writes stays in the WAL, some of that is moved into the file. */
function openWriter(path: string): DatabaseSync {
  const writer = new DatabaseSync(path, { timeout: 5_000 })
  writer.exec('PRAGMA wal_autocheckpoint = 0')
  return writer
}

async function ask(child: ReturnType<typeof fork>): Promise<Record<string, unknown>> {
  const answer = once(child, 'message')
  child.send('go')
  const [message] = (await answer) as [Record<string, unknown>]
  return message
}

test('a query that runs in another process ends with the content of the file it began with', async (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'data.sqlite')
  makeFile(path, 1)
  const before = openWriter(path)
  addRows(before, 1)
  const reader = fork(READER, [path, 'hold'])
  await once(reader, 'message')
  before.close()
  makeFile(join(folder, 'incoming'), 2)
  await replaceFile(new SystemDisk(), join(folder, 'incoming'), path)
  const writer = openWriter(path)
  addRows(writer, 2)
  const seen = await ask(reader)
  await once(reader, 'exit')
  assert.deepEqual(seen, { rows: 2 * ROWS, generations: [1], isReplaced: true })
  assert.ok(existsSync(`${path}-wal`), 'the old reader took the WAL of the new file away')
  assert.deepEqual(
    writer
      .prepare('SELECT generation, count(*) AS n FROM t GROUP BY 1')
      .all()
      .map((row) => ({ ...row })),
    [{ generation: 2, n: 2 * ROWS }],
  )
  writer.close()
})

test('a process that opens the file again and again never reads a mixture', async (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'data.sqlite')
  makeFile(path, 1)
  const reader = fork(READER, [path, 'open'])
  await once(reader, 'message')
  let hasSeenMany = false
  reader.once('message', () => (hasSeenMany = true))
  const disk = new SystemDisk()
  let writer = openWriter(path)
  for (let generation = 2; generation <= 60 || !hasSeenMany; generation++) {
    makeFile(join(folder, 'incoming'), generation)
    writer.close()
    await replaceFile(disk, join(folder, 'incoming'), path)
    writer = openWriter(path)
    addRows(writer, generation)
    writer.exec('PRAGMA wal_checkpoint(PASSIVE)')
    addRows(writer, generation)
  }
  const seen = (await ask(reader)) as { count: number; generations: number[]; mixtures: string[] }
  await once(reader, 'exit')
  writer.close()
  context.diagnostic(`${seen.count} connections, ${seen.generations.length} generations`)
  assert.deepEqual(seen.mixtures, [])
})

test('a statement in a query worker ends with the content that it began with, the next one sees the new file', async (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'data.sqlite')
  makeFile(path, 1)
  const pool = new ReaderPool({ workersMax: 1, pageRowsMax: 20 })
  context.after(() => pool.close())
  const reader = pool.open(path)
  context.after(() => reader.close())
  const read = (appliedIndex: bigint): ReturnType<typeof reader.readInWorker> =>
    reader.readInWorker({
      statement: statement('SELECT generation FROM t ORDER BY id'),
      context: INITIAL_CONTEXT,
      appliedIndex,
      resultSizeBytesMax: 1_000_000,
      timeoutMs: 250_000,
    })
  const seen: unknown[] = []
  for await (const { rows } of read(1n)) {
    if (seen.length === 0) {
      makeFile(join(folder, 'incoming'), 2)
      await replaceFile(new SystemDisk(), join(folder, 'incoming'), path)
    }
    seen.push(...rows.map(([generation]) => generation))
  }
  assert.deepEqual([seen.length, new Set(seen)], [ROWS, new Set([1n])])
  const { value } = await read(2n).next()
  assert.equal(value?.rows[0]?.[0], 2n)
})

test('the connection of the gateway moves over when its read transaction is renewed', async (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'data.sqlite')
  makeFile(path, 1)
  const held = new HeldConnection(path, READER_DEFAULTS)
  context.after(() => held.close())
  const read = (index: bigint): unknown =>
    held.read(statement('SELECT generation FROM t WHERE id = 1'), INITIAL_CONTEXT, index, 1_000)?.rows[0]?.[0]
  assert.equal(read(1n), 1n)
  makeFile(join(folder, 'incoming'), 2)
  await replaceFile(new SystemDisk(), join(folder, 'incoming'), path)
  assert.equal(read(2n), 2n)
})

test('after a power cut in the middle, a second attempt leaves the new file without the WAL of the old one', async () => {
  for (let seed = 1n; seed <= 300n; seed++) {
    const random = new SeededRandom(seed)
    const disk = new MemoryDisk()
    await disk.createFolder('/d')
    for (const [name, content] of Object.entries({ data: 1, 'data-wal': 1, 'data-shm': 1, incoming: 2 })) {
      const file = await disk.create(`/d/${name}`)
      await file.writeDurable(0, Uint8Array.of(content))
      await file.close()
    }
    await disk.syncFolder('/d')
    let left = random.integer(12)
    disk.beforeOperation = () => {
      if (left-- === 0) throw new Error('power cut')
    }
    const isOver = await replaceFile(disk, '/d/incoming', '/d/data').then(
      () => true,
      () => false,
    )
    disk.beforeOperation = () => {}
    const after = disk.crash(random)
    if (!isOver) await replaceFile(after, '/d/incoming', '/d/data')
    const file = await after.open('/d/data')
    assert.deepEqual([...(await file.read(0, 9))], [2], `seed ${seed}`)
    const names = (await after.list('/d')).filter((name) =>
      isOver ? name !== `data${REPLACING_SUFFIX}` : true,
    )
    assert.deepEqual(names, ['data'], `seed ${seed}`)
  }
})

test('a folder has nothing but the new file after an exchange', async (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'data.sqlite')
  makeFile(path, 1)
  makeFile(join(folder, 'incoming'), 2)
  await replaceFile(new SystemDisk(), join(folder, 'incoming'), path)
  assert.deepEqual(readdirSync(folder), ['data.sqlite'])
})
