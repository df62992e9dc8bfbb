/** A member as users start it, in a process of its own that can be killed. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const START_TIMEOUT_MS = 180_000

export class ServerProcess {
  readonly #child: ChildProcess
  readonly #ready = Promise.withResolvers<string>()
  readonly #exited: Promise<unknown>
  #output = ''

  /**
   * `args` are those of `harmonydb start`, besides the folder and the address. `shell` is a script that sets limits and ends
   * with `exec "$@"`.
   */
  constructor(dataFolder: string, args: readonly string[] = [], shell: string = 'exec "$@"') {
    const own = ['--data', dataFolder, '--http', '127.0.0.1:0', '--log-format', 'json']
    const command = ['-c', shell, 'sh', process.execPath, MAIN, 'start', ...own, ...args]
    this.#child = spawn('/bin/sh', command, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exited = once(this.#child, 'exit')
    this.#child.on('exit', () => this.#ready.reject(new Error(`the member ended:\n${this.#output}`)))
    this.#ready.promise.catch(() => {})
    const take = (piece: string): void => {
      this.#output += piece
      const address = /"http":"([^"]+)"/.exec(this.#output)?.[1]
      if (address !== undefined) this.#ready.resolve(`http://${address}`)
    }
    this.#child.stdout?.setEncoding('utf8').on('data', take)
    this.#child.stderr?.setEncoding('utf8').on('data', take)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it printed so far. */
  get output(): string {
    return this.#output
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** Resolves with its URL when it serves. Rejects with its output if it ends before. */
  async url(): Promise<string> {
    const timer = setTimeout(
      () => this.#ready.reject(new Error(`the member does not start:\n${this.#output}`)),
      START_TIMEOUT_MS,
    )
    try {
      return await this.#ready.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** SIGKILL: it can't notice. Resolves when the operating system has taken it away. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** SIGTERM; resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#exited
    return this.#child.exitCode
  }

  async exited(): Promise<void> {
    await this.#exited
  }
}
