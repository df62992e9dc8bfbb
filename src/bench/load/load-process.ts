/** The load process, as its parent sees it: a process of its own, so that clients don't run on anybody's thread. */

import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Target } from '../target.ts'
import type { Loader, RoundOrder, RoundResult } from './loader.ts'

const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './load-main.ts' : './load-main.js', import.meta.url),
)
/** After these a process is ended: nothing that one system does, or leaves undone, may hold up the others. */
export interface LoadTimeouts {
  /** Of large tables into slow systems. */
  readonly loadSeconds: number
  /** Beyond the length of a round: connections are opened before it, and the last operations end after it. */
  readonly answerSeconds: number
  /** From the answer that everything is closed to the end of the process. */
  readonly endSeconds: number
}

const TIMEOUTS: LoadTimeouts = { loadSeconds: 600, answerSeconds: 60, endSeconds: 10 }
/** Of an operation that failed, and of the library that said so. */
const OUTPUT_CHARACTERS_MAX = 4_000

export type LoadOrder =
  | { readonly kind: 'load' }
  | { readonly kind: 'round'; readonly order: RoundOrder }
  | { readonly kind: 'check' }
  | { readonly kind: 'close' }

export type LoadAnswer =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly message: string }

/** What a load process is started with, as JSON. */
export interface LoadTask {
  readonly target: Pick<Target, 'endpoint' | 'setUpAt' | 'processes'>
  readonly workload: string
  readonly scale: number
}

export class LoadProcess implements Loader {
  readonly #child: ChildProcess
  readonly #timeouts: LoadTimeouts
  #waiting: PromiseWithResolvers<unknown> | null = null
  #output = ''

  /** `main`: the program, which tests replace. */
  constructor(
    { target: { endpoint, setUpAt, processes }, ...task }: LoadTask,
    timeouts: LoadTimeouts = TIMEOUTS,
    main: string = MAIN,
  ) {
    this.#timeouts = timeouts
    const text = JSON.stringify({ ...task, target: { endpoint, setUpAt, processes } } satisfies LoadTask)
    this.#child = fork(main, [text], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString()).slice(-OUTPUT_CHARACTERS_MAX)
      })
    }
    this.#child.on('message', (answer) => this.#settle(answer as LoadAnswer))
    this.#child.on('exit', (code, signal) => {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      this.#fail(new Error(`The load process ended ${how}. ${this.#output}`))
    })
    this.#child.on('error', (error) => this.#fail(error))
    process.once('exit', this.#kill)
  }

  load(): Promise<void> {
    return this.#ask({ kind: 'load' }, this.#timeouts.loadSeconds)
  }

  round(order: RoundOrder): Promise<RoundResult> {
    return this.#ask(
      { kind: 'round', order },
      order.warmUpSeconds + order.seconds + this.#timeouts.answerSeconds,
    )
  }

  check(): Promise<readonly string[]> {
    return this.#ask({ kind: 'check' }, this.#timeouts.loadSeconds)
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#kill)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    if (!this.#child.connected) this.#kill()
    else await this.#ask({ kind: 'close' }, this.#timeouts.answerSeconds).catch(() => this.#kill())
    // Said to be closed is not ended: a thread that is stuck in a call of the system holds up the end of its process.
    const timer = setTimeout(this.#kill, this.#timeouts.endSeconds * 1000)
    await ended
    clearTimeout(timer)
  }

  readonly #kill = (): void => void this.#child.kill('SIGKILL')

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.reject(error)
  }

  #ask<T>(order: LoadOrder, timeoutSeconds: number): Promise<T> {
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting = waiting
    const timer = setTimeout(() => {
      this.#fail(new Error(`It did not answer any more: nothing came for ${timeoutSeconds} s`))
      this.#kill()
    }, timeoutSeconds * 1000)
    this.#child.send(order, (error) => {
      if (error !== null) this.#fail(new Error(`The load process can't be told what to do: ${error.message}`))
    })
    return waiting.promise.finally(() => clearTimeout(timer)) as Promise<T>
  }

  #settle(answer: LoadAnswer): void {
    if (answer.kind === 'failed') return this.#fail(new Error(answer.message))
    this.#waiting?.resolve(answer.result)
    this.#waiting = null
  }
}
