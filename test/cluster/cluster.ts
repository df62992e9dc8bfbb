/** A cluster of real members for tests: processes of their own, started as `harmonydb cluster` starts them, that can be killed. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  openClusterFolder,
  type ClusterFolder,
  type MemberPlace,
} from '../../src/cli/cluster/cluster-folder.ts'
import { runningPid, signalMember, startMember, stopMember } from '../../src/cli/cluster/member-process.ts'
import type { ClusterState, GroupState } from '../../src/cluster/cluster-state.ts'

/** A machine that does other things, too, is slow at times; no test depends on how fast this is. */
export const PATIENCE_MS = 120_000
const POLL_INTERVAL_MS = 20
const PORTS_FIRST = 20_000
/** A cluster that grows must not meet another one, so each has so many ports to itself. Below those that systems give to connections. */
const PORTS_OF_ONE = 100
/** Nobody serves at the last one: who listens there has the others, from before the first member starts until this process ends. */
const RESERVING_PORT = PORTS_OF_ONE - 1
const CLUSTERS_MAX = 120

export interface ClusterOptions {
  readonly members: number
  /** Default: a new temporary one, which is removed at the end. */
  readonly folder?: string
  /** Of `harmonydb start`, for each member besides its own. */
  readonly args?: readonly string[]
}

export interface Memory {
  /** What nobody else can have instead of it. */
  readonly ownBytes: number
  /** With the pages of files that are mapped, which the system takes back when it needs them. */
  readonly residentBytes: number
}

export class Cluster implements AsyncDisposable {
  #folder: ClusterFolder
  readonly #isTemporary: boolean
  readonly #args: readonly string[]

