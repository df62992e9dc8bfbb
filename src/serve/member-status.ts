/** What a member tells of itself at /health and /metrics, whoever serves them. */

import { clusterMetrics } from '../admin/cluster-metrics.ts'
import { gatewayMetrics } from '../admin/gateway-metrics.ts'
import { type Health, HealthCheck } from '../admin/health.ts'
import { httpMetrics } from '../admin/http-metrics.ts'
import { memberMetrics } from '../admin/member-metrics.ts'
import { startProcessMetrics } from '../admin/process-metrics.ts'
import type { MetricFamily } from '../admin/prometheus.ts'
import type { Member } from '../cluster/member.ts'
import type { GatewayStatistics } from '../gateway/statistics.ts'
import type { HttpStatistics } from '../protocols/http/statistics.ts'
import { harmonyVersion } from './version.ts'

export interface ServingStatistics {
  readonly gateway: GatewayStatistics
  /** Null where HTTP is not served. */
  readonly http: HttpStatistics | null
}

export class MemberStatus {
  readonly #member: Member
  readonly #health: HealthCheck
  readonly #readProcess: () => readonly MetricFamily[]

  constructor(member: Member) {
    this.#member = member
    this.#readProcess = startProcessMetrics(harmonyVersion())
    this.#health = new HealthCheck({
      failure: () => member.failure,
      state: () => member.clusterState(),
      now: () => performance.now(),
    })
  }

  health(): Health {
    return this.#health.check()
  }

  metrics({ gateway, http }: ServingStatistics): readonly MetricFamily[] {
    return [
      ...this.#readProcess(),
      ...(http === null ? [] : httpMetrics(http)),
      ...gatewayMetrics(gateway),
      ...memberMetrics(this.#member.stats()),
      ...clusterMetrics(this.#member.clusterState()),
    ]
  }
}
