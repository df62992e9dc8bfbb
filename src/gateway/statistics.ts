/** What a gateway counts, as plain data for metrics. */

import type { HistogramData } from '../base/histogram.ts'
import { LatencyHistogram } from '../base/histogram.ts'
import type { ReaderStatistics } from './reader.ts'

export interface GatewayStatistics extends ReaderStatistics {
  readonly sessions: number
  readonly transactionsOpen: number
  /** Durations of statements as clients see them, waiting for freshness, writer and worker included. */
  readonly readLatency: HistogramData
  readonly writeLatency: HistogramData
}

/** What sessions tell their gateway. */
export interface SessionObserver {
  statementDone(effect: 'read' | 'write' | 'control', durationMs: number): void
  /** Throws OVERLOADED when too many are open. */
  transactionOpened(): void
  transactionClosed(): void
}

export class StatementCounts {
  readonly #reads = new LatencyHistogram()
  readonly #writes = new LatencyHistogram()

  record(effect: 'read' | 'write' | 'control', durationMs: number): void {
    if (effect === 'read') this.#reads.record(durationMs)
    if (effect === 'write') this.#writes.record(durationMs)
  }

  data(): Pick<GatewayStatistics, 'readLatency' | 'writeLatency'> {
    return { readLatency: this.#reads.data(), writeLatency: this.#writes.data() }
  }
}
