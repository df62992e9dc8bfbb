/**
 * A bounded set of query workers. They start when first needed, are reused, and end when idle for long.
 * Statements that are not known to be short may not take all of them, so that short ones, which can't run on the
 * gateway's thread for want of a proof, do not wait behind scans.
 *
 * A worker makes the next page of a result when the client has taken the one before, so a client that reads slowly, or not at all, keeps its worker.
 * While nobody else wants it, it may. When others wait, whoever has taken nothing for `yieldTimeMs` loses it: a few such clients would
 * keep everyone from reading otherwise.
 */

import { HarmonyError } from '../../base/errors.ts'
import { stoppedError, QueryProcess } from './query-process.ts'
import type { WorkerOptions } from './worker-protocol.ts'

export type Lane = 'short' | 'long'

export interface PoolOptions {
  readonly workersMax: number
  /** How many of them long statements may hold at once. */
  readonly longMax: number
  /** How many may wait for a worker. */
  readonly waitingMax: number
  readonly idleTimeMs: number
  /** How long a user may let its worker rest while others wait; null: as long as it likes. */
  readonly yieldTimeMs: number | null
  readonly worker: WorkerOptions
}

export interface PoolStatistics {
  readonly workers: number
  readonly busy: number
  readonly killed: number
}

interface Waiter {
  readonly lane: Lane
  readonly start: () => void
  readonly reject: (error: HarmonyError) => void
}

/** A worker lent to one user. */
export interface Lease {
  readonly worker: QueryProcess
  /** Gives it back; a dead worker is replaced when the next one is needed. */
  release(): void
}

const YIELD_CHECK_MS = 250

export class WorkerPool {
  readonly #options: PoolOptions
  readonly #idle: QueryProcess[] = []
  readonly #all = new Set<QueryProcess>()
  readonly #waiters: Waiter[] = []
  readonly #lent = new Set<Lease>()
  #leased = 0
  #leasedLong = 0
  #killed = 0
  #isClosed = false
  #timer: NodeJS.Timeout | null = null
  /** While somebody waits. */
  #yieldTimer: NodeJS.Timeout | null = null

  constructor(options: PoolOptions) {
    this.#options = options
  }

  statistics(): PoolStatistics {
    return { workers: this.#all.size, busy: this.#leased, killed: this.#killed }
  }

  processIds(): number[] {
    return [...this.#all].flatMap(({ processId }) => (processId === undefined ? [] : [processId]))
  }

  /** Rejects with OVERLOADED when no worker gets free in time, or too many wait already. */
  async lease(lane: Lane, waitTimeoutMs: number, signal?: AbortSignal): Promise<Lease> {
    if (this.#isClosed) throw new HarmonyError('SHUTTING_DOWN', 'The member is shutting down.')
    if (!this.#mayStart(lane) || this.#waiters.length > 0) await this.#wait(lane, waitTimeoutMs, signal)
    else this.#count(lane, 1)
    try {
      return this.#toLease(await this.#worker(), lane)
    } catch (error) {
      this.#count(lane, -1)
      this.#startWaiting()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const reason = new HarmonyError('SHUTTING_DOWN', 'The member is shutting down.')
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason)
    for (const worker of this.#all) worker.kill(reason)
  }

  #mayStart(lane: Lane): boolean {
    if (this.#leased >= this.#options.workersMax) return false
    return lane === 'short' || this.#leasedLong < this.#options.longMax
  }

  #count(lane: Lane, change: 1 | -1): void {
    this.#leased += change
    if (lane === 'long') this.#leasedLong += change
  }

  #wait(lane: Lane, waitTimeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#waiters.length >= this.#options.waitingMax) throw overloaded('too many statements wait')
    return new Promise((resolve, reject) => {
      const leave = (error: HarmonyError): void => {
        const at = this.#waiters.indexOf(waiter)
        if (at >= 0) this.#waiters.splice(at, 1)
        finish()
        reject(error)
      }
      const abort = (): void => leave(stoppedError())
      const timer = setTimeout(
        () => leave(overloaded(`none got free within ${waitTimeoutMs} ms`)),
        waitTimeoutMs,
      )
      const finish = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const start = (): void => {
        finish()
        resolve()
      }
      const waiter: Waiter = { lane, start, reject: leave }
      this.#waiters.push(waiter)
      signal?.addEventListener('abort', abort)
      this.#startWaiting()
      this.#watchResting()
    })
  }

  #watchResting(): void {
    const { yieldTimeMs } = this.#options
    if (yieldTimeMs === null || this.#yieldTimer !== null || this.#waiters.length === 0) return
    this.#yieldTimer = setTimeout(() => {
      this.#yieldTimer = null
      if (this.#waiters.length > 0) this.#takeBack(yieldTimeMs)
      this.#watchResting()
    }, YIELD_CHECK_MS).unref()
  }

  /** One for each that waits, at most. */
  #takeBack(yieldTimeMs: number): void {
    const nowMs = performance.now()
    const resting = [...this.#lent].filter(({ worker }) => worker.restingMs(nowMs) > yieldTimeMs)
    for (const lease of resting.slice(0, this.#waiters.length)) {
      lease.worker.kill(tookTooLong(yieldTimeMs))
      // Its user would do so only when it goes on.
      lease.release()
    }
  }

  /** Starts those that may start, in order; a long statement that must wait lets short ones pass. */
  #startWaiting(): void {
    for (let at = 0; at < this.#waiters.length;) {
      const waiter = this.#waiters[at] as Waiter
      if (!this.#mayStart(waiter.lane)) {
        at++
        continue
      }
      this.#waiters.splice(at, 1)
      this.#count(waiter.lane, 1)
      waiter.start()
    }
  }

  async #worker(): Promise<QueryProcess> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    const worker = new QueryProcess(this.#options.worker, (dead) => this.#forget(dead))
    this.#all.add(worker)
    await worker.started()
    return worker
  }

  #forget(dead: QueryProcess): void {
    this.#all.delete(dead)
    const at = this.#idle.indexOf(dead)
    if (at >= 0) this.#idle.splice(at, 1)
    if (!this.#isClosed) this.#killed++
  }

  #toLease(worker: QueryProcess, lane: Lane): Lease {
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      this.#lent.delete(lease)
      this.#count(lane, -1)
      if (!worker.isDead) this.#idle.push(worker)
      this.#startWaiting()
      this.#timer ??= setTimeout(() => this.#endIdle(), this.#options.idleTimeMs).unref()
    }
    const lease: Lease = { worker, release }
    this.#lent.add(lease)
    return lease
  }

  /** One stays warm. */
  #endIdle(): void {
    this.#timer = null
    const reason = new HarmonyError('SHUTTING_DOWN', 'An idle query worker was ended.')
    if (this.#leased > 0) return
    for (const worker of this.#idle.slice(1)) {
      worker.kill(reason)
      this.#killed--
    }
  }
}

function overloaded(why: string): HarmonyError {
  return new HarmonyError(
    'OVERLOADED',
    `All query workers are busy, and ${why}. Nothing was done: try again later.`,
  )
}

function tookTooLong(yieldTimeMs: number): HarmonyError {
  return new HarmonyError(
    'OVERLOADED',
    `The rest of the result was not fetched for ${yieldTimeMs} ms, while other statements waited for a query worker. Read faster, or ask for less at a time.`,
  )
}
