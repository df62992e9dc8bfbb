/** The listener: connections, cancel requests between them, TLS, draining. What `cli` starts. */

import { randomBytes, randomInt } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { ByteBudget } from '../../base/byte-budget.ts'
import { HarmonyError } from '../../base/errors.ts'
import { Slots } from '../../base/slots.ts'
import { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { DatabaseDirectory } from '../../gateway/core.ts'
import type { Gateway } from '../../gateway/session.ts'
import type { Authenticator } from '../http/exchange.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { DatabaseDialect } from './dialect/database-dialect.ts'
import { PgError } from './error.ts'
import { POSTGRES_DEFAULTS, type PostgresLimits } from './limits.ts'
import { NO_FELLOWS, type Fellows, type StopBackend } from './fellows.ts'
import { LogNotificationHub } from './log-notification-hub.ts'
import { AnswersOfTurn } from './session/answers-of-turn.ts'
import type { ActivityRow } from './session/activity.ts'
import { TemporaryTables, type MemberNumbers } from './session/temporary-tables.ts'
import { Authentication } from './startup.ts'
import { Encoder, errorResponse } from './wire/encoder.ts'

export interface PostgresServerOptions {
  readonly gateway: Gateway
  readonly authenticator: Authenticator
  /** The member's static token, which SCRAM checks; null without one. */
  readonly staticToken: string | null
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** PEM texts. Without them, TLS is refused. */
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly directory: DatabaseDirectory & Partial<ClusterMember>
  /** The other processes that serve the same port; none by default. */
  readonly fellows?: Fellows
  readonly limits?: Partial<PostgresLimits>
  /** Of the process, which other servers take from, too. Default: none is missing. */
  readonly connections?: Slots
}

/** What a directory that is a member of a cluster tells besides. */
export interface ClusterMember {
  readonly number: number
  clusterState(): {
    readonly members: readonly { readonly member: number; readonly status: string }[]
  }
}

/** Databases that exist in every PostgreSQL, and whose names tools connect to by default. */
const MAINTENANCE_DATABASES: ReadonlySet<string> = new Set(['postgres', 'template1'])
const DEFAULT_DATABASE = 'default'
/** Process ids are signed 32-bit numbers on the wire. */
const PROCESS_ID_MAX = 2 ** 31 - 1
const CHECK_INTERVAL_MS = 1000
/** Clients that come back all at once, after a failover, wait here. The system may allow fewer. */
const BACKLOG = 4096

export class PostgresServer {
  readonly #options: PostgresServerOptions
  readonly #limits: PostgresLimits
  readonly #slots: Slots
  readonly #server: Server
  readonly #fellows: Fellows
  readonly #connections = new Map<number, Connection>()
  readonly #dialects = new Map<string, DatabaseDialect>()
  readonly #temporaries: TemporaryTables
  readonly #host: ConnectionHost
  #isDraining = false
  #checking: NodeJS.Timeout | null = null

  constructor(options: PostgresServerOptions) {
    this.#options = options
    this.#slots = options.connections ?? new Slots(Infinity)
    this.#limits = { ...POSTGRES_DEFAULTS, ...options.limits }
    this.#fellows = options.fellows ?? NO_FELLOWS
    this.#temporaries = new TemporaryTables(options.gateway, memberNumbers(options.directory), this.#fellows)
    this.#host = this.#newHost()
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket))
  }

  /** Resolves when it listens. Rejects with the system's error (EADDRINUSE and so on). */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const { host, port } = this.#options
      this.#server.listen({ host, port, backlog: BACKLOG, reusePort: this.#fellows.count > 1 }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  get address(): AddressInfo {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') {
      throw new HarmonyError('INTERNAL', 'the PostgreSQL listener has no address: it is not started')
    }
    return address
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Takes no new connections, ends idle ones, gives the others `graceMs` to end their transaction, then ends them. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#connections.values()) connection.terminate(true)
    const timer = setTimeout(() => {
      for (const connection of this.#connections.values()) void connection.end()
    }, graceMs)
    await closed
    clearTimeout(timer)
    await this.#temporaries.settled()
  }

  /** Of the connections to this process. */
  activity(): ActivityRow[] {
    return [...this.#connections.values()].flatMap(({ activity }) => activity ?? [])
  }

  /** False if this process has no such connection. */
  stopBackend(stop: StopBackend): boolean {
    const connection = this.#connections.get(stop.processId)
    if (connection === undefined) return false
    if (stop.action === 'terminate') connection.terminate(false)
    else if (stop.secret === null || connection.holdsSecret(Buffer.from(stop.secret))) connection.cancel()
    return true
  }

  /** Serves a client; also one whose bytes come from elsewhere than the listener. */
  accept(socket: Socket): void {
    if (this.#isDraining || this.#connections.size >= this.#limits.connectionsMax || !this.#slots.take()) {
      this.#refuse(socket)
      return
    }
    const processId = this.#newProcessId()
    const connection = new Connection(socket, processId, this.#host)
    this.#connections.set(processId, connection)
    this.#checking ??= setInterval(() => this.#checkAll(), CHECK_INTERVAL_MS).unref()
  }

  #checkAll(): void {
    const nowMs = performance.now()
    for (const connection of this.#connections.values()) connection.checkProgress(nowMs)
  }

  #forget(processId: number): void {
    if (this.#connections.delete(processId)) this.#slots.give()
    if (this.#connections.size > 0 || this.#checking === null) return
    clearInterval(this.#checking)
    this.#checking = null
  }

  #refuse(socket: Socket): void {
    const out = new Encoder()
    const error = this.#isDraining
      ? new PgError('57P01', 'the database system is shutting down', {}, 'FATAL')
      : new PgError('53300', 'sorry, too many clients already', {}, 'FATAL')
    errorResponse(out, error)
    socket.on('error', () => undefined)
    socket.end(out.take())
    socket.destroySoon()
  }

  #newProcessId(): number {
    for (;;) {
      const processId = randomInt(1, PROCESS_ID_MAX)
      if (this.#slotOf(processId) === this.#fellows.slot && !this.#connections.has(processId))
        return processId
    }
  }

  #newHost(): ConnectionHost {
    const { gateway, authenticator, staticToken, directory, tls } = this.#options
    return {
      gateway,
      authentication: new Authentication({ authenticator, staticToken }),
      limits: this.#limits,
      received: new ByteBudget(this.#limits.receivedTotalBytesMax),
      unsent: new UnsentAnswers(this.#limits.unsentTotalBytesMax),
      ofTurn: new AnswersOfTurn(),
      temporaries: this.#temporaries,
      hub: new LogNotificationHub(gateway, directory),
      server: {
        cancelBackend: (processId) => this.#stopAnywhere({ action: 'cancel', processId, secret: null }),
        terminateBackend: (processId) => this.#stopAnywhere({ action: 'terminate', processId }),
        activity: async () => [...this.activity(), ...(await this.#fellows.connections())],
        databaseNames: async () => (await directory.list()).map(({ name }) => name),
        createDatabase: (name) => directory.create(name),
        dropDatabase: (name) => directory.drop(name),
      },
      secureContext: tls === undefined ? null : createSecureContext({ key: tls.key, cert: tls.cert }),
      dialectOf: (database) => this.#dialectOf(database),
      cancel: (processId, secret) => {
        // A client that asks to cancel gets no answer, whatever comes of it.
        this.#stopAnywhere({ action: 'cancel', processId, secret }).catch(() => undefined)
      },
      newSecret: (sizeBytes) => randomBytes(sizeBytes),
      ended: (processId) => this.#forget(processId),
      fallbackDatabase: (database, user) =>
        MAINTENANCE_DATABASES.has(database) || database === user ? DEFAULT_DATABASE : null,
    }
  }

  async #stopAnywhere(stop: StopBackend): Promise<boolean> {
    const slot = this.#slotOf(stop.processId)
    return slot === this.#fellows.slot ? this.stopBackend(stop) : this.#fellows.stopBackend(slot, stop)
  }

  #slotOf(processId: number): number {
    return processId % this.#fellows.count
  }

  #dialectOf(database: string): DatabaseDialect {
    let dialect = this.#dialects.get(database)
    if (dialect === undefined) {
      dialect = new DatabaseDialect((schema) => this.#temporaries.notice(database, schema))
      this.#dialects.set(database, dialect)
    }
    return dialect
  }
}

/** A directory that knows of no cluster is a member alone. */
function memberNumbers(directory: Partial<ClusterMember>): MemberNumbers {
  return {
    get own() {
      return directory.number ?? 1
    },
    isRemoved: (number) => {
      const members = directory.clusterState?.().members ?? []
      return members.find(({ member }) => member === number)?.status === 'removed'
    },
  }
}
