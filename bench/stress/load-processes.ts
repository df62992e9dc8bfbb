/** All load processes together. */

import { fork, type ChildProcess } from 'node:child_process'
import { Latencies } from './latencies.ts'
import type { FromLoad, LoadReport, Progress, Protocol, Target, ToLoad } from './load-protocol.ts'

/** A process may open 20,000 files on the machines this was made for; some room is left. */
export const USERS_OF_ONE_PROCESS = 17_000

const PROGRAM = new URL('./load-process.ts', import.meta.url)

const NOTHING: Progress = {
  connected: 0,
  dropped: 0,
  done: 0,
  failed: 0,
  waiting: 0,
  repeated: 0,
  latencies: [],
}

export interface LoadOptions {
  readonly users: number
  readonly targets: readonly Target[]
  /** New connections a second, of all processes. */
  readonly connectRate: number
  readonly threads: number
  readonly seed: number
  /** Null: half of them each. */
  readonly protocol: Protocol | null
}

export class LoadProcesses {
  readonly #children: ChildProcess[]
  readonly #progress: Progress[]
  readonly #reports: LoadReport[] = []
  readonly #recent = new Latencies()
  #onReport: () => void = () => undefined
  #failure: string | null = null

  constructor({ users, targets, connectRate, threads, seed, protocol }: LoadOptions) {
    const count = Math.ceil(users / USERS_OF_ONE_PROCESS)
    this.#progress = Array.from({ length: count }, () => NOTHING)
    this.#children = this.#progress.map((_, index) => {
      const child = fork(PROGRAM, {
        serialization: 'advanced',
        execArgv: [],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      child.on('message', (message: FromLoad) => this.#take(index, message))
      child.on('exit', (code, signal) => {
        if (code !== 0) this.#failure = `load process ${index} ended (${signal ?? `code ${code}`})`
      })
      const firstUser = Math.floor((users * index) / count)
      const own = Math.floor((users * (index + 1)) / count) - firstUser
      this.#tell(child, {
        kind: 'connect',
        targets,
        firstUser,
        users: own,
        rate: connectRate / count,
        seed: seed + index,
        threads,
        protocol,
      })
      return child
    })
  }

  get processes(): readonly { readonly name: string; readonly pid: number }[] {
    return this.#children.map((child, index) => ({ name: `load ${index}`, pid: child.pid ?? 0 }))
  }

  /** Sums over the processes. Throws if one has ended. */
  progress(): Omit<Progress, 'latencies'> {
    if (this.#failure !== null) throw new Error(this.#failure)
    const sum = (of: (one: Progress) => number): number =>
      this.#progress.reduce((all, one) => all + of(one), 0)
    return {
      connected: sum((one) => one.connected),
      dropped: sum((one) => one.dropped),
      done: sum((one) => one.done),
      failed: sum((one) => one.failed),
      waiting: sum((one) => one.waiting),
      repeated: sum((one) => one.repeated),
    }
  }

  /** Latencies since the last call. */
  takeRecent(): Latencies {
    const taken = new Latencies(this.#recent.counts)
    this.#recent.counts.fill(0)
    return taken
  }

  /** So many acts a second, of all processes. */
  act(rate: number): void {
    for (const child of this.#children) this.#tell(child, { kind: 'act', rate: rate / this.#children.length })
  }

  rest(): void {
    for (const child of this.#children) this.#tell(child, { kind: 'rest' })
  }

  phase(name: string): void {
    for (const child of this.#children) this.#tell(child, { kind: 'phase', name })
  }

  async reports(): Promise<readonly LoadReport[]> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onReport = resolve
    for (const child of this.#children) this.#tell(child, { kind: 'report' })
    await promise
    return this.#reports
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map((child) => {
        const hasEnded = child.exitCode !== null || child.signalCode !== null
        this.#tell(child, { kind: 'end' })
        return hasEnded ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve))
      }),
    )
  }

  #tell(child: ChildProcess, message: ToLoad): void {
    if (child.connected) child.send(message)
  }

  #take(index: number, message: FromLoad): void {
    if (message.kind === 'progress') {
      this.#progress[index] = message.progress
      this.#recent.add(message.progress.latencies)
      return
    }
    this.#reports.push(message.report)
    if (this.#reports.length === this.#children.length) this.#onReport()
  }
}
