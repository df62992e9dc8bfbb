/** The PostgreSQL front door of a member: loaded and started only where it is wanted. */

import { authenticatorOf } from './access.ts'
import type { ListenAddress } from './listen-address.ts'
import type { ServeOptions, ServeParts } from './serve.ts'

export interface PostgresListener {
  /** With the port that was chosen. */
  readonly address: ListenAddress
  drain(): Promise<void>
}

/**
 * Null where its port is taken and nobody chose it: a second member on a machine is no mistake. Rejects with the system's error,
 * EADDRINUSE above all.
 */
export async function openPostgresListener(
  listen: ListenAddress & { readonly isChosen: boolean },
  { member, gateway, log }: ServeParts,
  { access, limits }: ServeOptions,
): Promise<PostgresListener | null> {
  const { PostgresServer } = await import('../protocols/postgres/server.ts')
  const server = new PostgresServer({
    gateway,
    directory: member,
    authenticator: authenticatorOf(access),
    staticToken: access.authToken,
    host: listen.host,
    port: listen.port,
  })
  try {
    await server.start()
  } catch (error) {
    if (listen.isChosen || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    log('info', 'PostgreSQL is not served: its default port is taken; choose one with --pg', {
      pg: `${listen.host}:${listen.port}`,
    })
    return null
  }
  return {
    address: { host: listen.host, port: server.address.port },
    drain: () => server.drain(limits.gateway.drainTimeoutMs),
  }
}
