/** A PostgreSQL listener on a real member in a temporary folder. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Member } from '../../src/cluster/member.ts'
import { LocalEngine } from '../../src/engine/local-engine.ts'
import { ReaderPool } from '../../src/engine/reader/database-reader.ts'
import type { GatewayConfiguration } from '../../src/gateway/configuration.ts'
import { LocalGateway } from '../../src/gateway/local-gateway.ts'
import { OPEN_AUTHENTICATOR } from '../../src/protocols/http/authenticator.ts'
import { PostgresServer, type PostgresServerOptions } from '../../src/protocols/postgres/server.ts'
import { query, RawClient } from './raw-client.ts'

export interface PostgresHarness extends AsyncDisposable {
  readonly server: PostgresServer
  readonly gateway: LocalGateway
  readonly port: number
  /** For clients that take a URL. */
  readonly url: string
}

export async function openPostgres({
  configuration,
  ...options
}: Partial<PostgresServerOptions> & {
  readonly folder?: string
  readonly configuration?: Partial<GatewayConfiguration>
} = {}): Promise<PostgresHarness> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'harmonydb-postgres-')))
  const member = await Member.open({ folder, openEngine: (engine) => LocalEngine.open(engine) })
  const gateway = new LocalGateway({
    directory: member,
    readers: new ReaderPool(),
    configuration: { drainTimeoutMs: 100, ...configuration },
  })
  const server = new PostgresServer({
    gateway,
    authenticator: OPEN_AUTHENTICATOR,
    staticToken: null,
    host: '127.0.0.1',
    port: 0,
    directory: member,
    ...options,
  })
  await server.start()
  const { port } = server.address
  return {
    server,
    gateway,
    port,
    url: `postgres://tester@127.0.0.1:${port}/default`,
    async [Symbol.asyncDispose]() {
      // Clients that have said goodbye are given the moment that this takes.
      for (let turn = 0; turn < 100 && server.connectionCount > 0; turn++) await pause(5)
      await server.drain(100)
      await gateway.close()
      await member.close()
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** With the table that tests of the protocol ask: t (id int primary key, v text), three rows, the first without v. */
export async function openWithTable(
  options: Parameters<typeof openPostgres>[0] = {},
): Promise<PostgresHarness> {
  const harness = await openPostgres(options)
  await using client = await RawClient.ready(harness.port)
  const rows = "insert into t values (1, null), (2, 'b'), (3, 'c')"
  await client.ask(query(`create table t (id int primary key, v text); ${rows}`))
  return harness
}
