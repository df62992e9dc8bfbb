/** The PostgreSQL front door of a member: loaded and started only where it is wanted. */

import type { DatabaseDirectory } from '../gateway/core.ts'
import type { Gateway } from '../gateway/session.ts'
import type { Authenticator } from '../protocols/http/exchange.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Log } from './log.ts'
import type { StartOptions } from './start-options.ts'

export interface PostgresListener {
  readonly address: ListenAddress
  drain(): Promise<void>
}

export interface PostgresListenerParts {
  readonly options: StartOptions
  readonly gateway: Gateway
  readonly directory: DatabaseDirectory
  readonly authenticator: Authenticator
  readonly log: Log
}

/** Null where it is not wanted, or where its default port is taken: a second member on a machine is no mistake. */
export async function openPostgresListener(parts: PostgresListenerParts): Promise<PostgresListener | null> {
  const { options, log } = parts
  const { postgres } = options
  if (postgres === null) return null
  const { PostgresServer } = await import('../protocols/postgres/server.ts')
  const server = new PostgresServer({
    gateway: parts.gateway,
    directory: parts.directory,
    authenticator: parts.authenticator,
    staticToken: options.authToken,
    host: postgres.host,
    port: postgres.port,
  })
  try {
    await server.start()
  } catch (error) {
    if (postgres.isChosen || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    log.info('PostgreSQL is not served: its default port is taken; choose one with --pg', {
      pg: `${postgres.host}:${postgres.port}`,
    })
    return null
  }
  return {
    address: { host: postgres.host, port: server.address.port },
    drain: () => server.drain(options.limits.gateway.drainTimeoutMs),
  }
}
