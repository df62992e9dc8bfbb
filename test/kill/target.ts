/** What the kill loop kills: one member, or members of a cluster. */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../src/host/random.ts'
import { Cluster } from '../cluster/cluster.ts'
import { checkFile, checkReplica } from './check.ts'
import { query } from './client.ts'
import { ServerProcess } from './server-process.ts'

export interface KillTarget extends AsyncDisposable {
  /** Starts what does not run. Resolves with the URL that clients use until the next kill. */
  start(): Promise<string>
  /** Kills at least the member that clients use. */
  kill(): Promise<void>
  /** Starts what does not run, and kills it so many milliseconds later. */
  startAndKill(afterMs: number): Promise<void>
  /** Times that a start found a journal with an unfinished write at its end. */
  readonly tornTails: number
  /** Stops everything and looks at the files. Gives the number of entries that a fresh replica replayed from the journal; 0 if it could not. */
  finish(): Promise<number>
}

export interface TargetOptions {
  readonly dataFolder: string
  /** Of `harmonydb start`. */
  readonly args: readonly string[]
  readonly random: SeededRandom
}

export class MemberTarget implements KillTarget {
  readonly #options: TargetOptions
  #server: ServerProcess | null = null
  #tornTails = 0

  constructor(options: TargetOptions) {
    this.#options = options
  }

  get tornTails(): number {
    return this.#tornTails
  }

  async start(): Promise<string> {
    this.#server = new ServerProcess(this.#options.dataFolder, this.#options.args)
    const url = await this.#server.url()
    if (this.#server.output.includes('journal cut')) this.#tornTails++
    return url
  }

  async kill(): Promise<void> {
    await this.#server?.kill()
  }

  async startAndKill(afterMs: number): Promise<void> {
    this.#server = new ServerProcess(this.#options.dataFolder, this.#options.args)
    await sleep(afterMs)
    await this.#server.kill()
  }

  async finish(): Promise<number> {
    await this.kill()
    const { dataFolder } = this.#options
    const dataFile = `${dataFolder}/databases/default.1.sqlite`
    const entries = await checkReplica(dataFolder, 1, dataFile)
    checkFile(dataFile)
    checkFile(`${dataFolder}/databases/_catalog.0.sqlite`)
    return entries
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

const TOTALS = `SELECT (SELECT count(*) FROM parts), (SELECT sum(number * 7 + part) FROM parts),
  (SELECT group_concat(balance) FROM (SELECT balance FROM accounts ORDER BY id)), (SELECT count(*) FROM log),
  (SELECT group_concat(hex(noise)) FROM (SELECT noise FROM parts ORDER BY writer, number, part LIMIT 1000))`

/** Clients use another member in each life; that one is killed, alone, with the leader, or with all others. */
export class ClusterTarget implements KillTarget {
  readonly #cluster: Cluster
  readonly #random: SeededRandom
  #used = 0

  private constructor(cluster: Cluster, random: SeededRandom) {
    this.#cluster = cluster
    this.#random = random
  }

  static async open(members: number, options: TargetOptions): Promise<ClusterTarget> {
    const { dataFolder, args, random } = options
    return new ClusterTarget(await Cluster.start({ members, folder: dataFolder, args }), random)
  }

  get tornTails(): number {
    return this.#cluster.indexes.filter((index) => this.#cluster.log(index).includes('journal cut')).length
  }

  async start(): Promise<string> {
    for (const index of this.#cluster.indexes) this.#cluster.start(index)
    this.#used = this.#random.integer(this.#cluster.indexes.length)
    await this.#cluster.ready(this.#used)
    return this.#cluster.url(this.#used)
  }

  async kill(): Promise<void> {
    const victims = await this.#victims()
    await Promise.all(victims.map((index) => this.#cluster.kill(index)))
  }

  async startAndKill(afterMs: number): Promise<void> {
    for (const index of this.#cluster.indexes) this.#cluster.start(index)
    await sleep(afterMs)
    await Promise.all([...new Set(this.#cluster.indexes)].map((index) => this.#cluster.kill(index)))
  }

  /** All members show the same, each from its own file. */
  async finish(): Promise<number> {
    await this.start()
    await this.#cluster.ready()
    const seen = await Promise.all(
      this.#cluster.indexes.map((index) => query(this.#cluster.url(index), [TOTALS])),
    )
    for (const totals of seen) assert.deepEqual(totals, seen[0])
    await Promise.all(this.#cluster.indexes.map((index) => this.#cluster.stop(index)))
    for (const index of this.#cluster.indexes) {
      const { dataFolder } = this.#cluster.place(index)
      checkFile(`${dataFolder}/databases/default.1.sqlite`)
      checkFile(`${dataFolder}/databases/_catalog.0.sqlite`)
    }
    return 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]()
  }

  async #victims(): Promise<readonly number[]> {
    const kind = this.#random.integer(4)
    if (kind === 0) return this.#cluster.indexes
    if (kind === 1) return [...new Set([this.#used, await this.#cluster.leader()])]
    return [this.#used]
  }
}
