/** What the HTTP server counts. Plain data comes out, for /metrics and for tests. */

import { LatencyHistogram, type HistogramData } from '../../base/histogram.ts'

export interface HttpRouteStatistics {
  readonly method: string
  /** The route's template; `unknown` for requests that matched none. */
  readonly route: string
  /** By status: one for each that occurred. */
  readonly responses: readonly { readonly status: number; readonly count: number }[]
  readonly latency: HistogramData
}

export interface HttpStatistics {
  readonly connectionsOpen: number
  readonly connectionsTotal: number
  /** Closed at once because the limit of connections was reached. */
  readonly connectionsRefusedTotal: number
  readonly requestsActive: number
  /** Requests whose client left before it had its response. */
  readonly requestsAbandonedTotal: number
  readonly upgradesTotal: number
  readonly routes: readonly HttpRouteStatistics[]
}

interface RouteCounts {
  readonly method: string
  readonly route: string
  readonly statuses: Map<number, number>
  readonly latency: LatencyHistogram
}

export class HttpCounters {
  connectionsTotal = 0
  connectionsRefusedTotal = 0
  requestsActive = 0
  requestsAbandonedTotal = 0
  upgradesTotal = 0
  readonly #routes = new Map<string, RouteCounts>()

  /** `method` comes from outside: only those of routes may become labels, so the caller passes `route` as `unknown` else. */
  recordResponse(method: string, route: string, status: number, durationMs: number): void {
    const key = `${method} ${route}`
    let counts = this.#routes.get(key)
    if (counts === undefined) {
      counts = { method, route, statuses: new Map(), latency: new LatencyHistogram() }
      this.#routes.set(key, counts)
    }
    counts.statuses.set(status, (counts.statuses.get(status) ?? 0) + 1)
    counts.latency.record(durationMs)
  }

  data(connectionsOpen: number): HttpStatistics {
    return {
      connectionsOpen,
      connectionsTotal: this.connectionsTotal,
      connectionsRefusedTotal: this.connectionsRefusedTotal,
      requestsActive: this.requestsActive,
      requestsAbandonedTotal: this.requestsAbandonedTotal,
      upgradesTotal: this.upgradesTotal,
      routes: [...this.#routes.values()].map(({ method, route, statuses, latency }) => ({
        method,
        route,
        responses: [...statuses].map(([status, count]) => ({ status, count })),
        latency: latency.data(),
      })),
    }
  }
}
