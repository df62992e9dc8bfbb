/** Statements in query workers: pages, limits, and every way in which one can end early. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { getPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { SqlValue } from '../../base/value.ts'
import {
  type DatabaseReader,
  ReaderPool,
  type ReadPage,
  type ReadRequest,
  SHORT_TIME_MS_MAX,
} from './database-reader.ts'
import type { ReaderOptions } from './reader-options.ts'
import type { Snapshot } from './snapshot.ts'
import { type SampleFile, sampleFile, setApplied } from './testing/sample-file.ts'

/** Workers get what all others leave of the processors: on a busy machine that is little. */
const PATIENCE_MS = 250_000

interface Opened extends AsyncDisposable {
  readonly file: SampleFile
  readonly pool: ReaderPool
  readonly reader: DatabaseReader
}

function opened(options: Partial<ReaderOptions> = {}): Opened {
  const file = sampleFile()
  const pool = new ReaderPool({ workerWaitTimeoutMs: PATIENCE_MS, ...options })
  const reader = pool.open(file.path)
  return {
    file,
    pool,
    reader,
    async [Symbol.asyncDispose]() {
      await reader.close()
      await pool.close()
      file[Symbol.dispose]()
    },
  }
}

function request(sql: string, changes: Partial<ReadRequest> = {}, ...positional: SqlValue[]): ReadRequest {
  return {
    statement: { sql, args: { positional, named: [] } },
    context: INITIAL_CONTEXT,
    appliedIndex: 1n,
    resultSizeBytesMax: 1_000_000_000,
    timeoutMs: PATIENCE_MS,
    ...changes,
  }
}

async function allRows(pages: AsyncGenerator<ReadPage, void, void>): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const page of pages) rows.push(...page.rows)
  return rows
}

const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
const MANY = 'SELECT a.id, b.note FROM large a, large b'

test('a worker gives columns, exact values and the session functions', async () => {
  await using open = opened()
  const sql = "SELECT max(id) AS m, ?, last_insert_rowid(), x'00ff', NULL, 0.1 FROM large WHERE note > ?"
  const context = { ...INITIAL_CONTEXT, lastInsertRowid: 77n }
  const pages = open.reader.readInWorker(request(sql, { context }, 2n ** 63n - 1n, 'a'))
  const first = (await pages.next()).value as ReadPage
  assert.deepEqual(first.columns?.[0], { name: 'm', declaredType: null })
  assert.deepEqual(first.rows, [[5000n, 9223372036854775807n, 77n, new Uint8Array([0, 255]), null, 0.1]])
  await pages.return()
})

test('whoever comes when the reader is closed is told so', async () => {
  await using open = opened()
  const sql = 'SELECT name FROM small WHERE id = 1'
  assert.equal(open.reader.readInline(request(sql))?.rows.length, 1)
  await open.reader.close()
  const refusal = { name: 'HarmonyError', code: 'SHUTTING_DOWN' }
  assert.throws(() => open.reader.readInline(request(sql)), refusal)
  assert.throws(() => open.reader.openSnapshotNow(1n), refusal)
  await assert.rejects(open.reader.describe(sql, 1n), refusal)
  await assert.rejects(open.reader.vet('INSERT INTO small VALUES (9)', 1n), refusal)
})

test('a read tells the index of the state that it saw, which may be ahead of what was announced', async () => {
  await using open = opened()
  setApplied(open.file, 5n)
  assert.equal(open.reader.readInline(request('SELECT name FROM small WHERE id = 1'))?.index, 5n)
  const pages = open.reader.readInWorker(request('SELECT count(*) FROM large'))
  assert.equal(((await pages.next()).value as ReadPage).index, 5n)
  await pages.return()
})

test('a worker that has compiled a statement before sees a changed schema', async () => {
  await using open = opened()
  const columns = async (): Promise<unknown> => {
    const pages = open.reader.readInWorker(request('SELECT * FROM small ORDER BY name'))
    const page = (await pages.next()).value as ReadPage
    await pages.return()
    return [page.columns?.map(({ name }) => name), page.rows[0]]
  }
  assert.deepEqual(await columns(), [
    ['id', 'name'],
    [1n, 'one'],
  ])
  open.file.writer.exec(
    'ALTER TABLE small ADD COLUMN age DEFAULT 5; ALTER TABLE small RENAME COLUMN id TO key',
  )
  assert.deepEqual(await columns(), [
    ['key', 'name', 'age'],
    [1n, 'one', 5n],
  ])
  open.file.writer.exec('DELETE FROM small; ALTER TABLE small DROP COLUMN age')
  assert.deepEqual(await columns(), [['key', 'name'], undefined])
})

