/** Starts a member or a cluster, lets writers at it, kills it at a random moment, starts it again, checks; again and again on the same data. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/host/random.ts'
import { checkHistory } from './check.ts'
import { query } from './client.ts'
import type { Totals } from './history.ts'
import { History } from './history.ts'
import { ClusterTarget, MemberTarget, type KillTarget } from './target.ts'
import { SCHEMA, runWriter } from './workload.ts'

export interface KillLoopOptions {
  readonly dataFolder: string
  readonly kills: number
  readonly writers: number
  readonly seed: bigint
  /** Default: 1. With more, clients use one of them, which is killed alone or with others. */
  readonly members?: number
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
  const { dataFolder, seed, isCompacting, members = 1 } = options
  const random = new SeededRandom(seed)
  const targetOptions = { dataFolder, random, args: isCompacting ? COMPACTING : [] }
  await using target =
    members === 1 ? new MemberTarget(targetOptions) : await ClusterTarget.open(members, targetOptions)
  return await runLives(options, target, random)
}

async function runLives(
  options: KillLoopOptions,
  target: KillTarget,
  random: SeededRandom,
): Promise<KillLoopResult> {
  const { kills, writers, isCompacting, members = 1 } = options
  const history = new History()
  const numbers = new Map<number, number>()
  let [killsAtStart, startMs] = [0, 0]
  const start = async (): Promise<string> => {
    const beganMs = performance.now()
    const url = await target.start()
    startMs = performance.now() - beganMs
    return url
  }
  await query(await start(), ...SCHEMA)
  await target.kill()
  for (let life = 1; life <= kills; life++) {
    if (random.integer(8) === 0) {
      await target.startAndKill(random.float() * START_PART * startMs)
      killsAtStart++
      continue
    }
    const url = await start()
    await checkHistory(url, history)
    const work = Promise.all(
      Array.from({ length: writers }, (_, writer) => runWriter(url, writer, numbers, history)),
    )
    await untilBusy(history, random.integer(TRANSACTIONS_MAX))
    await sleep(random.integer(DELAY_MS_MAX))
    await target.kill()
    await work
    options.onLife?.(life, history.totals)
  }
  await checkHistory(await start(), history)
  const replicaEntries = await target.finish()
  if (!isCompacting && members === 1) assert.ok(replicaEntries > 0, 'the whole log was kept and replayed')
  return { ...history.totals, kills, killsAtStart, tornTails: target.tornTails, replicaEntries }
}

/** Resolves when the writers have got `transactions` answers more. */
async function untilBusy(history: History, transactions: number): Promise<void> {
  const target = history.totals.committed + transactions
  const lateMs = performance.now() + LOAD_MS_MAX
  while (history.totals.committed < target && performance.now() < lateMs) await sleep(2)
}
