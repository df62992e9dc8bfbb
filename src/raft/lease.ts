/**
 * The leader's lease: for how long after a confirmed round of heartbeats nobody else can have been elected
 * (thesis 6.4.1). Rests on the clock assumption stated at `LeaseConfig`.
 *
 * A follower that got a heartbeat refuses its vote for an election timeout (leader stickiness). So a lease
 * begins when the round's heartbeats were *sent*, not when they were answered, and ends one tick short of the
 * election timeout, less the drift. It is void
 * - after the configuration changed, until a quorum of the new one answered a round that began later;
 * - for the rest of the term once the leader told a follower to campaign: that election ignores stickiness, and
 *   the order to hold it may arrive at any time.
 */

import type { LeaseConfig } from './config.ts'

interface SentRound {
  readonly round: number
  readonly sentAtMs: number
}

export class LeaseTracker {
  readonly #config: LeaseConfig | null
  readonly #lengthMs: number
  #sent: SentRound[] = []
  #expiresAtMs = -Infinity
  #isForfeited = false

  constructor(config: LeaseConfig | null, electionTimeoutTicks: number) {
    this.#config = config
    this.#lengthMs = config === null ? 0 : leaseLengthMs(config, electionTimeoutTicks)
  }

  get isEnabled(): boolean {
    return this.#config !== null && !this.#isForfeited
  }

  /** The heartbeats of `round` are about to be sent. */
  sent(round: number, nowMs: number): void {
    this.#sent.push({ round, sentAtMs: nowMs })
  }

  /** A quorum answered `round`. */
  confirm(round: number): void {
    let count = 0
    while (count < this.#sent.length && this.#sent[count]!.round <= round) count += 1
    if (count === 0) return
    const newest = this.#sent[count - 1]!
    this.#sent.splice(0, count)
    this.#expiresAtMs = Math.max(this.#expiresAtMs, newest.sentAtMs + this.#lengthMs)
  }

  isValid(nowMs: number): boolean {
    return this.isEnabled && nowMs < this.#expiresAtMs
  }

  /** The configuration changed: rounds that began before it say nothing about the new quorums. */
  restart(): void {
    this.#sent = []
    this.#expiresAtMs = -Infinity
  }

  forfeit(): void {
    this.#isForfeited = true
  }
}

/** A follower's first tick may come at once, so its timeout lasts one tick less than its count. */
function leaseLengthMs(config: LeaseConfig, electionTimeoutTicks: number): number {
  const drift = (100 - config.driftPercentMax) / 100
  return (electionTimeoutTicks - 1) * config.tickMs * drift
}
