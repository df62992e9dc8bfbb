/**
 * Real members whose engine processes never come back from a statement, or are killed: the others are served, every client is told the
 * truth, and nothing acknowledged is lost.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { atomicTransaction, interactiveTransaction, type Outcome, query, type Statement } from './client.ts'
import { ServerProcess } from './server-process.ts'

/** Runs for ever and changes nothing. */
const ENDLESS =
  'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n WHERE i < 0'
/** Every statement has it, also those that only stand beside an endless one: on a busy machine an INSERT takes a second at times. */
const SHORT_LIMIT = ['--limit', 'statementTimeoutMs=4s']
/** For what would end by itself after a second. */
const SHORTEST_LIMIT = ['--limit', 'statementTimeoutMs=300ms']
/** For endless statements that something else ends. */
const LONG_LIMIT = ['--limit', 'statementTimeoutMs=10min']
/** Of waiting for what has to happen; a test that needs it has failed. */
const PATIENCE_MS = 120_000
/** More than an engine needs to start, on a slow machine, too. */
const BUSY_TICKS = 100
/** Nobody is refused because others, or the machine, were slow. */
const PATIENT = [
  'gateway.writerWaitTimeoutMs=10min',
  'group.batchWaitTimeoutMs=10min',
  'group.waitingTimeMsMax=10min',
  'gateway.statementTimeoutMs=10min',
  'gateway.transactionIdleTimeoutMs=10min',
  'gateway.transactionTotalTimeoutMs=10min',
  'hrana.streamIdleMs=10min',
].flatMap((limit) => ['--limit', limit])

interface Fixture {
  readonly folder: string
  readonly start: (...args: string[]) => Promise<{ readonly server: ServerProcess; readonly url: string }>
}

async function withMembers(work: (fixture: Fixture) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-engine-`)
  const servers: ServerProcess[] = []
  const start = async (...args: string[]): Promise<{ server: ServerProcess; url: string }> => {
    const server = new ServerProcess(folder, args)
    servers.push(server)
    return { server, url: await server.url() }
  }
  try {
    await work({ folder, start })
  } finally {
    for (const server of servers) await server.kill()
    rmSync(folder, { recursive: true, maxRetries: 10, retryDelay: 100 })
  }
}

/** Process ids of the engines of a member, the first one first. */
function enginesOf(server: ServerProcess): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => Number(match?.[2]) === server.pid && match?.[3]?.includes('engine-worker') === true)
    .map((match) => Number(match?.[1]))
    .toSorted((left, right) => left - right)
}

/** A process that has ended and that nobody has asked about yet (Z) runs nothing and holds nothing. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < deadlineMs, `${what} did not happen`)
    await pause(20)
  }
}

/** Processor time that a process has used, in ticks of the system's clock. */
function processorTicks(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return 0
  }
}

/** The engine of a member that has worked for some time since this was called: the endless statement is running there. */
async function busyEngine(server: ServerProcess, except: readonly number[] = []): Promise<number> {
  const before = new Map(enginesOf(server).map((pid) => [pid, processorTicks(pid)]))
  let busy = 0
  await until(() => {
    busy =
      enginesOf(server).find(
        (pid) => !except.includes(pid) && processorTicks(pid) - (before.get(pid) ?? 0) > BUSY_TICKS,
      ) ?? 0
    return busy !== 0
  }, 'an engine at work')
  return busy
}

/** Where every statement has so little time that a plain one is stopped, too, on a busy machine: nothing was done, so again. */
async function insist(url: string, statement: Statement): ReturnType<typeof query> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await query(url, statement)
    } catch (error) {
      if ((error as { code?: string }).code !== 'STATEMENT_TIMEOUT' || attempt === 20) throw error
    }
  }
}

async function rowCount(url: string): Promise<unknown> {
  return (await query(url, ['SELECT count(*) FROM t']))[0]?.[0]
}

test('an endless write: reads and other databases are served meanwhile; its engine dies under it twice, and it is told', () =>
  withMembers(async ({ start }) => {
    const { server, url } = await start(...LONG_LIMIT)
    await query(url, ['CREATE TABLE t (a)'], ['INSERT INTO t VALUES (1)'])
    let outcome: Outcome | null = null
    const endless = atomicTransaction(url, [[ENDLESS]], null).then((one) => (outcome = one))
    const first = await busyEngine(server)
    assert.equal(await rowCount(url), 1)
    const made = await fetch(`${url}/v1/databases`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"other"}',
    })
    assert.equal(made.ok, true, await made.text())
    const written = await fetch(`${url}/v1/databases/other/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"sql":"CREATE TABLE u (b)"}',
    })
    assert.equal(written.ok, true, await written.text())
    assert.equal(outcome, null)
    process.kill(first, 'SIGKILL')
    process.kill(await busyEngine(server, [first]), 'SIGKILL')
    assert.deepEqual(await endless, { kind: 'refused', code: 'INTERNAL' })
    await query(url, ['INSERT INTO t VALUES (2)'])
    assert.equal(await rowCount(url), 2)
  }))

