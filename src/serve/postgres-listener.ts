/** The PostgreSQL front door of a member: loaded and started only where it is wanted. */

import type { Slots } from '../base/slots.ts'
import type { Gateway } from '../gateway/session.ts'
import type { PostgresServer, PostgresServerOptions } from '../protocols/postgres/server.ts'
import { authenticatorOf } from './access.ts'
import type { ListenAddress } from './listen-address.ts'
import type { ProtocolOptions } from './serve.ts'

export interface PostgresListener {
  readonly server: PostgresServer
  /** With the port that was chosen. */
  readonly address: ListenAddress
  drain(): Promise<void>
}

export interface PostgresParts {
  readonly gateway: Gateway
  readonly directory: PostgresServerOptions['directory']
  /** The other processes that serve the port; null if there are none. */
  readonly fellows: PostgresServerOptions['fellows'] | null
  /** Of this process. */
  readonly connections: Slots
}

/** Rejects with the system's error, EADDRINUSE above all. */
export async function openPostgresListener(
  { host, port }: ListenAddress,
  { gateway, directory, fellows, connections }: PostgresParts,
  { access, limits, postgresCertificate }: ProtocolOptions,
): Promise<PostgresListener> {
  const { PostgresServer } = await import('../protocols/postgres/server.ts')
  const server = new PostgresServer({
    gateway,
    directory,
    authenticator: authenticatorOf(access),
    staticToken: access.authToken,
    host,
    port,
    ...(postgresCertificate !== null && { tls: postgresCertificate }),
    limits: limits.postgres,
    connections,
    ...(fellows !== null && fellows !== undefined && { fellows }),
  })
  await server.start()
  return {
    server,
    address: { host, port: server.address.port },
    drain: () => server.drain(limits.gateway.drainTimeoutMs),
  }
}
