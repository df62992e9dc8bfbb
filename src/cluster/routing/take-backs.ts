/**
 * Ends transactions at other members that nobody here wants any more, or that may be open there without anybody's knowledge: their answer was
 * lost, or the call that should have ended them. Each holds its database's writer until it is told, or until its idle timeout.
 *
 * Asked again until it is answered, because what kept a call back keeps back the one that ends it, too. That the holder notices by
 * itself that this member is lost (`memberLost`) is not certain: a call is given up in time over connections that are well.
 */

import type { Clock, Timer } from '../../host/clock.ts'
import type { Carrier } from './carrier.ts'
import type { RoutingLimits } from './limits.ts'

export class TakeBacks {
  readonly #carrier: Carrier
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  readonly #timers = new Set<Timer>()
  #isClosed = false

  constructor(carrier: Carrier, clock: Clock, limits: RoutingLimits) {
    this.#carrier = carrier
    this.#clock = clock
    this.#limits = limits
  }

  /** Until `deadlineMs`, after which the transaction has ended there by itself. */
  take(member: number, transaction: number, deadlineMs: number): void {
    void this.#take(member, transaction, deadlineMs, this.#limits.retryMinMs)
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  async #take(member: number, transaction: number, deadlineMs: number, pauseMs: number): Promise<void> {
    const { graceMs, retryMaxMs } = this.#limits
    const askedMs = this.#clock.nowMs()
    const reply = await this.#carrier.ask(member, { type: 'rollback', transaction }, askedMs + graceMs)
    const isOver = reply.kind === 'answered' || this.#clock.nowMs() + pauseMs >= deadlineMs
    if (isOver || this.#isClosed) return
    const timer = this.#clock.after(pauseMs, () => {
      this.#timers.delete(timer)
      void this.#take(member, transaction, deadlineMs, Math.min(pauseMs * 2, retryMaxMs))
    })
    this.#timers.add(timer)
  }
}
