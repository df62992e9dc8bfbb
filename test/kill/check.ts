/** What must hold of a member that was killed and started again. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { SystemClock } from '../../src/host/clock.ts'
import { SystemRandom } from '../../src/host/random.ts'
import { SystemDisk } from '../../src/host/system-disk.ts'
import { LocalEngine } from '../../src/engine/local-engine.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { GroupLog } from '../../src/journal/group-log.ts'
import { Journal } from '../../src/journal/journal.ts'
import { atomicTransaction, query } from './client.ts'
import type { History } from './history.ts'
import { BALANCE_SUM, ROWS_OF_ONE, keyOf, transactionOf } from './workload.ts'

/** Sends what is in doubt again, with its idempotency key: whatever became of the first one, it is applied once afterwards. */
async function retryUnknown(url: string, history: History): Promise<void> {
  const retryable = history.unknown().filter(({ writer }) => writer % 8 === 0)
  for (const { writer, number } of retryable) {
    const outcome = await atomicTransaction(url, transactionOf(writer, number), keyOf(writer, number))
    assert.equal(outcome.kind, 'committed')
    history.record(writer, number, outcome)
  }
}

/** No acknowledged transaction is missing, none is half there, none that was refused is there. */
export async function checkHistory(url: string, history: History): Promise<void> {
  await retryUnknown(url, history)
  for (const writer of history.writers) {
    const first = history.firstUnchecked(writer)
    if (first !== null) {
      const rows = await query(url, [
        'SELECT number, count(*) FROM parts WHERE writer = ? AND number >= ? GROUP BY number',
        writer,
        first,
      ])
      history.checkRows(
        writer,
        new Map(rows.map(([number, count]) => [Number(number), Number(count)])),
        ROWS_OF_ONE,
      )
    }
    const [[all] = []] = await query(url, ['SELECT count(*) FROM parts WHERE writer = ?', writer])
    assert.equal(all, history.appliedCount(writer) * ROWS_OF_ONE, `rows of writer ${writer}`)
    const [[value] = []] = await query(url, [
      'SELECT coalesce(max(value), 0) FROM counters WHERE writer = ?',
      writer,
    ])
    assert.equal(value, history.lastApplied(writer), `counter of writer ${writer}`)
  }
  const [[sum, logged] = []] = await query(url, [
    'SELECT (SELECT sum(balance) FROM accounts), (SELECT count(*) FROM log)',
  ])
  assert.equal(sum, BALANCE_SUM)
  const applied = history.writers.reduce((total, writer) => total + history.appliedCount(writer), 0)
  assert.equal(logged, applied)
}

/** SQLite's own opinion of the file. No member may have it open. */
export function checkFile(dataFile: string): void {
  const database = new DatabaseSync(dataFile)
  try {
    assert.deepEqual(
      database
        .prepare('PRAGMA integrity_check')
        .all()
        .map((row) => ({ ...row })),
      [{ integrity_check: 'ok' }],
    )
    assert.deepEqual(database.prepare('PRAGMA foreign_key_check').all(), [])
  } finally {
    database.close()
  }
}

/** Everything in the log of a member that was alone is committed. */
async function replayAll(engine: Engine, log: GroupLog): Promise<void> {
  let next = Number(engine.applied.index) + 1
  while (next <= log.lastIndex) {
    const entries = await log.entries(next, log.lastIndex + 1, 1024 * 1024)
    const commands = entries.filter(({ kind }) => kind === 'command')
    await engine.replay(
      commands.map(({ term, index, data }) => ({ term: BigInt(term), index: BigInt(index), payload: data })),
    )
    next += entries.length
  }
}

/**
 * Replays the whole journal into a new file: its content and its digest chain must be those of the member's file. Gives the number of entries
 * replayed, 0 if the journal does not begin with the first entry any more.
 */
export async function checkReplica(dataFolder: string, group: number, dataFile: string): Promise<number> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-replica-`)
  const journal = await Journal.open({
    disk: new SystemDisk(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    folder: `${dataFolder}/journal`,
  })
  try {
    const log = journal.group(group)
    if (log.base.index > 0) return 0
    const member = await LocalEngine.open({ database: 'member', dataFile })
    const replica = await LocalEngine.open({ database: 'replica', dataFile: `${folder}/replica.sqlite` })
    await replayAll(member, log)
    await replayAll(replica, log)
    assert.deepEqual(replica.applied, member.applied)
    assert.deepEqual(await replica.contentDigest(), await member.contentDigest())
    await member.close()
    await replica.close()
    return log.lastIndex
  } finally {
    await journal.close()
    rmSync(folder, { recursive: true })
  }
}
