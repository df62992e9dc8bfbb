/** The members under test: processes of `harmonydb start`, each with a folder of its own, in a network of its own where there is one. */

import { execFile, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { ClusterState } from '../../src/cluster/cluster-state.ts'
import { until } from '../cluster/cluster.ts'
import type { Namespaces } from './namespaces.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const STATE_TIMEOUT_MS = 2_000
/** Enough for the databases of a run, and soon full. */
const DISK_MEBIBYTES = 1024

export interface Place {
  readonly host: string
  readonly http: number
  readonly postgres: number
  readonly peer: number
}

export class Members implements AsyncDisposable {
  readonly #folder: string
  readonly #places: readonly Place[]
  readonly #namespaces: Namespaces | null
  readonly #processes: (ChildProcess | null)[]
  /** Whether each has a small file system of its own, that can be filled. */
  readonly hasDisks: boolean

  constructor(folder: string, count: number, basePort: number, namespaces: Namespaces | null) {
    this.#folder = folder
    this.#namespaces = namespaces
    this.#processes = Array.from({ length: count }, () => null)
    this.#places = this.#processes.map((_, index) => {
      const [host, base] =
        namespaces === null ? ['127.0.0.1', basePort + 10 * index] : [namespaces.host(index), basePort]
      return { host, http: base, postgres: base + 1, peer: base + 2 }
    })
    writeFileSync(this.#secretFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
    this.hasDisks = this.indexes.map((index) => this.#mount(index)).every(Boolean)
    process.once('exit', () => this.#killAll())
  }

  get indexes(): readonly number[] {
    return [...this.#processes.keys()]
  }

  /** Of those that run, stopped ones included. */
  get running(): readonly number[] {
    return this.indexes.filter((index) => this.#processes[index] !== null)
  }

  place(index: number): Place {
    const place = this.#places[index]
    if (place === undefined) throw new RangeError(`no member ${index}`)
    return place
  }

  url(index: number): string {
    const { host, http } = this.place(index)
    return `http://${host}:${http}`
  }

  start(index: number): void {
    const { host, http, postgres, peer } = this.place(index)
    const peers = this.#places.map((place) => `${place.host}:${place.peer}`).join(',')
    const options: readonly (readonly [string, string])[] = [
      ['data', join(this.#disk(index), 'data')],
      ['http', `${host}:${http}`],
      ['pg', `${host}:${postgres}`],
      ['peer-listen', `${host}:${peer}`],
      ['peers', peers],
      ['bootstrap-expect', `${this.#places.length}`],
      ['cluster-secret-file', this.#secretFile],
      ['name', `m${index}`],
    ]
    const args = ['start', '--insecure', ...options.flatMap(([name, value]) => [`--${name}`, value])]
    const [command = '', ...rest] = [
      ...(this.#namespaces?.prefix(index) ?? []),
      process.execPath,
      MAIN,
      ...args,
    ]
    const log = openSync(this.logFile(index), 'a')
    const child = spawn(command, rest, { stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    this.#processes[index] = child
    child.once('exit', () => {
      if (this.#processes[index] === child) this.#processes[index] = null
    })
  }

  logFile(index: number): string {
    return join(this.#folder, `m${index}.log`)
  }

  /** To the member and its engines: SIGKILL as from a power failure of the process, SIGSTOP as from a machine that hangs. */
  signal(index: number, signal: NodeJS.Signals): void {
    const pid = this.#processes[index]?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async kill(index: number): Promise<void> {
    this.signal(index, 'SIGKILL')
    await until(`m${index} is gone`, async () => this.#processes[index] === null)
  }

  async stop(index: number): Promise<void> {
    this.signal(index, 'SIGTERM')
    await until(
      `m${index} has stopped`,
      async () => this.#processes[index] === null,
      () => this.log(index),
    )
  }

  /** Everything that it had is gone. It must not run. */
  removeData(index: number): void {
    rmSync(join(this.#disk(index), 'data'), { recursive: true, force: true })
  }

  /** Leaves no byte free on its disk. */
  async fillDisk(index: number): Promise<void> {
    // dd ends with an error: there is no room for its last block.
    await promisify(execFile)('dd', ['if=/dev/zero', `of=${this.#ballast(index)}`, 'bs=64k']).catch(() => {})
  }

  emptyDisk(index: number): void {
    try {
      unlinkSync(this.#ballast(index))
    } catch {
      // It never was full.
    }
  }

  log(index: number): string {
    try {
      return readFileSync(this.logFile(index), 'utf8')
    } catch {
      return ''
    }
  }

  /** Null if it does not answer. */
  async state(index: number): Promise<ClusterState | null> {
    try {
      const response = await fetch(`${this.url(index)}/v1/cluster`, {
        signal: AbortSignal.timeout(STATE_TIMEOUT_MS),
      })
      return response.ok ? ((await response.json()) as ClusterState) : null
    } catch {
      return null
    }
  }

  /** Index of the member that leads the database `default`, as far as anyone says; null if nobody does. */
  async leader(): Promise<{ readonly index: number; readonly term: number } | null> {
    const states = await Promise.all(
      this.running.map(async (index) => ({ index, state: await this.state(index) })),
    )
    const leading = states.flatMap(({ index, state }) => {
      const group = state?.groups.find(({ database }) => database === 'default')
      return group?.role === 'leader' ? [{ index, term: group.term }] : []
    })
    return leading.toSorted((left, right) => right.term - left.term)[0] ?? null
  }

  async isHealthy(index: number): Promise<boolean> {
    const signal = AbortSignal.timeout(STATE_TIMEOUT_MS)
    const response = await fetch(`${this.url(index)}/health`, { signal }).catch(() => null)
    return response?.ok === true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll()
    await until('all are gone', async () => this.running.length === 0)
    for (const index of this.indexes) spawnSync('umount', ['-l', this.#disk(index)], { stdio: 'ignore' })
  }

  #killAll(): void {
    for (const index of this.running) {
      this.signal(index, 'SIGCONT')
      this.signal(index, 'SIGKILL')
    }
  }

  #mount(index: number): boolean {
    mkdirSync(this.#disk(index), { recursive: true })
    const args = ['-t', 'tmpfs', '-o', `size=${DISK_MEBIBYTES}m`, 'tmpfs', this.#disk(index)]
    return process.getuid?.() === 0 && spawnSync('mount', args, { stdio: 'ignore' }).status === 0
  }

  #disk(index: number): string {
    return join(this.#folder, `m${index}`)
  }

  #ballast(index: number): string {
    return join(this.#disk(index), 'ballast')
  }

  get #secretFile(): string {
    return join(this.#folder, 'secret')
  }
}
