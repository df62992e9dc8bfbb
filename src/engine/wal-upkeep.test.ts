import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { DEFAULT_LIMITS, WriterConnection } from './connection.ts'
import { WalUpkeep } from './wal-upkeep.ts'

interface Bench {
  readonly connection: WriterConnection
  readonly upkeep: WalUpkeep
  readonly dataFile: string
}

function open(context: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-wal-'))
  const dataFile = join(folder, 'data.sqlite')
  const connection = WriterConnection.open(dataFile, DEFAULT_LIMITS)
  context.after(() => {
    connection.close()
    rmSync(folder, { recursive: true })
  })
  connection.database.exec('CREATE TABLE t (b BLOB)')
  return { connection, upkeep: new WalUpkeep(connection), dataFile }
}

/** Adds at least so many pages to the WAL, in one transaction. */
function fill({ connection }: Bench, pages: number): void {
  connection.database
    .prepare(
      'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT zeroblob(4096) FROM n',
    )
    .run(BigInt(pages))
}

/** A reader that holds the state of this moment. */
function holdSnapshot(context: TestContext, dataFile: string): DatabaseSync {
  const reader = new DatabaseSync(dataFile, { readOnly: true })
  context.after(() => reader.close())
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM t').get()
  return reader
}

test('COMMIT moves nothing, however long the WAL is', (context) => {
  const bench = open(context)
  fill(bench, 17_000)
  fill(bench, 1)
  assert.equal(bench.upkeep.length().moved, 0)
})

test('a long WAL is moved into the file between transactions, and begins anew with the next one', (context) => {
  const bench = open(context)
  fill(bench, 17_000)
  bench.upkeep.tend()
  const { frames, moved } = bench.upkeep.length()
  assert.ok(frames >= 17_000)
  assert.equal(moved, frames)
  fill(bench, 1)
  assert.ok(bench.upkeep.length().frames < 10)
})

test('a short WAL is left alone', (context) => {
  const bench = open(context)
  fill(bench, 100)
  bench.upkeep.tend()
  assert.equal(bench.upkeep.length().moved, 0)
})

test('at rest all that readers allow is moved, however little', (context) => {
  const bench = open(context)
  fill(bench, 10)
  assert.equal(bench.upkeep.rest(), true)
  const { frames, moved } = bench.upkeep.length()
  assert.equal(moved, frames)
  const reader = holdSnapshot(context, bench.dataFile)
  fill(bench, 10)
  assert.equal(bench.upkeep.rest(), false, 'who reads the file alone must not see it change')
  reader.exec('COMMIT; BEGIN')
  reader.prepare('SELECT count(*) FROM t').get()
  assert.equal(bench.upkeep.rest(), true, 'who reads the end of the WAL holds nothing back')
  fill(bench, 10)
  assert.equal(bench.upkeep.rest(), false, 'but what comes later')
  reader.exec('COMMIT')
  assert.equal(bench.upkeep.rest(), true)
})

test('what a reader holds back is not tried again before much more was written', (context) => {
  const bench = open(context)
  const reader = holdSnapshot(context, bench.dataFile)
  fill(bench, 17_000)
  bench.upkeep.tend()
  const { moved } = bench.upkeep.length()
  assert.ok(moved < 100)
  reader.exec('COMMIT')
  fill(bench, 1)
  bench.upkeep.tend()
  assert.equal(bench.upkeep.length().moved, moved, 'not yet')
  fill(bench, 16_000)
  bench.upkeep.tend()
  const after = bench.upkeep.length()
  assert.equal(after.moved, after.frames)
})

test('readers that always come back do not let the WAL grow for ever: it is begun anew when nobody is left in the old one', async (context) => {
  const bench = open(context)
  await startRenewingReader(context, bench.dataFile)
  let [frames, beginnings, round] = [0, 0, 0]
  // Two in some 12 rounds; more where the reader, which is a thread, has to wait for a processor while the writer waits for it.
  for (; beginnings < 2 && round < 60; round++) {
    fill(bench, 3_000)
    bench.upkeep.tend()
    const before = frames
    frames = bench.upkeep.length().frames
    if (frames < before) beginnings++
  }
  assert.equal(beginnings, 2, `the WAL has ${frames} frames after ${round} rounds`)
})

test('a reader that stays does not keep the writer waiting, nor is it asked at every transaction', (context) => {
  const bench = open(context)
  holdSnapshot(context, bench.dataFile)
  fill(bench, 17_000)
  const reads = countRestarts(bench)
  bench.upkeep.tend()
  fill(bench, 1)
  bench.upkeep.tend()
  assert.equal(reads(), 1)
  fill(bench, 1)
})

/** As a gateway under load: holds a snapshot for a moment, and takes the newest one at once. In a thread of its own. */
async function startRenewingReader(context: TestContext, dataFile: string): Promise<void> {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { DatabaseSync } = require('node:sqlite')
    const reader = new DatabaseSync(workerData, { readOnly: true })
    const count = reader.prepare('SELECT count(*) FROM sqlite_schema')
    const renew = () => {
      if (reader.isTransaction) reader.exec('COMMIT')
      reader.exec('BEGIN')
      count.get()
      setTimeout(renew, 3)
    }
    renew()
    parentPort.postMessage('reads')`
  const worker = new Worker(program, { eval: true, workerData: dataFile })
  context.after(() => worker.terminate())
  await once(worker, 'message')
}

function countRestarts({ connection }: Bench): () => number {
  const setBusyTimeout = connection.setBusyTimeout.bind(connection)
  let count = 0
  connection.setBusyTimeout = (timeoutMs): void => {
    if (timeoutMs !== null) count++
    setBusyTimeout(timeoutMs)
  }
  return () => count
}
