/** Metrics of the HTTP server. */

import type { HistogramData } from '../base/histogram.ts'
import { counter, gauge } from './process-metrics.ts'
import type { MetricFamily } from './prometheus.ts'

/** What the HTTP server counts. Totals never go back. */
export interface HttpNumbers {
  readonly connectionsOpen: number
  readonly connectionsTotal: number
  readonly connectionsRefusedTotal: number
  readonly requestsActive: number
  readonly requestsAbandonedTotal: number
  readonly upgradesTotal: number
  readonly routes: readonly {
    readonly method: string
    readonly route: string
    readonly responses: readonly { readonly status: number; readonly count: number }[]
    readonly latency: HistogramData
  }[]
}

export function httpMetrics(numbers: HttpNumbers): readonly MetricFamily[] {
  return [
    gauge('harmonydb_http_connections', 'Open connections, WebSockets included.', numbers.connectionsOpen),
    counter('harmonydb_http_connections_total', 'Connections accepted.', numbers.connectionsTotal),
    counter(
      'harmonydb_http_connections_refused_total',
      'Connections closed at once because the limit was reached.',
      numbers.connectionsRefusedTotal,
    ),
    gauge('harmonydb_http_requests_active', 'Requests under way.', numbers.requestsActive),
    counter(
      'harmonydb_http_requests_abandoned_total',
      'Requests whose client left before it had the whole response.',
      numbers.requestsAbandonedTotal,
    ),
    counter('harmonydb_http_upgrades_total', 'Connections that became WebSockets.', numbers.upgradesTotal),
    {
      type: 'counter',
      name: 'harmonydb_http_requests_total',
      help: 'Requests answered.',
      samples: numbers.routes.flatMap(({ method, route, responses }) =>
        responses.map(({ status, count }) => ({
          labels: { method, route, status: String(status) },
          value: count,
        })),
      ),
    },
    {
      type: 'histogram',
      name: 'harmonydb_http_request_duration_seconds',
      help: 'From the headers of a request to the end of its response.',
      samples: numbers.routes.map(({ method, route, latency }) => ({
        labels: { method, route },
        data: latency,
      })),
    },
  ]
}
