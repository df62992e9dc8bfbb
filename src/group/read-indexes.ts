/**
 * Reads that wait for an index at which they are linearizable (Raft thesis 6.4). Those that come in one turn of the event loop are one
 * request to the core, and all that wait in the core are confirmed by one round of heartbeats, or by the question itself (`raft/reads.ts`). A request costs
 * the members two messages or more, however many reads wait for it; so while one is under way, those that come gather for the next: the more reads
 * there are, the more share one.
 *
 *   asked ──▶ gathering ──turn, or the answer before──▶ in the core ──▶ answered
 *                 ▲                                         │ failed, refused: no leader
 *                 └───────────────── news, pause ───────── parked ──deadline──▶ rejected
 */

import type { Clock, Timer } from '../host/clock.ts'

/** Who waits without a promise. One of the two is called, once; it throws nothing. */
export interface ReadReceiver {
  resolve(index: number): void
  reject(error: Error): void
}

interface Waiter {
  readonly deadlineMs: number
  readonly receiver: ReadReceiver
}

/** Without news of a leader a parked read asks again this often. */
const RETRY_PAUSE_MS = 100

/** A leader far away, or an answer that was lost, holds up the next request for no longer. */
const GATHERING_MS = 1

export interface ReadIndexesOptions {
  readonly clock: Clock
  /** Gives the core a request; whether it took it. The answer comes with the same context. */
  readonly ask: (context: number) => boolean
  /** What a read hears whose deadline has passed. */
  readonly toError: () => Error
}

export class ReadIndexes {
  readonly #options: ReadIndexesOptions
  #gathering: Waiter[] = []
  readonly #asked = new Map<number, readonly Waiter[]>()
  #parked: Waiter[] = []
  #retryTimer: Timer | null = null
  /** Set while reads gather because an answer is under way. */
  #gatheringTimer: Timer | null = null
  #contexts = 0

  constructor(options: ReadIndexesOptions) {
    this.#options = options
  }

  request(timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => this.requestFor({ resolve, reject }, timeoutMs))
  }

  requestFor(receiver: ReadReceiver, timeoutMs: number): void {
    this.#gather({ deadlineMs: this.#options.clock.nowMs() + timeoutMs, receiver })
  }

  /** The reads run when whoever tells this is done with it, as behind a promise, but all of them behind one. */
  answered(context: number, index: number): void {
    const waiters = this.#take(context)
    queueMicrotask(() => {
      for (const { receiver } of waiters) receiver.resolve(index)
    })
  }

  failed(context: number): void {
    for (const waiter of this.#take(context)) this.#park(waiter)
  }

  /** The core that was asked is gone. */
  failAll(): void {
    for (const context of this.#asked.keys()) this.failed(context)
  }

  /** There is news of the leader: whoever waits for one asks again. */
  retry(): void {
    this.#retryTimer?.cancel()
    this.#retryTimer = null
    for (const waiter of this.#parked.splice(0)) this.#gather(waiter)
  }

  rejectAll(error: Error): void {
    this.failAll()
    this.#retryTimer?.cancel()
    this.#stopWaiting()
    for (const waiter of [...this.#gathering.splice(0), ...this.#parked.splice(0)])
      waiter.receiver.reject(error)
  }

  #gather(waiter: Waiter): void {
    this.#gathering.push(waiter)
    if (this.#gathering.length > 1) return
    const { clock } = this.#options
    if (this.#asked.size === 0) clock.soon(() => this.#ask())
    else this.#gatheringTimer = clock.after(GATHERING_MS, () => this.#ask())
  }

  #stopWaiting(): void {
    this.#gatheringTimer?.cancel()
    this.#gatheringTimer = null
  }

  #ask(): void {
    this.#stopWaiting()
    const waiters = this.#gathering
    if (waiters.length === 0) return
    this.#gathering = []
    const context = ++this.#contexts
    // The answer may come before the call returns.
    this.#asked.set(context, waiters)
    if (!this.#options.ask(context)) this.failed(context)
  }

  #take(context: number): readonly Waiter[] {
    const waiters = this.#asked.get(context) ?? []
    this.#asked.delete(context)
    if (this.#asked.size === 0 && this.#gatheringTimer !== null) {
      this.#stopWaiting()
      // At the end of this turn: those who are answered now ask again.
      this.#options.clock.soon(() => this.#ask())
    }
    return waiters
  }

  #park(waiter: Waiter): void {
    const { clock, toError } = this.#options
    if (clock.nowMs() >= waiter.deadlineMs) {
      waiter.receiver.reject(toError())
      return
    }
    this.#parked.push(waiter)
    this.#retryTimer ??= clock.after(RETRY_PAUSE_MS, () => this.retry())
  }
}
