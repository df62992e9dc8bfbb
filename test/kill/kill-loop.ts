/** Starts a member, lets writers at it, kills it at a random moment, starts it again, checks; again and again on the same data. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/host/random.ts'
import { checkFile, checkHistory, checkReplica } from './check.ts'
import { query } from './client.ts'
import type { Totals } from './history.ts'
import { History } from './history.ts'
import { ServerProcess } from './server-process.ts'
import { SCHEMA, runWriter } from './workload.ts'

export interface KillLoopOptions {
  readonly dataFolder: string
  readonly kills: number
  readonly writers: number
  readonly seed: bigint
  /** Small limits make checkpoints and the journal's compaction part of what is interrupted; without them the whole log is kept. */
  readonly isCompacting: boolean
  readonly onLife?: (life: number, totals: Totals) => void
}

export interface KillLoopResult extends Totals {
  readonly kills: number
  /** Of these, while the member was starting. */
  readonly killsAtStart: number
  /** Times that a start found a journal with an unfinished write at its end. */
  readonly tornTails: number
  /** Entries that a fresh replica replayed from the journal at the end, with the same content. */
  readonly replicaEntries: number
}

/** A life ends after so many transactions at most, plus some milliseconds, whatever the speed of the machine. */
const TRANSACTIONS_MAX = 200
const LOAD_MS_MAX = 10_000
const DELAY_MS_MAX = 20
/** Kills during the start come within this part of the time that the starts before have taken. */
const START_PART = 1.1
const COMPACTING = ['--limit', 'group.checkpointEntries=20', '--limit', 'group.checkpointSizeBytes=32KiB']

export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const servers: ServerProcess[] = []
  try {
    return await runLives(options, servers)
  } finally {
    await servers.at(-1)?.kill()
  }
}

/** `servers`: those that were started, the last of which may still run. */
async function runLives(options: KillLoopOptions, servers: ServerProcess[]): Promise<KillLoopResult> {
  const { dataFolder, kills, writers, seed, isCompacting } = options
  const random = new SeededRandom(seed)
  const history = new History()
  const numbers = new Map<number, number>()
  const args = isCompacting ? COMPACTING : []
  let [killsAtStart, tornTails, startMs] = [0, 0, 0]
  const start = async (): Promise<{ server: ServerProcess; url: string }> => {
    const beganMs = performance.now()
    const server = new ServerProcess(dataFolder, args)
    servers.push(server)
    const url = await server.url()
    startMs = performance.now() - beganMs
    if (server.output.includes('journal cut')) tornTails++
    return { server, url }
  }
  const prepared = await start()
  await query(prepared.url, ...SCHEMA)
  await prepared.server.kill()
  for (let life = 1; life <= kills; life++) {
    if (random.integer(8) === 0) {
      const starting = new ServerProcess(dataFolder, args)
      await sleep(random.float() * START_PART * startMs)
      await starting.kill()
      killsAtStart++
      continue
    }
    const { server, url } = await start()
    await checkHistory(url, history)
    const work = Promise.all(
      Array.from({ length: writers }, (_, writer) => runWriter(url, writer, numbers, history)),
    )
    await untilBusy(history, random.integer(TRANSACTIONS_MAX))
    await sleep(random.integer(DELAY_MS_MAX))
    await server.kill()
    await work
    options.onLife?.(life, history.totals)
  }
  const last = await start()
  await checkHistory(last.url, history)
  await last.server.kill()
  const dataFile = `${dataFolder}/databases/default.1.sqlite`
  const replicaEntries = await checkReplica(dataFolder, 1, dataFile)
  if (!isCompacting) assert.ok(replicaEntries > 0, 'the whole log was kept and replayed')
  checkFile(dataFile)
  checkFile(`${dataFolder}/databases/_catalog.0.sqlite`)
  return { ...history.totals, kills, killsAtStart, tornTails, replicaEntries }
}

/** Resolves when the writers have got `transactions` answers more. */
async function untilBusy(history: History, transactions: number): Promise<void> {
  const target = history.totals.committed + transactions
  const lateMs = performance.now() + LOAD_MS_MAX
  while (history.totals.committed < target && performance.now() < lateMs) await sleep(2)
}
