/**
 * The members under test: processes of `harmonydb start`, and a last one in an application that embeds the library; each with a folder of
 * its own, in a network of its own where there is one, on a host that can be told to be faulty.
 */

import { execFile, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { ClusterState } from '../../src/cluster/cluster-state.ts'
import type { OpenOptions } from '../../src/embed/main.ts'
import { until } from '../cluster/cluster.ts'
import type { EmbeddedAnswer, EmbeddedCall, EmbeddedRequest } from './embedded-member.ts'
import type { HostTrouble } from './faulty-host.ts'
import { NO_TROUBLE } from './faulty-host.ts'
import type { Namespaces } from './namespaces.ts'
import { NotDone } from './recorder.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const EMBEDDED_MAIN = resolve(import.meta.dirname, 'embedded-member.ts')
const FAULTY_HOST = pathToFileURL(resolve(import.meta.dirname, 'faulty-host.ts')).href
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
  readonly #waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >()
  #asked = 0
  /** What the embedded library promised and did not keep. */
  readonly complaints: string[] = []
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
    for (const index of this.indexes) this.hurt(index, NO_TROUBLE)
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

  /** The one that is part of an application. */
  get embedded(): number {
    return this.indexes.length - 1
  }

  start(index: number): void {
    const program = index === this.embedded ? this.#applicationArguments(index) : this.#serverArguments(index)
    const prefix = this.#namespaces?.prefix(index) ?? []
    const [command = '', ...rest] = [...prefix, process.execPath, ...program]
    const log = openSync(this.logFile(index), 'a')
    const child = spawn(command, rest, {
      stdio: ['ignore', log, log, ...(index === this.embedded ? (['ipc'] as const) : [])],
      detached: true,
      env: {
        ...process.env,
        NODE_OPTIONS: `--import=${FAULTY_HOST}`,
        CHAOS_HOST: this.#hostFile(index),
        CHAOS_PEER_PORT: `${this.place(index).peer}`,
      },
    })
    closeSync(log)
    this.#processes[index] = child
    if (index === this.embedded) child.on('message', (answer: EmbeddedAnswer) => this.#settle(answer))
    child.once('exit', () => {
      if (this.#processes[index] === child) this.#processes[index] = null
      if (index === this.embedded) this.#forget()
    })
  }

  #serverArguments(index: number): readonly string[] {
    const { host, http, postgres, peer } = this.place(index)
    const options: readonly (readonly [string, string])[] = [
      ['data', this.#dataFolder(index)],
      ['http', `${host}:${http}`],
      ['pg', `${host}:${postgres}`],
      ['peer-listen', `${host}:${peer}`],
      ['peers', this.#peers.join(',')],
      ['bootstrap-expect', `${this.#places.length}`],
      ['cluster-secret-file', this.#secretFile],
      ['name', `m${index}`],
    ]
    return [MAIN, 'start', '--insecure', ...options.flatMap(([name, value]) => [`--${name}`, value])]
  }

  #applicationArguments(index: number): readonly string[] {
    const { host, http, postgres, peer } = this.place(index)
    const options: OpenOptions = {
      listen: `${host}:${peer}`,
      peers: this.#peers,
      secret: readFileSync(this.#secretFile, 'utf8').trim(),
      http: `${host}:${http}`,
      pg: `${host}:${postgres}`,
      insecure: true,
      name: `m${index}`,
    }
    return [EMBEDDED_MAIN, this.#dataFolder(index), JSON.stringify(options)]
  }

  /** Has the application do something with its own member. Rejects with NotDone, or another error where nobody knows. */
  ask(call: EmbeddedCall): Promise<unknown> {
    const child = this.#processes[this.embedded]
    if (child?.connected !== true) return Promise.reject(new NotDone('the application does not run'))
    const { promise, resolve: done, reject } = Promise.withResolvers<unknown>()
    const id = ++this.#asked
    this.#waiting.set(id, { resolve: done, reject })
    child.send({ id, call } satisfies EmbeddedRequest, (error) => {
      if (error !== null) this.#settle({ id, kind: 'failed', isNotDone: false, message: error.message })
    })
    return promise
  }

  #settle(answer: EmbeddedAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.kind === 'done') {
      if (answer.complaint !== null) this.complaints.push(answer.complaint)
      waiting?.resolve(answer.value)
      return
    }
    const { isNotDone, message } = answer
    waiting?.reject(isNotDone ? new NotDone(message) : new Error(message))
  }

  #forget(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('the application ended'))
    this.#waiting.clear()
  }

  /** Makes the host of a member faulty, or sound again. Takes a moment to be noticed. */
  hurt(index: number, trouble: HostTrouble): void {
    const file = this.#hostFile(index)
    writeFileSync(`${file}.new`, JSON.stringify(trouble))
    renameSync(`${file}.new`, file)
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
    rmSync(this.#dataFolder(index), { recursive: true, force: true })
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

  #dataFolder(index: number): string {
    return join(this.#disk(index), 'data')
  }

  /** On what is not its disk: that may be full. */
  #hostFile(index: number): string {
    return join(this.#folder, `m${index}.host.json`)
  }

  get #peers(): string[] {
    return this.#places.map(({ host, peer }) => `${host}:${peer}`)
  }

  #ballast(index: number): string {
    return join(this.#disk(index), 'ballast')
  }

  get #secretFile(): string {
    return join(this.#folder, 'secret')
  }
}
