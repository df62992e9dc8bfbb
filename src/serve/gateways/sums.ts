/** Statistics of several processes as those of one. */

import type { HistogramData } from '../../base/histogram.ts'
import type { GatewayStatistics } from '../../gateway/statistics.ts'
import type { HttpRouteStatistics, HttpStatistics } from '../../protocols/http/statistics.ts'

/** Of one process or more. */
export function sumOfGateways(all: readonly [GatewayStatistics, ...GatewayStatistics[]]): GatewayStatistics {
  return all.reduce((sum, one) => ({
    ...addNumbers(sum, one),
    readLatency: addHistograms(sum.readLatency, one.readLatency),
    writeLatency: addHistograms(sum.writeLatency, one.writeLatency),
  }))
}

/** Of one process or more. */
export function sumOfHttp(all: readonly [HttpStatistics, ...HttpStatistics[]]): HttpStatistics {
  return all.reduce((sum, one) => ({ ...addNumbers(sum, one), routes: addRoutes(sum.routes, one.routes) }))
}

/** All fields that are numbers; the others as in `left`. */
function addNumbers<T extends object>(left: T, right: T): T {
  const sums = Object.entries(left).map(([name, value]: [string, unknown]) => {
    const other: unknown = right[name as keyof T]
    return [name, typeof value === 'number' && typeof other === 'number' ? value + other : value]
  })
  return Object.fromEntries(sums) as T
}

function addHistograms(left: HistogramData, right: HistogramData): HistogramData {
  return {
    counts: left.counts.map((count, bucket) => count + (right.counts[bucket] ?? 0)),
    count: left.count + right.count,
    sumMs: left.sumMs + right.sumMs,
    maxMs: Math.max(left.maxMs, right.maxMs),
  }
}

function addRoutes(
  left: readonly HttpRouteStatistics[],
  right: readonly HttpRouteStatistics[],
): HttpRouteStatistics[] {
  const sums = new Map(left.map((one) => [keyOf(one), one]))
  for (const one of right) {
    const known = sums.get(keyOf(one))
    sums.set(keyOf(one), known === undefined ? one : addRoute(known, one))
  }
  return [...sums.values()]
}

function keyOf({ method, route }: HttpRouteStatistics): string {
  return `${method} ${route}`
}

function addRoute(left: HttpRouteStatistics, right: HttpRouteStatistics): HttpRouteStatistics {
  const counts = new Map(left.responses.map(({ status, count }) => [status, count]))
  for (const { status, count } of right.responses) counts.set(status, (counts.get(status) ?? 0) + count)
  return {
    ...left,
    responses: [...counts].map(([status, count]) => ({ status, count })),
    latency: addHistograms(left.latency, right.latency),
  }
}
