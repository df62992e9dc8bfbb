/** Latencies in buckets that grow by 2 percent, from 10 µs to 100 s: counts of several processes can be added up, and percentiles read from the sum. */

const FIRST_MS = 0.01
const GROWTH = 1.02
const BUCKETS = Math.ceil(Math.log(100_000 / FIRST_MS) / Math.log(GROWTH)) + 1

export class Latencies {
  readonly counts: number[]

  constructor(counts: readonly number[] = Array.from({ length: BUCKETS }, () => 0)) {
    this.counts = [...counts]
  }

  record(durationMs: number): void {
    const bucket = durationMs <= FIRST_MS ? 0 : Math.ceil(Math.log(durationMs / FIRST_MS) / Math.log(GROWTH))
    const at = Math.min(bucket, BUCKETS - 1)
    this.counts[at] = (this.counts[at] as number) + 1
  }

  add(counts: readonly number[]): void {
    for (const [at, count] of counts.entries()) this.counts[at] = (this.counts[at] ?? 0) + count
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  /** Upper bound of the bucket in milliseconds, so at most 2 percent too much; 0 where nothing was recorded. */
  percentile(percent: number): number {
    const wanted = (this.count * percent) / 100
    if (wanted === 0) return 0
    let seen = 0
    const at = this.counts.findIndex((count) => (seen += count) >= wanted)
    return FIRST_MS * GROWTH ** at
  }
}
