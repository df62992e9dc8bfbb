/**
 * Which ports the gateways are to share. The member listens on them alone for a moment: with `reusePort` the gateways would get a port that
 * another member of the same user has, too, and its clients would land here and there by chance.
 */

import { createServer, type AddressInfo, type Server } from 'node:net'
import type { ListenAddress } from '../listen-address.ts'
import { isSparePortTaken, logNoPostgres, type ServeLog, type ServeOptions } from '../serve.ts'

export interface ClaimedPorts {
  /** With the ports that were chosen. */
  readonly http: ListenAddress | null
  readonly postgres: ListenAddress | null
}

/** Rejects with the system's error, EADDRINUSE above all. */
export async function claimPorts(
  { http, postgres }: Pick<ServeOptions, 'http' | 'postgres'>,
  log: ServeLog,
): Promise<ClaimedPorts> {
  const held: Server[] = []
  try {
    const httpPort = http === null ? null : await hold(http, held)
    const postgresPort = postgres === null ? null : await holdPostgres(postgres, held, log)
    return { http: httpPort, postgres: postgresPort }
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

async function holdPostgres(
  postgres: ListenAddress & { readonly isChosen: boolean },
  held: Server[],
  log: ServeLog,
): Promise<ListenAddress | null> {
  try {
    return await hold(postgres, held)
  } catch (error) {
    if (!isSparePortTaken(postgres, error)) throw error
    logNoPostgres(postgres, log)
    return null
  }
}

function hold({ host, port }: ListenAddress, held: Server[]): Promise<ListenAddress> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      held.push(server)
      const { address, port: chosen } = server.address() as AddressInfo
      resolve({ host: address, port: chosen })
    })
  })
}
