/**
 * A query worker as the gateway sees it: one child process that does one thing at a time, and can be killed.
 *
 *   starting ──ready──▶ idle ──request──▶ busy ──reply──▶ idle
 *                         └──────────── exit, kill ──────────▶ dead
 */

import { fork, type ChildProcess } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { assert } from '../../base/assert.ts'
import { HarmonyError, type HarmonyErrorCode } from '../../base/errors.ts'
import { childEnvironment } from '../child-environment.ts'
import type { WorkerOptions, WorkerReply, WorkerRequest } from './worker-protocol.ts'

interface Waiting {
  readonly resolve: (reply: WorkerReply) => void
  readonly reject: (error: HarmonyError) => void
}

/** The same file extension as this file: `.ts` in the repository, `.js` as published. */
const WORKER_FILE = fileURLToPath(
  new URL(`./query-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

const START_TIMEOUT_MS = 30_000

/** As `nice` counts: a tenth of what a process of the usual priority gets beside it (Linux, sched_prio_to_weight). */
const PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL

export class QueryProcess {
  readonly #child: ChildProcess
  readonly #onDead: (worker: QueryProcess) => void
  #waiting: Waiting | null = null
  #death: HarmonyError | null = null
  /** When it gave its last reply; null while one is waited for. */
  #restingSinceMs: number | null = null

  /** `onDead` is called once, when the process has ended for whatever reason. */
  constructor(options: WorkerOptions, onDead: (worker: QueryProcess) => void) {
    this.#onDead = onDead
    this.#child = fork(WORKER_FILE, [JSON.stringify(options)], {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${Math.ceil(options.memoryBytesMax / 1024 / 1024)}`],
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#child.on('message', (reply: WorkerReply) => this.#settle((waiting) => waiting.resolve(reply)))
    this.#child.on('error', (error) => this.#die(`could not be run: ${error.message}`))
    this.#child.on('exit', (code, signal) => this.#die(`ended (${signal ?? `code ${code}`})`))
    this.#child.unref()
    this.#child.channel?.unref()
  }

  get isDead(): boolean {
    return this.#death !== null
  }

  get processId(): number | undefined {
    return this.#child.pid
  }

  /** How long it has waited for its user to ask for more; 0 while it works. */
  restingMs(nowMs: number): number {
    return this.#restingSinceMs === null ? 0 : nowMs - this.#restingSinceMs
  }

  /** Resolves when it can take requests. */
  async started(): Promise<void> {
    await this.#reply(START_TIMEOUT_MS)
    // Not before: whoever waits for a worker waits for its start, too.
    giveWay(this.#child.pid)
  }

  /** Sends `request` and waits for its reply; the process is killed when there is none in time, or on abort. */
  async ask(request: WorkerRequest, timeoutMs: number, signal?: AbortSignal): Promise<WorkerReply> {
    assert(this.#waiting === null, 'a query worker does one thing at a time')
    if (this.#death !== null) throw this.#death
    const abort = (): void => this.kill(stoppedError())
    signal?.addEventListener('abort', abort)
    try {
      const reply = this.#reply(timeoutMs)
      this.#child.send(request)
      return await reply
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends the process at once; whoever waits for a reply gets `reason`. */
  kill(reason: HarmonyError): void {
    this.#child.kill('SIGKILL')
    this.#end(reason)
  }

  #reply(timeoutMs: number): Promise<WorkerReply> {
    // Waiting for a reply must keep the program alive; an idle worker must not.
    this.#child.channel?.ref()
    this.#restingSinceMs = null
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // This process may have been stopped or busy itself, and the reply be here already: it is taken first.
        setImmediate(() => {
          if (this.#waiting === waiting) this.kill(timeoutError(timeoutMs))
        })
      }, timeoutMs)
      const waiting: Waiting = {
        resolve: (reply) => {
          clearTimeout(timer)
          if (reply.type === 'error') reject(new HarmonyError(reply.code as HarmonyErrorCode, reply.message))
          else resolve(reply)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      this.#waiting = waiting
    })
  }

  #settle(action: (waiting: Waiting) => void): void {
    const waiting = this.#waiting
    this.#waiting = null
    this.#restingSinceMs = performance.now()
    this.#child.channel?.unref()
    if (waiting !== null) action(waiting)
  }

  #die(how: string): void {
    this.#end(
      new HarmonyError(
        'INTERNAL',
        `The query worker of this statement ${how}. It may have used too much memory: ask for less, or for fewer rows.`,
      ),
    )
  }

  #end(reason: HarmonyError): void {
    if (this.#death !== null) return
    this.#death = reason
    this.#settle((waiting) => waiting.reject(reason))
    this.#onDead(this)
  }
}

/**
 * Where processors are scarce, statements that run long give way to everything that is quick: members and gateways are asked for
 * less than a millisecond at a time, and a walk through a table takes all that it can get. On an idle machine nothing changes.
 */
function giveWay(processId: number | undefined): void {
  if (processId === undefined) return
  try {
    setPriority(processId, PRIORITY)
  } catch {
    // It has ended already, or the system allows it to nobody: then it runs as everything else.
  }
}

function timeoutError(timeoutMs: number): HarmonyError {
  return new HarmonyError(
    'STATEMENT_TIMEOUT',
    `The statement ran longer than ${timeoutMs} ms and was stopped. Add an index, ask for less, or raise the limit.`,
  )
}

/** What a statement fails with when nobody waits for it any more. */
export function stoppedError(): HarmonyError {
  return new HarmonyError(
    'STATEMENT_CANCELLED',
    'The statement was stopped, because its client asked for that, left, or gave up its result.',
  )
}
