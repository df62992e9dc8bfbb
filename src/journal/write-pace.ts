/**
 * Whether a durable write may be made on the journal's own thread. There it takes 130 µs of waiting; by way of another thread the same
 * and some 50 µs of processor time for the hand-overs, which under load is time that requests don't get. But while it waits, nothing
 * else is done here, so it is right only where the disk has shown that it is quick, and only as long as it is.
 *
 *   threads ──QUICK_WRITES in a row take no longer than SLOW_MS──▶ here
 *   here    ──one takes longer──────────────────────────────────▶ threads
 *
 * Rejected: an average. A disk that is quick nine times and takes a second the tenth time has a good one.
 */

const SLOW_MS = 5
const QUICK_WRITES = 64
/** Of one write: more bytes take their time on any disk. */
const SIZE_BYTES_MAX = 256 * 1024

export class WritePace {
  #quickWrites = 0

  mayBlock(sizeBytes: number): boolean {
    return this.#quickWrites >= QUICK_WRITES && sizeBytes <= SIZE_BYTES_MAX
  }

  /** How long a write took until it was durable. */
  record(durationMs: number): void {
    this.#quickWrites = durationMs > SLOW_MS ? 0 : this.#quickWrites + 1
  }
}