test('rows come in pages, and nothing runs ahead of what is taken', async () => {
  await using open = opened({ pageRowsMax: 100 })
  const pages = open.reader.readInWorker(request(MANY))
  for (let page = 0; page < 3; page++) assert.equal(((await pages.next()).value as ReadPage).rows.length, 100)
  assert.equal(open.pool.statistics().workersBusy, 1)
  await pages.return()
  assert.deepEqual(open.pool.statistics().workersBusy, 0, 'an abandoned result frees its worker')
  assert.equal(open.pool.statistics().workersKilled, 0, 'which need not be killed for that')
})

test('a result of 25 million rows passes through with bounded memory', async () => {
  await using open = opened()
  const before = process.memoryUsage().rss
  let rows = 0
  for await (const page of open.reader.readInWorker(request(MANY))) {
    rows += page.rows.length
    if (rows > 400_000) break
  }
  const grownBytes = process.memoryUsage().rss - before
  assert.ok(grownBytes < 200_000_000, `grown by ${grownBytes} bytes for ${rows} rows`)
})

test('a statement that runs too long is stopped by ending its process, and the next one works', async () => {
  await using open = opened()
  const late = allRows(open.reader.readInWorker(request(ENDLESS, { timeoutMs: 300 })))
  await assert.rejects(late, { code: 'STATEMENT_TIMEOUT' })
  assert.equal(open.pool.statistics().workersKilled, 1)
  assert.deepEqual(await allRows(open.reader.readInWorker(request('SELECT count(*) FROM large'))), [[5000n]])
})

test('a reply that comes while this thread is busy is in time', async () => {
  await using open = opened()
  const sql = 'SELECT count(*) FROM large'
  let result: unknown = null
  // On a busy machine it may not come in the first of these times.
  for (const busyMs of [300, 1_000, 3_000, 10_000]) {
    await allRows(open.reader.readInWorker(request(sql)))
    const reading = allRows(open.reader.readInWorker(request(sql, { timeoutMs: busyMs / 2 })))
    // It is sent by then.
    await new Promise((resolve) => setImmediate(resolve))
    const endMs = performance.now() + busyMs
    while (performance.now() < endMs);
    result = await reading.catch(({ code }: { code: string }) => code)
    if (result !== 'STATEMENT_TIMEOUT') break
  }
  assert.deepEqual(result, [[5000n]])
})

test('a worker that does not stop is ended, and who gave its result up hears nothing of that', async () => {
  await using open = opened({ pageRowsMax: 1 })
  const pages = open.reader.readInWorker(request(MANY))
  await pages.next()
  const [worker = 0] = open.pool.processIds()
  process.kill(worker, 'SIGSTOP')
  await pages.return()
  assert.equal(open.pool.statistics().workersKilled, 1)
  assert.deepEqual(await allRows(open.reader.readInWorker(request('SELECT count(*) FROM large'))), [[5000n]])
})

test('the time that the client takes between pages does not count', async () => {
  await using open = opened({ pageRowsMax: 1 })
  const pages = open.reader.readInWorker(
    request('SELECT id FROM large ORDER BY id LIMIT 3', { timeoutMs: 4_000 }),
  )
  await pages.next()
  await sleep(4_100)
  assert.deepEqual(((await pages.next()).value as ReadPage).rows, [[2n]])
  await pages.return()
})

test('aborting stops a statement however busy it is', async () => {
  await using open = opened()
  const controller = new AbortController()
  const running = allRows(open.reader.readInWorker(request(ENDLESS, { signal: controller.signal })))
  while (open.pool.statistics().workersBusy === 0) await sleep(5)
  controller.abort()
  await assert.rejects(running, { code: 'STATEMENT_CANCELLED' })
  assert.equal(open.pool.statistics().workersBusy, 0)
})

