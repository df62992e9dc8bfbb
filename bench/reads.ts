/**
 * `node bench/reads.ts`: point reads a second through a session, in process, beside what `node:sqlite` alone does, all in
 * one run. The difference is what sessions, consistency and results cost; what protocols add is in `bench/main.ts`.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { NO_ARGUMENTS, type SqlStatement } from '../src/base/value.ts'
import { Member } from '../src/cluster/member.ts'
import { LocalEngine } from '../src/engine/local-engine.ts'
import { ReaderPool } from '../src/engine/reader/database-reader.ts'
import { LocalGateway } from '../src/gateway/local-gateway.ts'
import type { Consistency, Credential } from '../src/gateway/session.ts'

const ROWS = 200_000
const ROUND_MS = 1_000
const ROUNDS = 3
const CHECK_EVERY = 200
const MMAP_BYTES = 2 ** 30
const POINT = 'SELECT id, code, value FROM item WHERE id = ?'
const IN_WORKER = 'SELECT id, code, value FROM item WHERE id = ? AND printf(?) IS NOT NULL'
const CREDENTIAL: Credential = { access: 'read-write', databases: null }

/** The same keys for everyone: a walk that jumps through the table. */
let position = 0
function nextKey(): bigint {
  position = (position + 7_919) % ROWS
  return BigInt(position + 1)
}

type Operation = () => unknown

async function perSecond(operate: Operation, isAsync: boolean): Promise<number> {
  const start = performance.now()
  let operations = 0
  while (performance.now() - start < ROUND_MS) {
    for (let repeat = 0; repeat < CHECK_EVERY; repeat++)
      if (isAsync) await operate()
      else operate()
    operations += CHECK_EVERY
  }
  return (operations / (performance.now() - start)) * 1000
}

function point(sql: string, ...more: string[]): SqlStatement {
  return { sql, args: { positional: [nextKey(), ...more], named: [] } }
}

async function fill(gateway: LocalGateway): Promise<void> {
  const session = await gateway.openSession('default', CREDENTIAL)
  const execute = (sql: string): Promise<unknown> => session.execute({ sql, args: NO_ARGUMENTS })
  await execute('CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, value REAL)')
  await execute(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
     INSERT INTO item SELECT i, 'code ' || i, i / 3.0 FROM n`,
  )
  await session.close()
}

/** Pages in the WAL are read more slowly than those of the mapped file: all targets start without one. */
function checkpoint(dataFile: string): void {
  const db = new DatabaseSync(dataFile)
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {}
  if (busy !== 0) throw new Error('The WAL could not be emptied.')
  db.close()
}

function rawTargets(dataFile: string): [name: string, operate: Operation, isAsync: boolean][] {
  const db = new DatabaseSync(dataFile, { readOnly: true, readBigInts: true, returnArrays: true })
  db.exec(`PRAGMA mmap_size = ${MMAP_BYTES}`)
  const statement = db.prepare(POINT)
  const held = new DatabaseSync(dataFile, { readOnly: true, readBigInts: true, returnArrays: true })
  held.exec(`PRAGMA mmap_size = ${MMAP_BYTES}; BEGIN`)
  const heldStatement = held.prepare(POINT)
  return [
    ['node:sqlite, autocommit', () => statement.all(nextKey()), false],
    ['node:sqlite, held transaction', () => heldStatement.all(nextKey()), false],
    ['node:sqlite, held transaction, awaited', async () => heldStatement.all(nextKey()), true],
  ]
}

async function sessionTargets(gateway: LocalGateway): Promise<[string, Operation, boolean][]> {
  const session = await gateway.openSession('default', CREDENTIAL)
  const read = (consistency?: Consistency): Operation =>
    consistency === undefined
      ? () => session.execute(point(POINT))
      : () => session.execute(point(POINT), { consistency })
  const openAndClose = async (): Promise<void> => {
    const one = await gateway.openSession('default', CREDENTIAL)
    await one.execute(point(POINT))
    await one.close()
  }
  return [
    ['session, linearizable (default)', read(), true],
    ['session, stale', read({ level: 'stale' }), true],
    ['a new session for each read', openAndClose, true],
    ['session, through a query worker', () => session.execute(point(IN_WORKER, 'x')), true],
  ]
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-bench-reads-'))
  const member = await Member.open({ folder, openEngine: (options) => LocalEngine.open(options) })
  const gateway = new LocalGateway({ directory: member, readers: new ReaderPool() })
  await fill(gateway)
  const { dataFile } = await member.get('default')
  await new Promise((resolve) => setTimeout(resolve, 500))
  checkpoint(dataFile)
  const targets = [...rawTargets(dataFile), ...(await sessionTargets(gateway))]
  const best = new Map<string, number[]>(targets.map(([name]) => [name, []]))
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, operate, isAsync] of targets) best.get(name)?.push(await perSecond(operate, isAsync))
  console.log(`point reads a second, ${ROWS} rows, one client, median of ${ROUNDS} rounds of ${ROUND_MS} ms`)
  for (const [name, rates] of best) {
    const median = rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
    console.log(`${Math.round(median).toLocaleString('en').padStart(10)}  ${name}`)
  }
  await gateway.close()
  await member.close()
  await rm(folder, { recursive: true, force: true })
}

await main()
