/** The load process, as its parent sees it: a process of its own, so that clients don't run on anybody's thread. */

import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Target } from '../target.ts'
import type { Loader, RoundOrder, RoundResult } from './loader.ts'

const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './load-main.ts' : './load-main.js', import.meta.url),
)
/** Of large tables into slow systems. */
const LOAD_TIMEOUT_SECONDS = 600
/** Beyond the length of a round: connections are opened before it, and the last operations end after it. */
const ANSWER_TIMEOUT_SECONDS = 60
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
  #waiting: PromiseWithResolvers<unknown> | null = null
  #output = ''

  constructor({ target: { endpoint, setUpAt, processes }, ...task }: LoadTask) {
    const text = JSON.stringify({ ...task, target: { endpoint, setUpAt, processes } } satisfies LoadTask)
    this.#child = fork(MAIN, [text], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString()).slice(-OUTPUT_CHARACTERS_MAX)
      })
    }
    this.#child.on('message', (answer) => this.#settle(answer as LoadAnswer))
    this.#child.on('exit', (code) => {
      this.#waiting?.reject(new Error(`The load process ended with exit code ${code}. ${this.#output}`))
    })
    process.once('exit', this.#kill)
  }

  load(): Promise<void> {
    return this.#ask({ kind: 'load' }, LOAD_TIMEOUT_SECONDS)
  }

  round(order: RoundOrder): Promise<RoundResult> {
    return this.#ask({ kind: 'round', order }, order.warmUpSeconds + order.seconds + ANSWER_TIMEOUT_SECONDS)
  }

  check(): Promise<readonly string[]> {
    return this.#ask({ kind: 'check' }, LOAD_TIMEOUT_SECONDS)
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#kill)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    if (!this.#child.connected) this.#kill()
    else await this.#ask({ kind: 'close' }, ANSWER_TIMEOUT_SECONDS).catch(() => this.#kill())
    await ended
  }

  readonly #kill = (): void => void this.#child.kill('SIGKILL')

  /** A system that does not answer any more must not hold up the others: its process is ended, and that is told. */
  #ask<T>(order: LoadOrder, timeoutSeconds: number): Promise<T> {
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting = waiting
    const timer = setTimeout(() => {
      this.#waiting = null
      waiting.reject(new Error(`It did not answer any more: nothing came for ${timeoutSeconds} s`))
      this.#kill()
    }, timeoutSeconds * 1000)
    this.#child.send(order)
    return waiting.promise.finally(() => clearTimeout(timer)) as Promise<T>
  }

  #settle(answer: LoadAnswer): void {
    const waiting = this.#waiting
    this.#waiting = null
    if (answer.kind === 'done') waiting?.resolve(answer.result)
    else waiting?.reject(new Error(answer.message))
  }
}
