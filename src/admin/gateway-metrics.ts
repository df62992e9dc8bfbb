/** Metrics of the gateway: sessions, transactions, statements as clients see them, query workers. */

import type { GatewayStatistics } from '../gateway/statistics.ts'
import { gauge } from './process-metrics.ts'
import type { MetricFamily } from './prometheus.ts'

export function gatewayMetrics(numbers: GatewayStatistics): readonly MetricFamily[] {
  return [
    gauge('harmonydb_sessions', 'Open sessions of clients.', numbers.sessions),
    gauge('harmonydb_transactions_open', 'Open interactive transactions.', numbers.transactionsOpen),
    gauge('harmonydb_read_snapshots_open', 'Read transactions held open for clients.', numbers.snapshotsOpen),
    {
      type: 'histogram',
      name: 'harmonydb_statement_duration_seconds',
      help: 'Statements as clients see them, waiting for freshness, writer and worker included.',
      samples: [
        { labels: { kind: 'read' }, data: numbers.readLatency },
        { labels: { kind: 'write' }, data: numbers.writeLatency },
      ],
    },
    {
      type: 'counter',
      name: 'harmonydb_reads_total',
      help: 'Reads by where they ran: on the thread of the gateway, or in a query worker.',
      samples: [
        { labels: { place: 'inline' }, value: numbers.readsInline },
        { labels: { place: 'worker' }, value: numbers.readsInWorkers },
      ],
    },
    gauge('harmonydb_query_workers', 'Query workers that run.', numbers.workers),
    gauge('harmonydb_query_workers_busy', 'Query workers that are lent to a statement.', numbers.workersBusy),
    {
      type: 'counter',
      name: 'harmonydb_query_workers_killed_total',
      help: 'Query workers ended because a statement ran too long or was given up.',
      samples: [{ value: numbers.workersKilled }],
    },
  ]
}
