/** HTTP and WebSocket of a member: Hrana, the JSON API, the administration's routes, behind one server. */

import { clusterMetrics } from '../admin/cluster-metrics.ts'
import { clusterRoutes } from '../admin/cluster-routes.ts'
import { gatewayMetrics } from '../admin/gateway-metrics.ts'
import { HealthCheck } from '../admin/health.ts'
import { httpMetrics } from '../admin/http-metrics.ts'
import { memberMetrics } from '../admin/member-metrics.ts'
import { openApiDocument } from '../admin/openapi/document.ts'
import { startProcessMetrics } from '../admin/process-metrics.ts'
import { adminRoutes } from '../admin/routes.ts'
import { createHrana } from '../protocols/hrana/hrana.ts'
import type { HttpRoute } from '../protocols/http/exchange.ts'
import { jsonApiRoutes } from '../protocols/http/json-api.ts'
import { OriginPolicy } from '../protocols/http/origin-policy.ts'
import { HttpServer } from '../protocols/http/server.ts'
import { authenticatorOf, isAuthenticated } from './access.ts'
import type { ListenAddress } from './listen-address.ts'
import type { ServeOptions, ServeParts } from './serve.ts'
import { harmonyVersion } from './version.ts'

export interface HttpListener {
  readonly server: HttpServer
  readonly routes: readonly HttpRoute[]
  /** With the port that was chosen. */
  readonly address: ListenAddress
}

/** Rejects with the system's error, EADDRINUSE above all. */
export async function openHttpListener(
  listen: ListenAddress,
  parts: ServeParts,
  options: ServeOptions,
): Promise<HttpListener> {
  const { server, routes } = buildHttp(parts, options)
  const { address, port } = await server.listen(listen.host, listen.port)
  return { server, routes, address: { host: address, port } }
}

function buildHttp(
  { member, gateway, log }: ServeParts,
  { access, limits, allowedOrigins }: ServeOptions,
): { server: HttpServer; routes: readonly HttpRoute[] } {
  const version = harmonyVersion()
  const needsToken = isAuthenticated(access)
  const authenticator = authenticatorOf(access)
  const hrana = createHrana({ gateway, authenticator }, limits.hrana)
  const readProcess = startProcessMetrics(version)
  const health = new HealthCheck({
    failure: () => member.failure,
    state: () => member.clusterState(),
    now: () => performance.now(),
  })
  const routes: readonly HttpRoute[] = [
    ...hrana.routes,
    ...jsonApiRoutes(gateway, member),
    ...clusterRoutes(member),
    ...adminRoutes({
      version,
      needsToken,
      health: async () => health.check(),
      metrics: async () => [
        ...readProcess(),
        ...httpMetrics(server.stats()),
        ...gatewayMetrics(gateway.statistics()),
        ...memberMetrics(member.stats()),
        ...clusterMetrics(member.clusterState()),
      ],
      openApiDocument: openApiDocument(version, needsToken),
    }),
  ]
  const server = new HttpServer({
    routes,
    upgrade: hrana.upgrade,
    authenticator,
    origins: new OriginPolicy({ isAuthenticated: needsToken, allowedOrigins }),
    limits: limits.http,
    onFailure: (what, error) => log('error', what, { error: error.message }),
  })
  return { server, routes }
}
