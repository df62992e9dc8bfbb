/** A rate that is not exceeded: each piece reserves its time after the one before. No burst after a pause. */

import type { Clock } from '../../host/clock.ts'

export class Rate {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #freeAtMs = 0

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
  }

  /** How many milliseconds to wait before `sizeBytes` bytes may go. */
  reserve(sizeBytes: number): number {
    const nowMs = this.#clock.nowMs()
    const startMs = Math.max(nowMs, this.#freeAtMs)
    this.#freeAtMs = startMs + (sizeBytes / this.#bytesPerSecond) * 1_000
    return startMs - nowMs
  }
}
