/** Hrana on a real HTTP server, over the gateway of sqlite-gateway.ts. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HarmonyError } from '../../../base/errors.ts'
import type { Credential } from '../../../gateway/session.ts'
import type { Authenticator } from '../../http/exchange.ts'
import { DEFAULT_HTTP_LIMITS } from '../../http/limits.ts'
import { OriginPolicy } from '../../http/origin-policy.ts'
import { HttpServer } from '../../http/server.ts'
import type { HttpStatistics } from '../../http/statistics.ts'
import { createHrana } from '../hrana.ts'
import type { HranaOptions } from '../options.ts'
import { SqliteGateway } from './sqlite-gateway.ts'

const TOKENS: ReadonlyMap<string, Credential> = new Map([
  ['writer', { access: 'read-write', databases: null }],
  ['reader', { access: 'read-only', databases: null }],
  ['stranger', { access: 'read-write', databases: ['elsewhere'] }],
])

const authenticator: Authenticator = {
  authenticate(token) {
    const credential = TOKENS.get(token ?? 'writer')
    if (credential !== undefined) return credential
    throw new HarmonyError('AUTH_INVALID', 'The token is not known.')
  },
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly gateway: SqliteGateway
  /** Failures that the HTTP server reported as its own. */
  readonly failures: Error[]
  readonly stats: () => HttpStatistics
  readonly drain: () => Promise<void>
}

/** `await using` stops it and removes its files. */
export async function startServer(options: Partial<HranaOptions> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hrana-'))
  const gateway = new SqliteGateway(join(folder, 'test.db'))
  const failures: Error[] = []
  const hrana = createHrana({ gateway, authenticator }, options)
  const server = new HttpServer({
    routes: hrana.routes,
    upgrade: hrana.upgrade,
    authenticator,
    origins: new OriginPolicy({ isAuthenticated: true, allowedOrigins: [] }),
    limits: { ...DEFAULT_HTTP_LIMITS, bodySizeBytesMax: 1024 * 1024 },
    onFailure: (_, error) => failures.push(error),
  })
  const { port } = await server.listen('127.0.0.1', 0)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    gateway,
    failures,
    stats: () => server.stats(),
    drain: () => server.drain(),
    async [Symbol.asyncDispose]() {
      await server.drain()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
