/**
 * Whether a durable write may be made on the journal's own thread. There it takes 130 µs of waiting; by way of another thread the same
 * and some 50 µs of processor time for the hand-overs, which under load is time that requests don't get. But while it waits, nothing
 * else is done here, so it is right only where the disk has shown that it is quick, and only as long as it is.
 *
 *   threads ──QUICK_WRITES in a row take no longer than SLOW_MS────────────────────▶ here
 *   here    ──one takes longer, or they take longer than USUAL_MS on the average──▶ threads, the second for PAUSE_WRITES at least
 *
 * Rejected: the average alone. A disk that is quick nine times and takes a second the tenth time has a good one. And to tell the disk's pace from
 * writes on other threads: under load these take long because this thread does not come to hear of their end.
 */

const SLOW_MS = 5
const QUICK_WRITES = 64
/** Of writes here. Longer than that, waiting costs more than the hand-overs. */
const USUAL_MS = 0.5
const AVERAGE_WEIGHT = 1 / 16
const PAUSE_WRITES = 1_024
/** Of one write: more bytes take their time on any disk. */
const SIZE_BYTES_MAX = 256 * 1024

export class WritePace {
  /** In a row; below zero while there is a pause. */
  #quickWrites = 0
  #averageMs = 0

  mayBlock(sizeBytes: number): boolean {
    return this.#quickWrites >= QUICK_WRITES && sizeBytes <= SIZE_BYTES_MAX
  }

  /** How long a write took until it was durable, and whether it was made here. */
  record(durationMs: number, isHere: boolean): void {
    if (isHere) this.#average(durationMs)
    if (this.#averageMs > USUAL_MS) {
      this.#averageMs = 0
      this.#quickWrites = -PAUSE_WRITES
    } else if (durationMs <= SLOW_MS) this.#quickWrites++
    else this.#quickWrites = Math.min(this.#quickWrites, 0)
  }

  /** One that takes very long counts as one that takes long: it has its own rule. */
  #average(durationMs: number): void {
    this.#averageMs += (Math.min(durationMs, 2 * USUAL_MS) - this.#averageMs) * AVERAGE_WEIGHT
  }
}