test('an endless write is stopped at its limit, alone, in a crowd and in a transaction; then the database writes again', () =>
  withMembers(async ({ start }) => {
    const { url } = await start(...SHORT_LIMIT)
    await query(url, ['CREATE TABLE t (a)'])
    const stopped = { kind: 'refused', code: 'STATEMENT_TIMEOUT' }
    assert.deepEqual(await atomicTransaction(url, [['INSERT INTO t VALUES (0)'], [ENDLESS]], null), stopped)
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        atomicTransaction(url, [at === 7 ? [ENDLESS] : ['INSERT INTO t VALUES (?)', at]], null),
      ),
    )
    assert.deepEqual(crowd[7], stopped)
    assert.equal(crowd.filter(({ kind }) => kind === 'committed').length, 19)
    assert.equal(await rowCount(url), 19)
    const interactive = await interactiveTransaction(url, [['INSERT INTO t VALUES (1)'], [ENDLESS]])
    assert.deepEqual(interactive, { kind: 'refused', code: 'SQLITE_INTERRUPT' })
    await query(url, ['INSERT INTO t VALUES (2)'])
    assert.equal(await rowCount(url), 20)
  }))

test('a statement that takes for ever to compile, under a schema that only its transaction sees, is stopped', () =>
  withMembers(async ({ start }) => {
    const { url } = await start(...SHORTEST_LIMIT)
    await insist(url, ['CREATE TABLE t (a)'])
    const views = Array.from(
      { length: 30 },
      (_, at) => [`CREATE VIEW v${at + 1} AS SELECT l.a FROM v${at} l, v${at} r`] as const,
    )
    const outcome = await interactiveTransaction(url, [
      ['CREATE VIEW v0 AS SELECT a FROM t'],
      ...views,
      ['INSERT INTO t SELECT a FROM v30'],
    ])
    assert.deepEqual(outcome, { kind: 'refused', code: 'SQLITE_INTERRUPT' })
    await insist(url, ['INSERT INTO t VALUES (2)'])
    assert.deepEqual(await insist(url, ['SELECT count(*) FROM t']), [[1]])
  }))

test('engines are killed again and again under load: what was acknowledged is there once, what was refused is not', () =>
  withMembers(async ({ start }) => {
    const { server, url } = await start(...PATIENT)
    await query(
      url,
      ['CREATE TABLE t (a INTEGER PRIMARY KEY, kind TEXT)'],
      ['CREATE TABLE counter (n INTEGER)'],
      ['INSERT INTO counter VALUES (0)'],
    )
    const told = new Map<number, Outcome>()
    let next = 0
    let committedCount = 0
    let isOver = false
    const write = async (kind: 'batch' | 'interactive'): Promise<void> => {
      while (!isOver) {
        const id = next++
        const statements = [
          ['INSERT INTO t VALUES (?, ?)', id, kind],
          ['UPDATE counter SET n = n + 1'],
        ] as const
        const outcome =
          kind === 'batch'
            ? await atomicTransaction(url, statements, null)
            : await interactiveTransaction(url, statements)
        told.set(id, outcome)
        if (outcome.kind === 'committed') committedCount++
      }
    }
    const writers = Promise.all([...Array.from({ length: 8 }, () => write('batch')), write('interactive')])
    for (let kills = 0; kills < 8; kills++) {
      const before = committedCount
      await until(() => committedCount > before + 40, 'progress')
      for (const pid of enginesOf(server)) process.kill(pid, 'SIGKILL')
    }
    isOver = true
    await writers
    const rows = await query(url, ['SELECT a FROM t'])
    const stored = new Set(rows.map(([id]) => Number(id)))
    const ids = (kind: Outcome['kind']) => [...told].filter(([, one]) => one.kind === kind).map(([id]) => id)
    assert.deepEqual(
      ids('committed').filter((id) => !stored.has(id)),
      [],
      'acknowledged and not there',
    )
    assert.deepEqual(
      ids('refused').filter((id) => stored.has(id)),
      [],
      'refused and there',
    )
    assert.deepEqual((await query(url, ['SELECT n FROM counter']))[0], [rows.length])
    assert.ok(ids('committed').length > 300)
    const codes = new Set([...told.values()].flatMap((one) => (one.kind === 'refused' ? [one.code] : [])))
    assert.deepEqual(
      [...codes].filter((code) => !['SQLITE_BUSY', 'TRANSACTION_CONFLICT', 'INTERNAL'].includes(code)),
      [],
    )
  }))

test('a member is killed while a write runs that never ends: the next one starts and writes, and the old engine is gone', () =>
  withMembers(async ({ start }) => {
    const { server, url } = await start(...LONG_LIMIT)
    await query(url, ['CREATE TABLE t (a)'], ['INSERT INTO t VALUES (1)'])
    void atomicTransaction(url, [[ENDLESS]], null)
    const orphan = await busyEngine(server)
    await server.kill()
    const next = await start()
    await query(next.url, ['INSERT INTO t VALUES (2)'])
    assert.equal(isAlive(orphan), false)
    assert.equal(await rowCount(next.url), 2)
  }))

test('SIGTERM while a write runs that never ends: its client is told, the member ends with 0, and the data is whole', () =>
  withMembers(async ({ start }) => {
    const { server, url } = await start(...LONG_LIMIT, '--limit', 'gateway.drainTimeoutMs=300ms')
    await query(url, ['CREATE TABLE t (a)'], ['INSERT INTO t VALUES (1)'])
    const endless = atomicTransaction(url, [[ENDLESS]], null)
    const engine = await busyEngine(server)
    assert.equal(await server.stop(), 0)
    assert.deepEqual(await endless, { kind: 'refused', code: 'SHUTTING_DOWN' })
    assert.equal(isAlive(engine), false)
    const next = await start()
    await query(next.url, ['INSERT INTO t VALUES (2)'])
    assert.equal(await rowCount(next.url), 2)
  }))
