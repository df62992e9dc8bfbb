/** The whole forum, started with its one command, on free ports and a temporary folder. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freeBasePort } from '../../../test/cluster/cluster.ts'

const PROCESSES = 3
const READY_TIMEOUT_MS = 180_000
const READY = /^(forum-\d) \(process (\d+)\) is ready: (\S+)$/

export class RunningForum {
  /** Origins, in order. */
  readonly origins: readonly string[]
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'harmonydb-forum-'))
  readonly #starter: ChildProcess
  readonly #processIds = new Map<string, number>()
  readonly #output: string[] = []
  readonly #waiting = new Set<() => void>()

  static async start(): Promise<RunningForum> {
    // Not those that the system gives to connections: a process that was killed must find its own free when it comes back.
    const basePort = await freeBasePort(PROCESSES)
    const addresses = (offset: number): string[] =>
      Array.from({ length: PROCESSES }, (_, at) => `127.0.0.1:${basePort + 10 * at + offset}`)
    const forum = new RunningForum(addresses(0), addresses(1))
    try {
      await forum.#until(() => forum.#processIds.size === PROCESSES)
      return forum
    } catch (error) {
      await forum.stop()
      throw error
    }
  }

  private constructor(web: readonly string[], peers: readonly string[]) {
    this.origins = web.map((address) => `http://${address}`)
    const examples = join(import.meta.dirname, '../..')
    this.#starter = spawn(
      process.execPath,
      ['--import', join(examples, 'from-source.ts'), join(examples, 'forum/start.ts')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          NODE_TEST_CONTEXT: undefined,
          FORUM_FOLDER: this.#folder,
          FORUM_WEB: web.join(','),
          FORUM_PEERS: peers.join(','),
        },
      },
    )
    if (this.#starter.stdout !== null)
      createInterface({ input: this.#starter.stdout }).on('line', (line) => this.#take(line))
  }

  /** Ends the process at this origin as a power cut would. It is started again by the starter. */
  kill(origin: string): void {
    const processId = this.#processIds.get(origin)
    if (processId === undefined) throw new Error(`No process serves ${origin}.`)
    this.#processIds.delete(origin)
    process.kill(processId, 'SIGKILL')
  }

  /** Resolves when the process at this origin is ready, again perhaps. */
  ready(origin: string): Promise<void> {
    return this.#until(() => this.#processIds.has(origin))
  }

  async stop(): Promise<void> {
    if (this.#starter.exitCode === null) {
      const ended = once(this.#starter, 'close')
      this.#starter.kill('SIGTERM')
      await ended
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Resolves when a line of output has made `condition` true. */
  async #until(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => (condition() ? resolve() : undefined)
    const timer = setTimeout(
      () => reject(new Error(`The forum is not there:\n${this.#output.join('\n')}`)),
      READY_TIMEOUT_MS,
    )
    this.#waiting.add(check)
    check()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(check)
    }
  }

  #take(line: string): void {
    this.#output.push(line)
    const [, , processId, origin] = READY.exec(line) ?? []
    if (origin !== undefined) this.#processIds.set(origin, Number(processId))
    for (const check of this.#waiting) check()
  }
}
