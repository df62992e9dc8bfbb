/**
 * What serves a machine's PostgreSQL clients: real connections, with everything above the gateway that a server gives them, on sockets
 * in memory. The listener itself is left out, and with it passwords, TLS and the requests of one connection to stop another one.
 */

import { ByteBudget } from '../../../src/base/byte-budget.ts'
import { UnsentAnswers } from '../../../src/base/unsent-answers.ts'
import type { Credential, Gateway } from '../../../src/gateway/session.ts'
import { Connection } from '../../../src/protocols/postgres/connection.ts'
import type { ConnectionHost } from '../../../src/protocols/postgres/connection.ts'
import { DatabaseDialect } from '../../../src/protocols/postgres/dialect/database-dialect.ts'
import { POSTGRES_DEFAULTS } from '../../../src/protocols/postgres/limits.ts'
import { AnswersOfTurn } from '../../../src/protocols/postgres/session/answers-of-turn.ts'
import { TemporaryTables } from '../../../src/protocols/postgres/session/temporary-tables.ts'
import { Authentication } from '../../../src/protocols/postgres/startup.ts'
import { MemorySocket } from './memory-socket.ts'
import type { ClientEnd } from './memory-socket.ts'

const EVERYTHING: Credential = { access: 'read-write', databases: null }

function leftOut(): never {
  throw new Error('no client of the simulator asks for this')
}

export class MachinePostgres {
  readonly #connections = new Map<number, Connection>()
  readonly #dialects = new Map<string, DatabaseDialect>()
  readonly #host: ConnectionHost
  #lastProcessId = 0
  /** While it stops: called when the last connection has ended. */
  #whenEmpty: (() => void) | null = null

  constructor(gateway: Gateway, member: number) {
    this.#host = this.#newHost(gateway, member)
  }

  /** A client has connected. */
  accept(client: ClientEnd): MemorySocket {
    const socket = new MemorySocket(client)
    const processId = ++this.#lastProcessId
    if (this.#whenEmpty === null)
      this.#connections.set(processId, new Connection(socket, processId, this.#host))
    else socket.destroy()
    return socket
  }

  /** Ends idle connections, gives the others `graceMs` to end their transaction, then ends them, as the server does. */
  async drain(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenEmpty = resolve
    if (this.#connections.size === 0) resolve()
    for (const connection of this.#connections.values()) connection.terminate(true)
    const timer = setTimeout(() => {
      for (const connection of this.#connections.values()) void connection.end()
    }, graceMs)
    await promise
    clearTimeout(timer)
  }

  #ended(processId: number): void {
    this.#connections.delete(processId)
    if (this.#connections.size === 0) this.#whenEmpty?.()
  }

  #newHost(gateway: Gateway, member: number): ConnectionHost {
    return {
      gateway,
      authentication: new Authentication({
        authenticator: { authenticate: () => EVERYTHING },
        staticToken: null,
      }),
      limits: POSTGRES_DEFAULTS,
      received: new ByteBudget(POSTGRES_DEFAULTS.receivedTotalBytesMax),
      unsent: new UnsentAnswers(POSTGRES_DEFAULTS.unsentTotalBytesMax),
      ofTurn: new AnswersOfTurn(),
      hub: { listen: leftOut, deliver: () => Promise.resolve() },
      server: {
        cancelBackend: leftOut,
        terminateBackend: leftOut,
        activity: leftOut,
        databaseNames: leftOut,
        createDatabase: leftOut,
        dropDatabase: leftOut,
      },
      temporaries: new TemporaryTables(gateway, { own: member, isRemoved: () => false }),
      secureContext: null,
      dialectOf: (database) => this.#dialectOf(database),
      cancel: leftOut,
      newSecret: (sizeBytes) => Buffer.alloc(sizeBytes),
      ended: (processId) => this.#ended(processId),
      fallbackDatabase: () => null,
    }
  }

  #dialectOf(database: string): DatabaseDialect {
    const { temporaries } = this.#host
    const dialect =
      this.#dialects.get(database) ?? new DatabaseDialect((schema) => temporaries.notice(database, schema))
    this.#dialects.set(database, dialect)
    return dialect
  }
}
