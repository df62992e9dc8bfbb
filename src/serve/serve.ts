/**
 * What a member serves to the network: HTTP, WebSocket and PostgreSQL on its gateway. `harmonydb start` and the embedded library put
 * them together with this one piece, so that both serve the same. It knows nothing of options as people write them.
 */

import type { Slots } from '../base/slots.ts'
import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import type { Member } from '../cluster/member.ts'
import { GATEWAY_DEFAULTS, type GatewayConfiguration } from '../gateway/configuration.ts'
import type { LocalGateway } from '../gateway/local-gateway.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../protocols/http/limits.ts'
import { HRANA_DEFAULTS, type HranaOptions } from '../protocols/hrana/options.ts'
import { POSTGRES_DEFAULTS, type PostgresLimits } from '../protocols/postgres/limits.ts'
import type { Access } from './access.ts'
import type { HttpListener } from './http-listener.ts'
import type { ListenAddress } from './listen-address.ts'
import { reachableAddress } from './listen-address.ts'
import { MemberStatus } from './member-status.ts'
import { connectionSlots } from './open-files.ts'
import type { PostgresListener } from './postgres-listener.ts'
import { openPostgresListener } from './postgres-listener.ts'
import type { ServerCertificate } from './server-certificate.ts'

export type ServeLog = (
  level: 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, string | number>>,
) => void

export interface ServeParts {
  readonly member: Member
  readonly gateway: LocalGateway
  readonly log: ServeLog
}

export interface ServeLimits {
  readonly http: HttpLimits
  readonly hrana: HranaOptions
  readonly postgres: PostgresLimits
  readonly gateway: Pick<GatewayConfiguration, 'drainTimeoutMs'>
}

export const SERVE_DEFAULTS: ServeLimits = {
  http: DEFAULT_HTTP_LIMITS,
  hrana: HRANA_DEFAULTS,
  postgres: POSTGRES_DEFAULTS,
  gateway: GATEWAY_DEFAULTS,
}

/** What protocols go by. */
export interface ProtocolOptions {
  readonly access: Access
  readonly allowedOrigins: readonly string[]
  /** For PostgreSQL clients that ask for TLS; null: they are refused it. */
  readonly postgresCertificate: ServerCertificate | null
  readonly limits: ServeLimits
}

export interface GatewayProcessOptions {
  readonly count: number
  /** The program of a gateway process, which calls `runGateway`. */
  readonly file: URL
  /** Of each of them. */
  readonly configuration: GatewayConfiguration
  /** What that program makes readers of: plain data. */
  readonly readers: object
}

export interface ServeOptions extends ProtocolOptions {
  /** Null: not served. Port 0 takes any free one. */
  readonly http: ListenAddress | null
  /** Null: not served. `isChosen` is false for a default, which may be taken. */
  readonly postgres: (ListenAddress & { readonly isChosen: boolean }) | null
  /** HOST:PORT as the cluster tells clients; null: where it is served. */
  readonly httpAdvertise: string | null
  readonly postgresAdvertise: string | null
  /** Where the other members reach this one; null for a member that is alone. */
  readonly cluster: Pick<ClusterOptions, 'advertise' | 'listen'> | null
  /** Null: clients are served by this process. */
  readonly gateways: GatewayProcessOptions | null
}

export interface Serving {
  /** With the ports that were chosen. Null: not served. */
  readonly httpAddress: ListenAddress | null
  readonly postgresAddress: ListenAddress | null
  /** Lets requests under way finish, and stops listening. Never rejects. */
  drain(): Promise<void>
}

export interface Served extends Serving {
  /** Of this process; null where HTTP is not served, or by gateway processes. */
  readonly http: HttpListener | null
}

/** Listens. Rejects with the system's error if it can't, EADDRINUSE above all; then nothing is left open. */
export async function serve(parts: ServeParts, options: ServeOptions): Promise<Served> {
  const served = options.gateways === null ? await serveHere(parts, options) : await serveFar(parts, options)
  parts.member.setClientAddresses({
    http: reachableAddress(options.httpAdvertise, served.httpAddress, options.cluster),
    postgres: reachableAddress(options.postgresAdvertise, served.postgresAddress, options.cluster),
  })
  return served
}

/** By gateway processes. */
async function serveFar({ member, log }: ServeParts, options: ServeOptions): Promise<Served> {
  const { GatewayProcesses } = await import('./gateways/gateway-processes.ts')
  const processes = await GatewayProcesses.start({ member, log }, options)
  const { httpAddress, postgresAddress } = processes
  return { http: null, httpAddress, postgresAddress, drain: () => processes.drain() }
}

async function serveHere(parts: ServeParts, options: ServeOptions): Promise<Served> {
  const connections = connectionSlots()
  const http = await openHttp(parts, options, connections)
  try {
    const postgres = await openPostgres(parts, options, connections)
    return {
      http,
      httpAddress: http?.address ?? null,
      postgresAddress: postgres?.address ?? null,
      drain: async () => {
        await postgres?.drain()
        await http?.server.drain()
      },
    }
  } catch (error) {
    await http?.server.drain()
    throw error
  }
}

/** Loaded only where it is wanted: an application that serves nothing starts faster without it. */
async function openHttp(
  parts: ServeParts,
  options: ServeOptions,
  connections: Slots,
): Promise<HttpListener | null> {
  if (options.http === null) return null
  const { openHttpListener } = await import('./http-listener.ts')
  const { member, gateway, log } = parts
  const status = new MemberStatus(member)
  const httpParts = {
    gateway,
    directory: member,
    administration: member,
    health: async () => status.health(),
    metrics: async (http: () => ServedHttp) =>
      status.metrics({ gateway: gateway.statistics(), http: http() }),
    place: null,
    log,
    connections,
  }
  return openHttpListener(options.http, httpParts, options)
}

type ServedHttp = ReturnType<HttpListener['server']['stats']>

async function openPostgres(
  { member, gateway, log }: ServeParts,
  options: ServeOptions,
  connections: Slots,
): Promise<PostgresListener | null> {
  const { postgres } = options
  if (postgres === null) return null
  try {
    return await openPostgresListener(
      postgres,
      { gateway, directory: member, fellows: null, connections },
      options,
    )
  } catch (error) {
    if (!isSparePortTaken(postgres, error)) throw error
    logNoPostgres(postgres, log)
    return null
  }
}

/** Its port is taken and nobody chose it: a second member on a machine is no mistake. */
export function isSparePortTaken({ isChosen }: { readonly isChosen: boolean }, error: unknown): boolean {
  return !isChosen && (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

export function logNoPostgres({ host, port }: ListenAddress, log: ServeLog): void {
  log('info', 'PostgreSQL is not served: its default port is taken; choose one with --pg', {
    pg: `${host}:${port}`,
  })
}

/**
 * Closes what was opened, the last first. A write without end would keep its client, its session and its database from closing: after
 * `drainTimeoutMs` it is stopped.
 */
export async function closeInTime(
  opened: readonly (() => Promise<void>)[],
  member: Pick<Member, 'stopEngines'>,
  drainTimeoutMs: number,
): Promise<void> {
  const timer = setTimeout(() => void member.stopEngines(), drainTimeoutMs)
  for (const close of opened.toReversed()) await close()
  clearTimeout(timer)
}
