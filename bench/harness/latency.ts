/** Latencies of one measured round, and what is printed of them. */

export interface RoundResult {
  readonly operations: number
  readonly durationMs: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** The value below which `fraction` of the sorted `values` lie (nearest rank). */
export function percentile(values: Float64Array, fraction: number): number {
  if (values.length === 0) return Number.NaN
  const rank = Math.ceil(fraction * values.length)
  return values[Math.min(values.length, Math.max(1, rank)) - 1] ?? Number.NaN
}

/** A growing list of latencies that costs one store per operation. */
export class LatencyRecorder {
  #values = new Float64Array(1 << 16)
  #count = 0

  record(latencyMs: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count] = latencyMs
    this.#count += 1
  }

  result(durationMs: number): RoundResult {
    const sorted = this.#values.slice(0, this.#count).sort()
    return {
      operations: this.#count,
      durationMs,
      perSecond: (this.#count / durationMs) * 1000,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      p999Ms: percentile(sorted, 0.999),
    }
  }
}

/** The round with the median throughput: what is quoted, because a noisy machine spoils means. */
export function medianRound(rounds: readonly RoundResult[]): RoundResult {
  const sorted = rounds.toSorted((a, b) => a.perSecond - b.perSecond)
  const median = sorted[Math.floor(sorted.length / 2)]
  if (median === undefined) throw new RangeError('No round was measured')
  return median
}
