/**
 * A query worker of a simulated machine: what it does with a request is real, the process is not. Its answers take simulated time, and it can be
 * killed while one is waited for.
 */

import { HarmonyError } from '../../src/base/errors.ts'
import type { HarmonyErrorCode } from '../../src/base/errors.ts'
import { stoppedError } from '../../src/engine/reader/query-process.ts'
import { QueryWork } from '../../src/engine/reader/query-work.ts'
import type { WorkerOptions, WorkerReply, WorkerRequest } from '../../src/engine/reader/worker-protocol.ts'

/** Both ways and SQLite in between. */
const ANSWER_MS = 0.3

export class QueryProcessHere {
  readonly #work: QueryWork
  #death: HarmonyError | null = null
  #reject: ((reason: HarmonyError) => void) | null = null

  constructor(options: WorkerOptions) {
    this.#work = new QueryWork(options)
  }

  get isDead(): boolean {
    return this.#death !== null
  }

  async ask(request: WorkerRequest, _timeoutMs: number, signal?: AbortSignal): Promise<WorkerReply> {
    if (this.#death !== null) throw this.#death
    const { promise, resolve, reject } = Promise.withResolvers<WorkerReply>()
    this.#reject = reject
    const abort = (): void => this.kill(stoppedError())
    signal?.addEventListener('abort', abort)
    setTimeout(() => {
      if (this.#death === null) resolve(this.#answer(request))
    }, ANSWER_MS)
    try {
      const reply = await promise
      if (reply.type === 'error') throw new HarmonyError(reply.code as HarmonyErrorCode, reply.message)
      return reply
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  kill(reason: HarmonyError): void {
    if (this.#death !== null) return
    this.#death = reason
    this.#work.close()
    this.#reject?.(reason)
  }

  /** How long SQLite took to compile something is no seed's business. */
  #answer(request: WorkerRequest): WorkerReply {
    const reply = this.#work.answer(request)
    return reply.type === 'description' ? { ...reply, compileTimeMs: 0 } : reply
  }
}
