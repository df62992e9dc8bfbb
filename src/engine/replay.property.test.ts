/**
 * Random workloads, each from one seed: what a leader executes, every replica replays to the same digest chain and the
 * same content, hidden rowids and schema included, whether it follows at once, later, or with restarts in between.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SeededRandom } from '../host/random.ts'
import type { Random } from '../host/random.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { SessionContext, TransactionRequest } from '../base/transaction.ts'
import type { EngineCore } from './engine-core.ts'
import type { EngineLimits } from './engine.ts'
import { decodeEntry } from './entry-codec.ts'
import {
  newReplica,
  nextStamp,
  request,
  RESULT_BYTES_MAX,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'
import { randomStatement, WORKLOAD_SCHEMA } from './testing/workload.ts'

const SEEDS = Number(process.env['HARMONY_SEEDS'] ?? 6)
const FIRST_SEED = Number(process.env['HARMONY_SEED'] ?? 1)
const STEPS = 60

interface Run {
  readonly leader: TestLeader
  readonly random: Random
  /** Sessions whose contexts move on as their transactions commit. */
  readonly contexts: SessionContext[]
}

function randomRequest({ random, contexts }: Run, session: number): TransactionRequest {
  const statements = Array.from({ length: 1 + random.integer(4) }, () => randomStatement(random, false))
  const key = random.integer(10) === 0 ? `key ${random.integer(20)}` : undefined
  const context = contexts[session] as SessionContext
  return request(statements, key === undefined ? { context } : { context, key })
}

/** Executes some requests and commits them, or loses leadership before. */
function batchStep(run: Run): void {
  const { leader, random, contexts } = run
  const sessions = Array.from({ length: 1 + random.integer(6) }, () => random.integer(contexts.length))
  const requests = sessions.map((session) => randomRequest(run, session))
  const batch = leader.core.executeBatch(requests, nextStamp())
  if (batch.kind === 'settled') return
  if (random.integer(10) === 0) {
    leader.core.rollback()
    return
  }
  leader.commit(batch.payload).outcomes.forEach((outcome, at) => {
    if (outcome.kind === 'committed') contexts[sessions[at] as number] = outcome.context
  })
}

function interactiveStep({ leader, random, contexts }: Run): void {
  const session = random.integer(contexts.length)
  const context = contexts[session] as SessionContext
  leader.core.begin({ context, stamp: nextStamp(), idempotencyKey: null })
  for (let count = random.integer(12); count > 0; count--) {
    const limit = random.integer(8) === 0 ? 20 : RESULT_BYTES_MAX
    const outcome = leader.core.execute(randomStatement(random, true), limit)
    if (outcome.kind === 'failed' && outcome.isEnded) return
  }
  if (random.integer(8) === 0) {
    leader.core.rollback()
    return
  }
  const prepared = leader.core.prepareCommit()
  if (prepared.kind === 'settled') return
  const outcome = leader.commit(prepared.payload).outcomes[0]
  if (outcome?.kind === 'committed') contexts[session] = outcome.context
}

function dump(path: string): string[] {
  const database = new DatabaseSync(path, { readOnly: true, readBigInts: true, returnArrays: true })
  const tables = database.prepare(TABLES).all() as unknown as [string, bigint][]
  const lines = tables.flatMap(([name, isWithoutRowid]) => {
    if (name.startsWith('_harmony_')) return []
    const rowid = isWithoutRowid === 0n ? 'rowid, ' : ''
    const rows = database.prepare(`SELECT ${rowid}* FROM "${name}"`).all() as unknown as unknown[][]
    return rows.map(
      (row) =>
        `${name} ${row.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value))).join(' | ')}`,
    )
  })
  database.close()
  return lines
}

const TABLES = `SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') ORDER BY name`

/** The first row that the two databases do not have in common, shortened. */
function firstDifference(folder: string, left: string, right: string): string | null {
  const [a, b] = [left, right].map((name) => dump(join(folder, `${name}.db`))) as [string[], string[]]
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, row) => row).find(
    (row) => a[row] !== b[row],
  )
  return at === undefined ? null : `${left}: ${a[at]?.slice(0, 300)}\n${right}: ${b[at]?.slice(0, 300)}`
}

/** The entry after the last that `core` has, for people. */
function nextEntry(core: EngineCore, leader: TestLeader): string {
  const next = leader.log.find(({ index }) => index > core.applied.index)
  if (next === undefined) return 'none'
  return describe(next.payload)
}

function describe(payload: Uint8Array): string {
  const lines = decodeEntry(payload).transactions.flatMap(({ context, statements }) => [
    `-- ${JSON.stringify(context, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v))}`,
    ...statements.map(({ sql, values, ...rest }) => `${sql} -- ${values.join(', ')} ${JSON.stringify(rest)}`),
  ])
  return lines.join('\n')
}

function runSeed(folder: string, seed: number): void {
  const random = new SeededRandom(BigInt(seed))
  const limits: Partial<EngineLimits> = seed % 2 === 0 ? { capturedRowsMax: 25 } : {}
  const leader = new TestLeader(folder, `leader${seed}`, { limits })
  const contexts = Array.from({ length: 4 }, (_, at) => ({ ...INITIAL_CONTEXT, foreignKeys: at !== 3 }))
  const run: Run = { leader, random, contexts }
  leader.submit(...WORKLOAD_SCHEMA.map((sql) => request([sql])))
  let follower = newReplica(folder, `follower${seed}`)
  for (let step = 0, replayed = 0; step < STEPS; step++) {
    if (random.integer(3) === 0) interactiveStep(run)
    else batchStep(run)
    if (random.integer(4) > 0) continue
    if (random.integer(4) === 0) {
      follower.close()
      follower = newReplica(folder, `follower${seed}`)
    }
    try {
      follower.replay(leader.log.slice(replayed))
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step}:\n${nextEntry(follower, leader)}`, { cause: error })
    }
    const before = replayed
    replayed = leader.log.length
    assert.deepEqual(follower.applied, leader.core.applied)
    if (process.env['DBG'] !== undefined) {
      const difference = firstDifference(folder, `leader${seed}`, `follower${seed}`)
      if (difference !== null) {
        for (const { payload, index } of leader.log.slice(before)) console.log(index, describe(payload))
        throw new Error(difference)
      }
    }
  }
  const late = newReplica(folder, `late${seed}`)
  late.replay(leader.log)
  assert.deepEqual(late.applied, leader.core.applied)
  assert.equal(firstDifference(folder, `leader${seed}`, `late${seed}`), null, `seed ${seed}`)
  assert.deepEqual(late.contentDigest(), leader.core.contentDigest())
  for (const core of [leader.core, follower, late]) core.close()
}

test('random workloads replay to the same content', (context) => {
  const folder = temporaryFolder(context)
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    runSeed(folder, seed)
  }
})