test('a result over its limit fails and tells what to do', async () => {
  await using open = opened()
  const large = open.reader.readInWorker(request(MANY, { resultSizeBytesMax: 100_000 }))
  await assert.rejects(allRows(large), { code: 'RESPONSE_TOO_LARGE', message: /LIMIT/ })
  assert.equal(open.pool.statistics().workersBusy, 0)
})

test('a row over its limit fails, even where the whole result may be larger', async () => {
  await using open = opened({ rowSizeBytesMax: 1_000_000 })
  const large = open.reader.readInWorker(request('SELECT zeroblob(600000), zeroblob(600000)'))
  await assert.rejects(allRows(large), { code: 'RESPONSE_TOO_LARGE' })
})

test('a value over its limit fails', async () => {
  await using open = opened({ valueSizeBytesMax: 1_000_000 })
  const large = open.reader.readInWorker(request('SELECT zeroblob(2000000)'))
  await assert.rejects(allRows(large), { code: 'SQLITE_TOOBIG' })
})

const GREEDY: readonly (readonly [what: string, sql: string])[] = [
  [
    'long texts',
    'SELECT sum(length(v)) FROM (SELECT group_concat(hex(zeroblob(1000))) AS v FROM large a, large b)',
  ],
  ['a large sort', 'SELECT a.note || b.note AS v FROM large a, large b ORDER BY v DESC'],
]

for (const [what, greedy] of GREEDY)
  test(`a worker that uses too much memory is ended, and its client told: ${what}`, async () => {
    await using open = opened({ workerMemoryBytesMax: 64 * 1024 * 1024, valueSizeBytesMax: 900_000_000 })
    await assert.rejects(allRows(open.reader.readInWorker(request(greedy))), {
      code: 'INTERNAL',
      message: /too much memory/,
    })
  })

test('workers give way to whoever is quick', async () => {
  await using open = opened()
  await allRows(open.reader.readInWorker(request('SELECT count(*) FROM large')))
  const priorities = open.pool.processIds().map((processId) => getPriority(processId))
  assert.ok(priorities.length > 0)
  for (const priority of priorities) assert.ok(priority > getPriority(), `${priority}`)
})

test('workers see UTC and nothing of the settings of their member', async () => {
  process.env['HARMONYDB_AUTH_TOKEN'] = 'secret'
  await using open = opened()
  const sql = "SELECT datetime(0, 'unixepoch', 'localtime') FROM large ORDER BY note LIMIT 1"
  assert.deepEqual(await allRows(open.reader.readInWorker(request(sql))), [['1970-01-01 00:00:00']])
  const [worker] = open.pool.processIds()
  const printed = spawn('ps', ['eww', '-o', 'command=', '-p', String(worker)])
  const [environment] = (await once(printed.stdout, 'data')) as [Buffer]
  assert.match(environment.toString(), /query-worker/)
  assert.ok(!environment.toString().includes('HARMONYDB_AUTH_TOKEN'))
  delete process.env['HARMONYDB_AUTH_TOKEN']
})

test('when all workers are busy the next statement waits, and is refused when that takes too long', async () => {
  await using open = opened({ workersMax: 1, workerWaitTimeoutMs: 200 })
  const controller = new AbortController()
  const running = allRows(open.reader.readInWorker(request(ENDLESS, { signal: controller.signal })))
  const refused = allRows(open.reader.readInWorker(request('SELECT count(*) FROM large')))
  await assert.rejects(refused, { code: 'OVERLOADED' })
  controller.abort()
  await assert.rejects(running)
})

test('statements known to be short are not kept waiting by long ones', async () => {
  await using open = opened({ workersMax: 2 })
  const short = 'SELECT count(*) FROM large'
  let startMs: number
  // It may be long in coming on a busy machine, and would be taken for a long one then.
  do {
    startMs = performance.now()
    await allRows(open.reader.readInWorker(request(short)))
  } while (performance.now() - startMs > SHORT_TIME_MS_MAX)
  const controller = new AbortController()
  const long = [1, 2, 3].map(() =>
    allRows(open.reader.readInWorker(request(ENDLESS, { signal: controller.signal }))),
  )
  for (const each of long) each.catch(() => undefined)
  assert.deepEqual(await allRows(open.reader.readInWorker(request(short))), [[5000n]])
  controller.abort()
  await Promise.allSettled(long)
})