  private constructor(folder: ClusterFolder, isTemporary: boolean, args: readonly string[]) {
    this.#folder = folder
    this.#isTemporary = isTemporary
    this.#args = args
    // Members outlive whoever started them, by design; a test that crashes must not leave them behind.
    process.once('exit', () => this.#killAll())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  }

  /** Resolves when all members are ready. */
  static async start({ members, folder, args = [] }: ClusterOptions): Promise<Cluster> {
    const path = folder ?? mkdtempSync(join(tmpdir(), 'harmonydb-cluster-'))
    const basePort = await freeBasePort(members + 2)
    const cluster = new Cluster(
      openClusterFolder({ folder: path, members, basePort, action: { kind: 'run' } }),
      folder === undefined,
      args,
    )
    try {
      for (const index of cluster.indexes) cluster.start(index)
      await cluster.ready()
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  get path(): string {
    return this.#folder.path
  }

  get indexes(): readonly number[] {
    return this.#folder.members.map(({ index }) => index)
  }

  place(index: number): MemberPlace {
    const place = this.#folder.members[index]
    if (place === undefined) throw new RangeError(`no member ${index}`)
    return place
  }

  url(index: number): string {
    return this.place(index).httpUrl
  }

  postgresUrl(index: number): string {
    return this.place(index).postgresUrl
  }

  /** Null if it does not run. */
  pid(index: number): number | null {
    return runningPid(this.place(index))
  }

  log(index: number): string {
    try {
      return readFileSync(this.place(index).logFile, 'utf8')
    } catch {
      return ''
    }
  }

  /** SIGKILL; resolves when the operating system has taken it away. */
  async kill(index: number): Promise<void> {
    signalMember(this.place(index), 'SIGKILL')
    await until(`member ${index} is gone`, async () => this.pid(index) === null)
  }

  signal(index: number, signal: NodeJS.Signals): void {
    signalMember(this.place(index), signal)
  }

  /** SIGTERM; false if it had to be killed. */
  stop(index: number): Promise<boolean> {
    return stopMember(this.place(index), PATIENCE_MS)
  }

  start(index: number): void {
    const place = this.place(index)
    startMember({ ...place, startArguments: [...place.startArguments, ...this.#args] })
  }

  /** Adds a place for one more member, which is not started. Gives its index. */
  grow(): number {
    const members = this.#folder.members.length + 1
    this.#folder = openClusterFolder({ folder: this.path, members, basePort: null, action: { kind: 'run' } })
    return members - 1
  }

  /** Resolves when the members, or all of them, serve and have caught up. Rejects with the log of one that ends. */
  async ready(...indexes: number[]): Promise<void> {
    for (const index of indexes.length === 0 ? this.indexes : indexes) {
      let health = ''
      await until(
        `member ${index} is ready`,
        async () => {
          if (this.pid(index) === null) throw new Error(`member ${index} ended:\n${this.log(index)}`)
          const answer = await fetch(`${this.url(index)}/health`).catch(() => null)
          health = (await answer?.text()) ?? 'no answer'
          return answer?.ok === true
        },
        () => `${health}\n${this.log(index).slice(-2000)}`,
      )
    }
  }

  async state(index: number): Promise<ClusterState> {
    const response = await fetch(`${this.url(index)}/v1/cluster`)
    if (!response.ok) throw new Error(`GET /v1/cluster: ${response.status} ${await response.text()}`)
    return (await response.json()) as ClusterState
  }

  async group(index: number, database = 'default'): Promise<GroupState> {
    const group = (await this.state(index)).groups.find((one) => one.database === database)
    if (group === undefined) throw new Error(`member ${index} knows no database ${database}`)
    return group
  }

  /** Index of the member that says of itself that it leads, in the highest term. */
  async leader(database = 'default'): Promise<number> {
    let found = -1
    await until(`${database} has a leader`, async () => {
      const running = this.indexes.filter((index) => this.pid(index) !== null)
      const seen = await Promise.all(
        running.map(async (index) => ({ index, group: await this.group(index, database).catch(() => null) })),
      )
      const leading = seen
        .filter(({ group }) => group?.role === 'leader')
        .toSorted((a, b) => (b.group?.term ?? 0) - (a.group?.term ?? 0))
      found = leading[0]?.index ?? -1
      return found >= 0
    })
    return found
  }

  /** CPU time of a member and its processes, in milliseconds. Linux only. */
  cpuTimeMs(index: number): number {
    const pid = this.pid(index)
    return pid === null ? 0 : processTree(pid).reduce((sum, one) => sum + cpuTimeMsOf(one), 0)
  }

  /** Memory of a member and its processes. Linux only. */
  memory(index: number): Memory {
    const pid = this.pid(index)
    const all = pid === null ? [] : processTree(pid).map(memoryOf)
    return {
      ownBytes: all.reduce((sum, { ownBytes }) => sum + ownBytes, 0),
      residentBytes: all.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll()
    await Promise.all(this.indexes.map((index) => this.kill(index)))
    if (this.#isTemporary)
      rmSync(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #killAll(): void {
    for (const place of this.#folder.members) signalMember(place, 'SIGKILL')
  }
}

/** Polls until `check` gives true. Rejects with `what`, and what `detail` tells, after a long while. */
export async function until(
  what: string,
  check: () => Promise<boolean>,
  detail: () => string = () => '',
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await check())) {
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${patienceMs / 1000} s: ${what}\n${detail()}`)
    await sleep(POLL_INTERVAL_MS)
  }
}

/** A port from which all ports of the members are free, and stay so for this process: members need a while to start, and are down at times. */
export async function freeBasePort(members: number): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const base = PORTS_FIRST + Math.floor(Math.random() * CLUSTERS_MAX) * PORTS_OF_ONE
    if (!(await isReserved(base + RESERVING_PORT))) continue
    const ports = Array.from({ length: members }, (_, index) =>
      [0, 1, 2].map((offset) => base + 10 * index + offset),
    )
    const isFree = await Promise.all(ports.flat().map(isPortFree))
    if (isFree.every(Boolean)) return base
  }
  throw new Error('no free ports')
}

/** Whether this process, and it alone, has the port from now on. */
function isReserved(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true)).unref()
  })
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** A process and all that came of it. */
function processTree(pid: number): number[] {
  const children = (() => {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number)
    } catch {
      return []
    }
  })()
  return [pid, ...children.flatMap(processTree)]
}

const CLOCK_TICK_MS = 10

function cpuTimeMsOf(pid: number): number {
  try {
    // Behind the name in brackets, which may hold spaces: fields 14 and 15 of proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS
  } catch {
    return 0
  }
}

function memoryOf(pid: number): Memory {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const bytesOf = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
    return { ownBytes: bytesOf('RssAnon'), residentBytes: bytesOf('VmRSS') }
  } catch {
    return { ownBytes: 0, residentBytes: 0 }
  }
}
