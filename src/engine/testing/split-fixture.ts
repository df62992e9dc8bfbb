/** An engine with a near and a far connection in a temporary folder, and shorthands that its tests speak in. */

import type { TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import type { SqlStatement } from '../../base/value.ts'
import type { SeededRandom } from '../../host/random.ts'
import { EngineProcess } from '../engine-process.ts'
import type { EngineOptions, EntryStamp, LogEntry, MoreRequests } from '../engine.ts'
import type { FarEngine } from '../far-engine.ts'
import { LocalEngine } from '../local-engine.ts'
import { SplitEngine } from '../split-engine.ts'
import { nextStamp, request, statement, temporaryFolder } from './test-leader.ts'

export interface Split {
  readonly engine: SplitEngine
  readonly far: FarEngine
  readonly log: LogEntry[]
  readonly folder: string
  readonly dataFile: string
  nowMs: number
  /** How long a batch takes near. */
  slowMs: number
  places: number
}

export async function open(context: TestContext, options: Partial<EngineOptions> = {}): Promise<Split> {
  const folder = temporaryFolder(context)
  const dataFile = join(folder, 'split.db')
  const all = { database: 'split', dataFile, ...options }
  const split = openOn(await LocalEngine.open(all), folder, all)
  // A test may have closed it.
  context.after(() => split.engine.close().catch(() => undefined))
  return split
}

/** With its far connection in a process, as in a member. */
export async function openWithProcess(context: TestContext): Promise<Split> {
  const folder = temporaryFolder(context)
  const options = { database: 'split', dataFile: join(folder, 'split.db') }
  const engines = new EngineProcess({ memoryBytesMax: 256 * 1024 * 1024 })
  context.after(() => engines.stop())
  const split = openOn(await engines.open(options), folder, options)
  context.after(() => split.engine.closeNear())
  return split
}

export function openOn(far: FarEngine, folder: string, options: EngineOptions): Split {
  const parts = { nowMs: 0, slowMs: 0, places: 1 }
  const engine = new SplitEngine(far, {
    engine: options,
    nowMs: () => (parts.nowMs += parts.slowMs),
    takePlace: () => parts.places-- > 0,
    leavePlace: () => parts.places++,
  })
  return Object.assign(parts, { engine, far, log: [], folder, dataFile: options.dataFile })
}

/** Executes, and commits at the next index. Gives who ran it. */
export async function submit(
  split: Split,
  requests: readonly TransactionRequest[],
  stamp: EntryStamp = nextStamp(),
  more?: MoreRequests,
): Promise<{ by: 'near' | 'far'; outcomes: readonly TransactionOutcome[] }> {
  const { engine, far, log } = split
  const execution = await engine.executeBatch(requests, stamp, more)
  if (execution.kind === 'settled') return { by: 'far', outcomes: execution.outcomes }
  const index = engine.applied.index + 1n
  log.push({ term: 1n, index, payload: execution.payload })
  const { outcomes, applied } = await engine.commit(1n, index)
  assert.equal(applied.index, index)
  assert.equal(engine.applied.index, index)
  return { by: far.applied.index < index ? 'near' : 'far', outcomes }
}

export async function run(
  split: Split,
  sql: string,
  ...values: (bigint | string)[]
): Promise<'near' | 'far'> {
  const { by, outcomes } = await submit(split, [request([statement(sql, ...values)])])
  assert.equal(outcomes[0]?.kind, 'committed')
  // What was asked about it is known by now.
  await new Promise((resolve) => setImmediate(resolve))
  return by
}

export const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)'
export const INSERT = 'INSERT INTO t (v) VALUES (?)'

/** A table, and an INSERT into it that is known to be quick. */
export async function warm(split: Split): Promise<void> {
  await run(split, TABLE)
  await run(split, INSERT, 'a')
  await run(split, INSERT, 'b')
}

export const UNIQUE_TABLE = 'CREATE TABLE u (k TEXT UNIQUE, at DEFAULT CURRENT_TIMESTAMP)'

/** On `TABLE`, `UNIQUE_TABLE` and a table of the workload. */
export function quickStatement(random: SeededRandom): SqlStatement {
  const n = BigInt(random.integer(40))
  const all = [
    statement(INSERT, `value ${n}`),
    statement('INSERT INTO t VALUES (?, ?)', n, 'explicit'),
    statement('UPDATE t SET v = ? WHERE id = ?', 'new', n),
    statement('DELETE FROM t WHERE id = ?', n),
    statement('INSERT INTO u (k) VALUES (?) RETURNING rowid, at', `key ${n}`),
    statement('INSERT INTO u (k) VALUES (?) ON CONFLICT (k) DO UPDATE SET at = random()', `key ${n}`),
    statement('INSERT OR REPLACE INTO pair VALUES (?, ?, last_insert_rowid())', 'a', n),
  ]
  return all[random.integer(all.length)] as SqlStatement
}