test('what takes long to compile is refused without holding this thread', async () => {
  await using open = opened()
  const doubling = Array.from(
    { length: 15 },
    (_, at) => `c${at + 1} AS (SELECT x.id FROM c${at} x, c${at} y)`,
  )
  const sql = `WITH c0 AS (SELECT id FROM small), ${doubling.join()} SELECT * FROM c15`
  let turns = 0
  // Turns of the event loop, and not of a clock: this process may be stopped meanwhile as well.
  const turned = (): void => {
    if (turns++ < 100) counter = setImmediate(turned)
  }
  let counter = setImmediate(turned)
  await assert.rejects(open.reader.describe(sql, 1n), { code: 'STATEMENT_TIMEOUT' })
  await assert.rejects(open.reader.vet(`INSERT INTO small (id) ${sql}`, 1n), { code: 'STATEMENT_TIMEOUT' })
  clearImmediate(counter)
  assert.ok(turns > 5, 'other work went on meanwhile')
})

test('a harmless common table expression is compiled in a worker once, then runs on this thread', async () => {
  await using open = opened()
  const sql = 'WITH s AS (SELECT * FROM small) SELECT name FROM s WHERE id = 2'
  assert.equal(open.reader.readInline(request(sql)), null)
  // A worker that the machine kept waiting takes it for one that is long to compile, and is asked again.
  const deadlineMs = performance.now() + 60_000
  do assert.equal((await open.reader.describe(sql, 1n)).isReadOnly, true)
  while (open.reader.readInline(request(sql)) === null && performance.now() < deadlineMs)
  assert.deepEqual(open.reader.readInline(request(sql))?.rows, [['two']])
})

test('a local snapshot moves to a process at its first slow statement, if nothing has changed', async () => {
  await using open = opened()
  const snapshot = await open.reader.openSnapshot({ appliedIndex: 1n, isLong: false, waitTimeoutMs: 60_000 })
  const names = (): Promise<unknown[]> =>
    allRows(snapshot.read(request('SELECT name FROM small WHERE id = 1')))
  assert.deepEqual(await names(), [['one']])
  assert.deepEqual(await allRows(snapshot.read(request('SELECT count(*) FROM large'))), [[5000n]])
  open.file.writer.exec("UPDATE small SET name = 'changed'; DELETE FROM large")
  setApplied(open.file, 2n)
  assert.deepEqual(await names(), [['one']], 'and stays where it is from then on')
  assert.deepEqual(await allRows(snapshot.read(request('SELECT count(*) FROM large'))), [[5000n]])
  snapshot.close()
  assert.equal(open.pool.statistics().snapshotsOpen, 0)
})

test('each transaction keeps the state that it began at, single statements read the newest, and nothing is held in the end', async () => {
  await using open = opened({ holdTimeMs: 5 })
  const nameAt = (appliedIndex: bigint): unknown =>
    open.reader.readInline(request('SELECT name FROM small WHERE id = 1', { appliedIndex }))?.rows[0]?.[0]
  const snapshots: Snapshot[] = []
  const names = (): unknown[] =>
    snapshots.map((each) => each.readNow(request('SELECT name FROM small WHERE id = 1'))?.rows[0]?.[0])
  // More states at a time than connections are kept.
  for (let index = 1n; index <= 12n; index++) {
    setApplied(open.file, index)
    open.file.writer.exec(`UPDATE small SET name = 'at ${index}' WHERE id = 1`)
    for (let count = 0; count < 2; count++) snapshots.push(open.reader.openSnapshotNow(index))
    assert.equal(nameAt(index), `at ${index}`)
  }
  const all = Array.from({ length: 12 }, (_, at) => `at ${at + 1}`)
  assert.deepEqual(
    names(),
    all.flatMap((name) => [name, name]),
  )
  for (const snapshot of snapshots) {
    snapshot.close()
    snapshot.close()
  }
  assert.deepEqual(names(), Array(24).fill(undefined), 'a closed one reads nothing')
  assert.equal(nameAt(12n), 'at 12')
  const busy = (): unknown => open.file.writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy']
  while (busy() !== 0) await sleep(2)
})

