/** Clients that take their results slowly, while others wait for a query worker. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import { ReaderPool, type DatabaseReader, type ReadPage } from './database-reader.ts'
import type { ReaderOptions } from './reader-options.ts'
import { sampleFile } from './testing/sample-file.ts'

/** Workers get what all others leave of the processors: on a busy machine that is little. */
const PATIENCE_MS = 250_000

interface Opened extends AsyncDisposable {
  readonly pool: ReaderPool
  readonly reader: DatabaseReader
}

function opened(options: Partial<ReaderOptions>): Opened {
  const file = sampleFile()
  const pool = new ReaderPool({
    workersMax: 1,
    pageRowsMax: 50,
    workerWaitTimeoutMs: PATIENCE_MS,
    ...options,
  })
  const reader = pool.open(file.path)
  return {
    pool,
    reader,
    async [Symbol.asyncDispose]() {
      await reader.close()
      await pool.close()
      file[Symbol.dispose]()
    },
  }
}

function read({ reader }: Opened, sql: string): AsyncGenerator<ReadPage, void, void> {
  return reader.readInWorker({
    statement: { sql, args: { positional: [], named: [] } },
    context: INITIAL_CONTEXT,
    appliedIndex: 1n,
    resultSizeBytesMax: 1_000_000_000,
    timeoutMs: PATIENCE_MS,
  })
}

async function countRows(pages: AsyncGenerator<ReadPage, void, void>, pauseMs: number): Promise<number> {
  let count = 0
  for await (const { rows } of pages) {
    count += rows.length
    await sleep(pauseMs)
  }
  return count
}

const ALL = 'SELECT id, note FROM large'

test('who takes nothing loses the worker to who waits for it, and is told so', async () => {
  await using open = opened({ yieldTimeMs: 50 })
  const slow = read(open, ALL)
  assert.equal((await slow.next()).done, false)
  assert.equal(await countRows(read(open, ALL), 0), 5000)
  await assert.rejects(slow.next(), { code: 'OVERLOADED', message: /not fetched for 50 ms/ })
  assert.equal(open.pool.single.statistics().busy, 0)
})

test('while nobody waits, a client may take its time', async () => {
  await using open = opened({ yieldTimeMs: 10 })
  const slow = read(open, ALL)
  assert.equal((await slow.next()).done, false)
  await sleep(400)
  assert.equal(await countRows(slow, 0), 4950)
})

test('who reads slowly, but reads, keeps the worker', async () => {
  await using open = opened({ yieldTimeMs: 30_000 })
  const [slow, next] = [countRows(read(open, ALL), 5), countRows(read(open, ALL), 0)]
  assert.deepEqual(await Promise.all([slow, next]), [5000, 5000])
})

test('a statement that works for long is not taken for a slow client', async () => {
  await using open = opened({ yieldTimeMs: 1 })
  const sql = 'SELECT count(*) FROM large a, large b WHERE a.id + b.id > 0 AND b.id < 200'
  const [busy, next] = [countRows(read(open, sql), 0), countRows(read(open, 'SELECT count(*) FROM large'), 0)]
  assert.deepEqual(await Promise.all([busy, next]), [1, 1])
})
