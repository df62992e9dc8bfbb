/** From an endpoint to connections: in the load process, one for each client. */

import type { Connection, Endpoint } from '../target.ts'

export interface Connector {
  /** The `ordinal`-th connection, from 0: several addresses are used in turn. */
  connect(ordinal: number): Promise<Connection>
  close(): Promise<void>
}

function inTurn<T>(values: readonly T[], ordinal: number): T {
  return values[ordinal % values.length] as T
}

const NOTHING_TO_CLOSE = (): Promise<void> => Promise.resolve()

/** Clients are loaded when they are needed: a load process that talks to PostgreSQL has no use for a WebSocket. */
export async function openConnector(endpoint: Endpoint): Promise<Connector> {
  switch (endpoint.kind) {
    case 'postgres': {
      const { PostgresClient } = await import('./postgres-client.ts')
      const { addresses, database, dialect } = endpoint
      return {
        connect: (ordinal) => PostgresClient.connect(inTurn(addresses, ordinal), database, dialect),
        close: NOTHING_TO_CLOSE,
      }
    }
    case 'hrana-websocket': {
      const { HranaWebSocketClient } = await import('./hrana-websocket-client.ts')
      return {
        connect: (ordinal) => HranaWebSocketClient.connect(inTurn(endpoint.urls, ordinal)),
        close: NOTHING_TO_CLOSE,
      }
    }
    case 'hrana-http': {
      const { HranaHttpClient } = await import('./hrana-http-client.ts')
      return {
        connect: (ordinal) => HranaHttpClient.connect(inTurn(endpoint.urls, ordinal)),
        close: NOTHING_TO_CLOSE,
      }
    }
    case 'rqlite': {
      const { RqliteClient } = await import('./rqlite-client.ts')
      return {
        connect: (ordinal) => RqliteClient.connect(inTurn(endpoint.urls, ordinal)),
        close: NOTHING_TO_CLOSE,
      }
    }
    case 'etcd': {
      const { EtcdChannels } = await import('./etcd-client.ts')
      return new EtcdChannels(endpoint.addresses)
    }
    case 'embedded': {
      const { openEmbedded } = await import('./embedded-client.ts')
      return openEmbedded(endpoint.folder)
    }
    case 'node-sqlite':
    case 'sqlite-library': {
      const { openSqliteLibrary } = await import('./sqlite-library-client.ts')
      return openSqliteLibrary(endpoint)
    }
    case 'lmdb': {
      const { openLmdb } = await import('./lmdb-client.ts')
      return openLmdb(endpoint)
    }
  }
}
