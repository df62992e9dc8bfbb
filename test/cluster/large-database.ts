/**
 * `node test/cluster/large-database.ts --mebibytes 1024`: a new member catches up a large database while writes go on; then a member with
 * that database is started again. Prints memory, the longest time without writes, and the time to the first read.
 */

import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Cluster, until, type Memory } from './cluster.ts'
import { Load, query } from './load.ts'

const ROW_SIZE_BYTES = 1000
const ROWS_OF_ONE_STATEMENT = 1000
const SAMPLE_INTERVAL_MS = 250
/** How long writers are watched before, because a busy machine makes them wait, too. */
const CONTROL_MS = 40_000
/** Copies are sent no faster than the limit of their rate. */
const COPY_PATIENCE_MS = 20 * 60_000

/** Fills `big` with rows of about a kilobyte. What is written goes through the log as it is, so the log gets as long as the database. */
export async function fill(cluster: Cluster, mebibytes: number): Promise<number> {
  const rows = Math.ceil((mebibytes * 2 ** 20) / ROW_SIZE_BYTES)
  await query(cluster.url(0), 'CREATE TABLE big (id INTEGER PRIMARY KEY, text TEXT)')
  for (let from = 1; from <= rows; from += ROWS_OF_ONE_STATEMENT) {
    const count = Math.min(ROWS_OF_ONE_STATEMENT, rows - from + 1)
    const texts = Array.from({ length: count }, () => randomBytes(ROW_SIZE_BYTES / 2).toString('hex'))
    await query(cluster.url(0), 'INSERT INTO big SELECT ? + key, value FROM json_each(?)', [
      from,
      JSON.stringify(texts),
    ])
  }
  return rows
}

export interface CatchUp {
  readonly index: number
  readonly tookMs: number
  /** The longest time that one writer of an older member got no acknowledgement: a while before, and while the new one caught up. */
  readonly waitBeforeMs: number
  readonly waitMs: number
  /** The most that was seen of the new member, and of one of the others, engines included. */
  readonly newMemory: Memory
  readonly otherMemory: Memory
}

/** Starts one member more under load. Resolves when it has a replica with everything, and nothing acknowledged was lost. */
export async function joinUnderLoad(cluster: Cluster, controlMs = 0): Promise<CatchUp> {
  const before = cluster.indexes
  const load = new Load(
    before.map((index) => cluster.url(index)),
    1,
  )
  await load.start()
  await until('the writers write', async () => load.acknowledgedCount > 50)
  const controlBeganMs = performance.now()
  await sleep(controlMs)
  const index = cluster.grow()
  const beganMs = performance.now()
  const sampler = new MemorySampler(cluster, index)
  try {
    cluster.start(index)
    await untilCaughtUp(cluster, index)
    const endedMs = performance.now()
    await load.stop()
    await load.check(cluster.url(index))
    return {
      index,
      tookMs: endedMs - beganMs,
      waitBeforeMs: load.longestWaitMs(before, controlBeganMs, beganMs),
      waitMs: load.longestWaitMs(before, beganMs, endedMs),
      ...(await sampler.stop()),
    }
  } finally {
    await load.stop()
    await sampler.stop()
  }
}

async function untilCaughtUp(cluster: Cluster, index: number): Promise<void> {
  const { commitIndex } = await cluster.group(await cluster.leader())
  await until(
    'the new member has caught up',
    async () => {
      if (cluster.pid(index) === null) throw new Error(`the new member ended:\n${cluster.log(index)}`)
      const seen = await cluster.group(index).catch(() => null)
      return seen !== null && seen.role !== 'none' && seen.appliedIndex >= commitIndex
    },
    () => cluster.log(index).slice(-2000),
    COPY_PATIENCE_MS,
  )
}

class MemorySampler {
  readonly #work: Promise<void>
  #newMemory: Memory = { ownBytes: 0, residentBytes: 0 }
  #otherMemory: Memory = { ownBytes: 0, residentBytes: 0 }
  #isOver = false

  constructor(cluster: Cluster, index: number) {
    this.#work = this.#run(cluster, index)
  }

  async stop(): Promise<Pick<CatchUp, 'newMemory' | 'otherMemory'>> {
    this.#isOver = true
    await this.#work
    return { newMemory: this.#newMemory, otherMemory: this.#otherMemory }
  }

  async #run(cluster: Cluster, index: number): Promise<void> {
    while (!this.#isOver) {
      this.#newMemory = larger(this.#newMemory, cluster.memory(index))
      for (const other of cluster.indexes.filter((one) => one !== index))
        this.#otherMemory = larger(this.#otherMemory, cluster.memory(other))
      await sleep(SAMPLE_INTERVAL_MS)
    }
  }
}

function larger(a: Memory, b: Memory): Memory {
  return {
    ownBytes: Math.max(a.ownBytes, b.ownBytes),
    residentBytes: Math.max(a.residentBytes, b.residentBytes),
  }
}

/** From the start of the process to the first read that it answers, from what it has itself. */
export async function restartToFirstRead(cluster: Cluster, index: number): Promise<number> {
  const beganMs = performance.now()
  cluster.start(index)
  await until('the first read is answered', async () => {
    const sql = 'SELECT text FROM big WHERE id = 77'
    const response = await fetch(`${cluster.url(index)}/v1/databases/default/query`, {
      method: 'POST',
      body: JSON.stringify({ sql, consistency: { level: 'stale' } }),
    }).catch(() => null)
    return response?.ok === true
  })
  return performance.now() - beganMs
}

function memoryText({ ownBytes, residentBytes }: Memory): string {
  return `${mebibytes(ownBytes)} (resident with mapped files: ${mebibytes(residentBytes)})`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { mebibytes: { type: 'string', default: '1024' } } })
  await using cluster = await Cluster.start({ members: 3 })
  const beganMs = performance.now()
  const rows = await fill(cluster, Number(values.mebibytes))
  console.log(`${rows} rows written in ${Math.round((performance.now() - beganMs) / 1000)} s`)
  const joined = await joinUnderLoad(cluster, CONTROL_MS)
  const { size } = statSync(`${cluster.place(joined.index).dataFolder}/databases/default.1.sqlite`)
  console.log(
    `a new member caught up ${mebibytes(size)} in ${Math.round(joined.tookMs)} ms; longest time without writes meanwhile ` +
      `${Math.round(joined.waitMs)} ms, in ${CONTROL_MS / 1000} s before ${Math.round(joined.waitBeforeMs)} ms`,
  )
  console.log(`memory of the new member: at most ${memoryText(joined.newMemory)}`)
  console.log(`memory of each of the others: at most ${memoryText(joined.otherMemory)}`)
  for (const how of ['stopped', 'killed'] as const) {
    if (how === 'stopped') await cluster.stop(joined.index)
    else await cluster.kill(joined.index)
    const tookMs = await restartToFirstRead(cluster, joined.index)
    console.log(`started again after it was ${how}: ${Math.round(tookMs)} ms to the first read`)
    await cluster.ready(joined.index)
  }
}

if (import.meta.main) await main()
