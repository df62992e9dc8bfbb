/** Latencies of one measured round, and what is told of them. */

export interface Latencies {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** The value below which `fraction` of the sorted `values` lie (nearest rank). */
export function percentile(values: Float64Array, fraction: number): number {
  if (values.length === 0) return Number.NaN
  const rank = Math.ceil(fraction * values.length)
  return values[Math.min(values.length, Math.max(1, rank)) - 1] ?? Number.NaN
}

/** Sorts `values`. */
export function latenciesOf(values: Float64Array): Latencies {
  values.sort()
  return {
    p50Ms: percentile(values, 0.5),
    p99Ms: percentile(values, 0.99),
    p999Ms: percentile(values, 0.999),
    maxMs: values.at(-1) ?? Number.NaN,
  }
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

  get count(): number {
    return this.#count
  }

  latencies(): Latencies {
    return latenciesOf(this.#values.slice(0, this.#count))
  }
}
