/**
 * A histogram of durations in buckets that double: 50 µs, 100 µs, … about 52 s. Plain numbers, so that it
 * crosses threads and becomes a metric without change. Fixed buckets and not quantiles, because those of several members
 * can be added up.
 */

/** Upper bounds in milliseconds, each included in its bucket; one more bucket holds what is longer. */
export const LATENCY_BUCKETS_MS: readonly number[] = Array.from({ length: 21 }, (_, step) => 0.05 * 2 ** step)

export interface HistogramData {
  /** One count for each bound of LATENCY_BUCKETS_MS and one for what is longer. Not cumulative. */
  readonly counts: readonly number[]
  readonly count: number
  readonly sumMs: number
  readonly maxMs: number
}

export class LatencyHistogram {
  readonly #counts: number[] = Array.from({ length: LATENCY_BUCKETS_MS.length + 1 }, () => 0)
  #count = 0
  #sumMs = 0
  #maxMs = 0

  record(durationMs: number): void {
    const bucket = LATENCY_BUCKETS_MS.findIndex((bound) => durationMs <= bound)
    const at = bucket < 0 ? LATENCY_BUCKETS_MS.length : bucket
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#count++
    this.#sumMs += durationMs
    this.#maxMs = Math.max(this.#maxMs, durationMs)
  }

  data(): HistogramData {
    return { counts: [...this.#counts], count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs }
  }
}
