/**
 * What a member serves to the network: HTTP, WebSocket and PostgreSQL on its gateway. `harmonydb start` and the embedded library put
 * them together with this one piece, so that both serve the same. It knows nothing of options as people write them.
 */

import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import type { Member } from '../cluster/member.ts'
import { GATEWAY_DEFAULTS, type GatewayConfiguration } from '../gateway/configuration.ts'
import type { LocalGateway } from '../gateway/local-gateway.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../protocols/http/limits.ts'
import { HRANA_DEFAULTS, type HranaOptions } from '../protocols/hrana/options.ts'
import type { Access } from './access.ts'
import type { HttpListener } from './http-listener.ts'
import type { ListenAddress } from './listen-address.ts'
import { reachableAddress } from './listen-address.ts'
import type { PostgresListener } from './postgres-listener.ts'
import { openPostgresListener } from './postgres-listener.ts'

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
  readonly gateway: Pick<GatewayConfiguration, 'drainTimeoutMs'>
}

export const SERVE_DEFAULTS: ServeLimits = {
  http: DEFAULT_HTTP_LIMITS,
  hrana: HRANA_DEFAULTS,
  gateway: GATEWAY_DEFAULTS,
}

export interface ServeOptions {
  /** Null: not served. Port 0 takes any free one. */
  readonly http: ListenAddress | null
  /** Null: not served. `isChosen` is false for a default, which may be taken. */
  readonly postgres: (ListenAddress & { readonly isChosen: boolean }) | null
  /** HOST:PORT as the cluster tells clients; null: where it is served. */
  readonly httpAdvertise: string | null
  readonly postgresAdvertise: string | null
  /** Where the other members reach this one; null for a member that is alone. */
  readonly cluster: Pick<ClusterOptions, 'advertise' | 'listen'> | null
  readonly access: Access
  readonly allowedOrigins: readonly string[]
  readonly limits: ServeLimits
}

export interface Served {
  readonly http: HttpListener | null
  readonly postgres: PostgresListener | null
  /** Lets requests under way finish, and stops listening. Never rejects. */
  drain(): Promise<void>
}

/** Listens. Rejects with the system's error if it can't, EADDRINUSE above all; then nothing is left open. */
export async function serve(parts: ServeParts, options: ServeOptions): Promise<Served> {
  const http = await openHttp(parts, options)
  try {
    const postgres =
      options.postgres === null ? null : await openPostgresListener(options.postgres, parts, options)
    const { member } = parts
    member.setClientAddresses({
      http: reachableAddress(options.httpAdvertise, http?.address ?? null, options.cluster),
      postgres: reachableAddress(options.postgresAdvertise, postgres?.address ?? null, options.cluster),
    })
    return {
      http,
      postgres,
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
async function openHttp(parts: ServeParts, options: ServeOptions): Promise<HttpListener | null> {
  if (options.http === null) return null
  const { openHttpListener } = await import('./http-listener.ts')
  return openHttpListener(options.http, parts, options)
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
