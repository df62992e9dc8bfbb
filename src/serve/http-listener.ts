/** HTTP and WebSocket of a member: Hrana, the JSON API, the administration's routes, behind one server. */

import { clusterRoutes, type Administration } from '../admin/cluster-routes.ts'
import type { Health } from '../admin/health.ts'
import { openApiDocument } from '../admin/openapi/document.ts'
import type { MetricFamily } from '../admin/prometheus.ts'
import { adminRoutes } from '../admin/routes.ts'
import type { DatabaseDirectory } from '../gateway/core.ts'
import type { Slots } from '../base/slots.ts'
import type { Gateway } from '../gateway/session.ts'
import { createHrana } from '../protocols/hrana/hrana.ts'
import { ONLY_PLACE, type StreamPlace } from '../protocols/hrana/stream-place.ts'
import type { HttpRoute } from '../protocols/http/exchange.ts'
import { jsonApiRoutes } from '../protocols/http/json-api.ts'
import { OriginPolicy } from '../protocols/http/origin-policy.ts'
import { HttpServer } from '../protocols/http/server.ts'
import type { HttpStatistics } from '../protocols/http/statistics.ts'
import { authenticatorOf, isAuthenticated } from './access.ts'
import type { ListenAddress } from './listen-address.ts'
import type { ProtocolOptions, ServeLog } from './serve.ts'
import { harmonyVersion } from './version.ts'

export interface HttpListener {
  readonly server: HttpServer
  readonly routes: readonly HttpRoute[]
  /** With the port that was chosen. */
  readonly address: ListenAddress
}

/** What the routes stand on: a member in this process, or one at the other end of a link. */
export interface HttpParts {
  readonly gateway: Gateway
  readonly directory: DatabaseDirectory
  readonly administration: Administration
  readonly health: () => Promise<Health>
  /** `http` tells what this server has counted. */
  readonly metrics: (http: () => HttpStatistics) => Promise<readonly MetricFamily[]>
  /** Which of the member's processes this is, for streams over HTTP; null if it is the only one. */
  readonly place: StreamPlace | null
  readonly log: ServeLog
  /** Of this process. */
  readonly connections: Slots
}

/** Rejects with the system's error, EADDRINUSE above all. */
export async function openHttpListener(
  listen: ListenAddress,
  parts: HttpParts,
  options: ProtocolOptions,
): Promise<HttpListener> {
  const { server, routes } = buildHttp(parts, options)
  const { address, port } = await server.listen(listen.host, listen.port, parts.place !== null)
  return { server, routes, address: { host: address, port } }
}

function buildHttp(
  parts: HttpParts,
  { access, limits, allowedOrigins }: ProtocolOptions,
): { server: HttpServer; routes: readonly HttpRoute[] } {
  const { gateway, directory, administration, health, metrics, place, log, connections } = parts
  const version = harmonyVersion()
  const needsToken = isAuthenticated(access)
  const authenticator = authenticatorOf(access)
  const hrana = createHrana({ gateway, authenticator }, limits.hrana, place ?? ONLY_PLACE)
  const routes: readonly HttpRoute[] = [
    ...hrana.routes,
    ...jsonApiRoutes(gateway, directory),
    ...clusterRoutes(administration),
    ...adminRoutes({
      version,
      needsToken,
      health,
      metrics: () => metrics(() => server.stats()),
      openApiDocument: openApiDocument(version, needsToken),
    }),
  ]
  const server = new HttpServer({
    routes,
    upgrade: hrana.upgrade,
    authenticator,
    origins: new OriginPolicy({ isAuthenticated: needsToken, allowedOrigins }),
    limits: limits.http,
    connections,
    onFailure: (what, error) => log('error', what, { error: error.message }),
  })
  return { server, routes }
}