test('transactions that follow one another without a gap do not hold an old end of the WAL', async () => {
  await using open = opened({ holdTimeMs: 5 })
  const nameOf = (snapshot: Snapshot): unknown =>
    snapshot.readNow(request('SELECT name FROM small WHERE id = 1'))?.rows[0]?.[0]
  const first = open.reader.openSnapshotNow(1n)
  open.file.writer.exec("UPDATE small SET name = 'changed' WHERE id = 1")
  // Nobody has announced the change: what is shared is the time that a state is held.
  let next = open.reader.openSnapshotNow(1n)
  while (nameOf(next) !== 'changed') {
    const previous = next
    await sleep(2)
    next = open.reader.openSnapshotNow(1n)
    previous.close()
  }
  assert.equal(nameOf(first), 'one')
  first.close()
  next.close()
})

test('a local snapshot that has read something conflicts when it must move and the database has changed', async () => {
  await using open = opened()
  const snapshot = await open.reader.openSnapshot({ appliedIndex: 1n, isLong: false, waitTimeoutMs: 60_000 })
  await allRows(snapshot.read(request('SELECT name FROM small WHERE id = 1')))
  open.file.writer.exec('DELETE FROM large')
  setApplied(open.file, 2n)
  await assert.rejects(allRows(snapshot.read(request('SELECT count(*) FROM large'))), {
    code: 'TRANSACTION_CONFLICT',
    message: /BEGIN READONLY/,
  })
  assert.deepEqual(await allRows(snapshot.read(request('SELECT name FROM small WHERE id = 1'))), [['one']])
  snapshot.close()
})

test('a snapshot that begins with a slow statement does not conflict', async () => {
  await using open = opened()
  const snapshot = await open.reader.openSnapshot({ appliedIndex: 1n, isLong: false, waitTimeoutMs: 60_000 })
  open.file.writer.exec('DELETE FROM large WHERE id > 10')
  setApplied(open.file, 2n)
  assert.deepEqual(await allRows(snapshot.read(request('SELECT count(*) FROM large'))), [[10n]])
  assert.equal(snapshot.index, 2n)
  snapshot.close()
})

test('a long snapshot has a process of its own from the start, and frees it', async () => {
  await using open = opened()
  const options = { appliedIndex: 1n, isLong: true, waitTimeoutMs: 60_000 }
  const snapshot = await open.reader.openSnapshot(options)
  open.file.writer.exec("UPDATE small SET name = 'changed'; DELETE FROM large")
  setApplied(open.file, 2n)
  assert.deepEqual(await allRows(snapshot.read(request('SELECT count(*) FROM large'))), [[5000n]])
  snapshot.close()
  while (open.pool.statistics().workersBusy > 0) await sleep(5)
  const next = await open.reader.openSnapshot(options)
  assert.equal(next.index, 2n, 'the next one sees the present')
  next.close()
})

/** A process that runs an endless statement and prints its worker's process id. */
const PARENT = `
  import { ReaderPool } from ${JSON.stringify(new URL('./database-reader.ts', import.meta.url).href)}
  const pool = new ReaderPool()
  const reader = pool.open(process.argv[1])
  const request = JSON.parse(process.argv[2])
  request.context = { foreignKeys: true, lastInsertRowid: 0n, changes: 0n, totalChanges: 0n }
  request.appliedIndex = 1n
  reader.readInWorker(request).next()
  setInterval(() => {
    for (const worker of pool.processIds()) console.log(worker)
  }, 100)
`

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false
  }
}

test('a worker in the middle of an endless statement ends when its gateway was killed', async () => {
  await using open = opened()
  const statement = { sql: ENDLESS, args: { positional: [], named: [] } }
  const job = JSON.stringify({ statement, resultSizeBytesMax: 1000, timeoutMs: 3_600_000 })
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT, open.file.path, job])
  const [printed] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  const worker = Number(printed)
  await sleep(500)
  assert.equal(isAlive(worker), true)
  parent.kill('SIGKILL')
  for (let waited = 0; isAlive(worker) && waited < 600; waited++) await sleep(100)
  assert.equal(isAlive(worker), false)
})
