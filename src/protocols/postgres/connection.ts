/**
 * One client's connection: bytes in, messages to whoever waits for them, in order and one at a time.
 *
 *   startup ──▶ authenticating ──▶ opening (the gateway's session) ──▶ running ──▶ ended
 *
 * While a message is being dealt with, what arrives waits in the framer; when much waits, the socket is paused.
 */

import type { Socket } from 'node:net'
import { TLSSocket, type SecureContext } from 'node:tls'
import type { ByteAccount, ByteBudget } from '../../base/byte-budget.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { Credential, Gateway, Session } from '../../gateway/session.ts'
import type { DatabaseDialect } from './dialect/database-dialect.ts'
import { loadParser } from './dialect/parse.ts'
import { PgError } from './error.ts'
import type { PostgresLimits } from './limits.ts'
import type { NotificationHub } from './notification-hub.ts'
import type { AnswersOfTurn } from './session/answers-of-turn.ts'
import { Activity, type ActivityRow } from './session/activity.ts'
import { ClientSession } from './session/client-session.ts'
import { toPgError } from './session/harmony-error.ts'
import { Listening } from './session/listening.ts'
import { ClientOutput } from './session/output.ts'
import { Settings } from './session/settings.ts'
import type { TemporaryTables } from './session/temporary-tables.ts'
import type { ServerActions } from './session/utilities.ts'
import {
  readStartup,
  type Authentication,
  type AuthenticationExchange,
  type StartupRequest,
} from './startup.ts'
import {
  backendKeyData,
  errorResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from './wire/encoder.ts'
import { Framer } from './wire/framer.ts'
import type { FrontendMessage, StartupMessage } from './wire/messages.ts'

export interface ConnectionHost {
  readonly gateway: Gateway
  readonly authentication: Authentication
  readonly limits: PostgresLimits
  /** What all clients have sent and was not handled yet. */
  readonly received: ByteBudget
  /** What waits for all clients to take it. */
  readonly unsent: UnsentAnswers
  readonly ofTurn: AnswersOfTurn
  readonly hub: NotificationHub
  readonly server: ServerActions
  readonly temporaries: TemporaryTables
  readonly secureContext: SecureContext | null
  dialectOf(database: string): DatabaseDialect
  /** `secret` is what the client was given at its start. */
  cancel(processId: number, secret: Buffer): void
  /** 4 random bytes, or 32 since protocol 3.2. */
  newSecret(sizeBytes: number): Buffer
  /** Nothing is left of this connection. */
  ended(processId: number): void
  /** The name to try when `database` is not found; null if there is none. */
  fallbackDatabase(database: string, user: string): string | null
}

type State =
  | { readonly kind: 'startup' }
  | {
      readonly kind: 'authenticating'
      readonly request: StartupRequest
      readonly exchange: AuthenticationExchange
    }
  | { readonly kind: 'opening' }
  | { readonly kind: 'running'; readonly client: ClientSession }
  | { readonly kind: 'ended' }

const LEGACY_SECRET_BYTES = 4
const SECRET_BYTES = 32
const TLS_ANSWER = Buffer.from('S')
const REFUSAL = Buffer.from('N')

function ignore(): void {}

export class Connection {
  readonly processId: number
  /** Its bytes as latin1: a buffer of four bytes takes half a kilobyte. Empty until the client is told. */
  #secret = ''
  readonly #host: ConnectionHost
  readonly #framer: Framer
  readonly #output: ClientOutput
  readonly #received: ByteAccount
  /** Messages handled. */
  #handled = 0
  /** Where `#handled` stood when `checkProgress` found a message that was not complete, and since when it has. */
  #stalled: { readonly handled: number; readonly sinceMs: number } | null = null
  #socket: Socket
  #state: State = { kind: 'startup' }
  /** Kept apart from the state, because it must be closed however the connection ends. */
  #client: ClientSession | null = null
  readonly #activity = new Activity()
  #description: Omit<ActivityRow, 'state' | 'query' | 'connectedAtMs' | 'queryStartedAtMs'> | null = null
  #isBusy = false
  #isHeldBack = false
  #isDraining = false
  #hasEnded = false
  /** Null once it has a session. */
  #startupTimer: NodeJS.Timeout | null
  #closed: Promise<void> | null = null

  constructor(socket: Socket, processId: number, host: ConnectionHost) {
    this.#socket = socket
    this.processId = processId
    this.#host = host
    this.#framer = new Framer(host.limits)
    this.#received = host.received.open()
    this.#output = new ClientOutput(socket, host.limits, host.unsent, host.ofTurn)
    this.#startupTimer = setTimeout(() => this.#socket.destroy(), host.limits.startupTimeoutMs)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, host.limits.keepAliveDelayMs)
    this.#attach(socket)
  }

  holdsSecret(secret: Buffer): boolean {
    return this.#secret !== '' && this.#secret === secret.toString('latin1')
  }

  /** Null before it has a session. */
  get activity(): ActivityRow | null {
    if (this.#description === null) return null
    const { state, query, connectedAtMs, queryStartedAtMs } = this.#activity
    return { ...this.#description, state, query, connectedAtMs, queryStartedAtMs }
  }

  cancel(): void {
    this.#client?.cancel()
  }

  /** 57P01 now, or when the transaction under way has ended, if it is to be gentle. */
  terminate(isGentle: boolean): void {
    this.#isDraining = true
    if (!isGentle || this.#isQuiet()) this.#endWith(adminShutdown())
  }

  /** Resolves when nothing of it is left. */
  async end(): Promise<void> {
    this.#socket.destroy()
    await this.#finish()
  }

  #isQuiet(): boolean {
    return !this.#isBusy && (this.#state.kind !== 'running' || this.#state.client.isIdle)
  }

  #attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    // What went wrong with a socket is that the client has gone; 'close' follows.
    socket.on('error', ignore)
    socket.on('close', () => void this.#finish())
    socket.on('end', () => this.#socket.end())
  }

  #receive(chunk: Buffer): void {
    if (this.#state.kind === 'ended') return
    this.#framer.push(chunk)
    if (!this.#received.hold(this.#framer.bufferedBytes)) return this.#refuseMore()
    if (this.#framer.bufferedBytes > this.#host.limits.receivedBytesMax && this.#isBusy) this.#socket.pause()
    if (!this.#isBusy) this.#work()
  }

  /** Called every second: a client that began a message has some time to end it. */
  checkProgress(nowMs: number): void {
    const isPartial = !this.#isBusy && this.#framer.bufferedBytes > 0
    if (!isPartial || this.#handled !== this.#stalled?.handled) {
      this.#stalled = isPartial ? { handled: this.#handled, sinceMs: nowMs } : null
      return
    }
    const { messageTimeoutMs } = this.#host.limits
    if (nowMs - this.#stalled.sinceMs < messageTimeoutMs) return
    this.#endWith(
      new PgError('08P01', `no complete message arrived within ${messageTimeoutMs} ms`, {}, 'FATAL'),
    )
  }

  /** The stream can't go on without the message, so this is the end of it. Nothing of the message was done. */
  #refuseMore(): void {
    const { receivedTotalBytesMax } = this.#host.limits
    const message = `all clients together have sent more than ${receivedTotalBytesMax} bytes that wait; try again later`
    this.#framer.takeAll()
    this.#received.close()
    this.#socket.removeAllListeners('data')
    this.#socket.resume()
    this.#endWith(new PgError('53200', message, {}, 'FATAL'))
  }

  /** Deals with what is there, one message after the other; no promise is made unless one has to be waited for. */
  #work(): void {
    this.#isBusy = true
    try {
      for (;;) {
        const pending = this.#next()
        if (pending === 'none') break
        this.#handled++
        if (pending === null) continue
        this.#output.encoder.shareSlab()
        pending.then(
          () => this.#work(),
          (error: unknown) => this.#giveUp(error),
        )
        return
      }
    } catch (error) {
      this.#endWith(fatal(error))
    }
    this.#rest()
  }

  #giveUp(error: unknown): void {
    this.#endWith(fatal(error))
    this.#rest()
  }

  #rest(): void {
    this.#isBusy = false
    this.#received.hold(this.#framer.bufferedBytes)
    if (this.#socket.isPaused()) this.#socket.resume()
    if (this.#isDraining && this.#isQuiet()) this.#endWith(adminShutdown())
  }

  /** Handles one message: null if that is done, 'none' if there is none. */
  #next(): Promise<void> | null | 'none' {
    if (this.#state.kind === 'running') {
      const message = this.#framer.next()
      if (message === null) return 'none'
      if (message.kind === 'terminate') return this.#terminated()
      return this.#state.client.handle(message)
    }
    if (this.#state.kind === 'startup') {
      const message = this.#framer.nextStartup()
      return message === null ? 'none' : this.#startup(message)
    }
    if (this.#state.kind === 'authenticating') {
      const message = this.#framer.next()
      return message === null ? 'none' : this.#authenticate(this.#state, message)
    }
    return 'none'
  }

  #terminated(): null {
    this.#state = { kind: 'ended' }
    this.#output.end()
    return null
  }

  #startup(message: StartupMessage): Promise<void> | null {
    switch (message.kind) {
      case 'sslRequest':
        return this.#startTls()
      case 'gssEncRequest':
        this.#socket.write(REFUSAL)
        return null
      // PostgreSQL closes without a word, too: what is on the other side would not understand it.
      case 'unintelligible':
        return this.#terminated()
      case 'cancelRequest':
        this.#host.cancel(message.processId, message.secret)
        return this.#terminated()
      case 'startup':
        return this.#start(readStartup(message, this.#output.encoder))
    }
  }

  #startTls(): null {
    const { secureContext } = this.#host
    if (secureContext === null || this.#socket instanceof TLSSocket) {
      this.#socket.write(REFUSAL)
      return null
    }
    // Bytes behind the request came unencrypted: somebody could have put them there (CVE-2021-23214).
    if (this.#framer.takeAll().length > 0) {
      throw new PgError('08P01', 'received unencrypted data after SSL request', {}, 'FATAL')
    }
    const plain = this.#socket
    plain.removeAllListeners('data')
    plain.removeAllListeners('end')
    plain.write(TLS_ANSWER)
    const socket = new TLSSocket(plain, { isServer: true, secureContext })
    this.#socket = socket
    this.#output.replaceSocket(socket)
    this.#attach(socket)
    return null
  }

  #start(request: StartupRequest): Promise<void> | null {
    const exchange = this.#host.authentication.exchange(request, this.#output.encoder)
    if ('access' in exchange) return this.#open(request, exchange)
    this.#state = { kind: 'authenticating', request, exchange }
    return this.#output.flush()
  }

  #authenticate(
    state: Extract<State, { kind: 'authenticating' }>,
    message: FrontendMessage,
  ): Promise<void> | null {
    if (message.kind === 'terminate') return this.#terminated()
    if (message.kind !== 'authentication') {
      throw new PgError('08P01', `expected password response, got message "${message.kind}"`, {}, 'FATAL')
    }
    const credential = state.exchange.next(message.payload, this.#output.encoder)
    return credential === null ? this.#output.flush() : this.#open(state.request, credential)
  }

  async #open(request: StartupRequest, credential: Credential): Promise<void> {
    this.#state = { kind: 'opening' }
    const settings = this.#settingsOf(request)
    const session = await this.#openSession(request, credential)
    if (this.#hasEnded) return session.close()
    settings.lastIndex = () => session.lastIndex
    const { client, listening } = this.#newClient(request, session, settings)
    this.#greet(request, settings)
    settings.onReported = (name, value) => parameterStatus(this.#output.encoder, name, value)
    this.#client = client
    this.#description = {
      processId: this.processId,
      database: session.database,
      user: request.user,
      applicationName: request.settings.get('application_name') ?? '',
      clientAddress: this.#socket.remoteAddress ?? null,
    }
    this.#state = { kind: 'running', client }
    this.#endStartup()
    listening.deliver()
    void this.#output.flush()
  }

  async #openSession(request: StartupRequest, credential: Credential): Promise<Session> {
    const { gateway } = this.#host
    await loadParser()
    try {
      return await gateway.openSession(request.database, credential)
    } catch (error) {
      const fallback = this.#host.fallbackDatabase(request.database, request.user)
      const isMissing = error instanceof HarmonyError && error.code === 'DATABASE_NOT_FOUND'
      if (!isMissing || fallback === null) throw error
      return gateway.openSession(fallback, credential)
    }
  }

  #settingsOf(request: StartupRequest): Settings {
    const settings = new Settings()
    settings.setByServer('session_authorization', request.user)
    settings.setByServer('ssl', this.#socket instanceof TLSSocket ? 'on' : 'off')
    for (const [name, value] of request.settings) settings.setInitial(name, value)
    return settings
  }

  #newClient(
    request: StartupRequest,
    session: Session,
    settings: Settings,
  ): { client: ClientSession; listening: Listening } {
    const { hub, server, limits, temporaries } = this.#host
    const { database } = session
    const listening = new Listening(
      hub,
      database,
      ({ processId, channel, payload }) => {
        notificationResponse(this.#output.encoder, processId, channel, payload)
        if (!this.#isBusy) void this.#output.flush()
      },
      () => this.#isQuiet() && !this.#holdsBack(listening),
    )
    const client = new ClientSession({
      activity: this.#activity,
      session,
      dialect: this.#host.dialectOf(database),
      settings,
      output: this.#output,
      temporaries,
      listening,
      facts: { user: request.user, database, processId: this.processId },
      limits,
      server,
      isFollowedBySync: () => this.#framer.isFollowedBySync(),
    })
    return { client, listening }
  }

  /** A client that does not take what it listens for gets no more of it until it does. */
  #holdsBack(listening: Listening): boolean {
    if (!this.#output.isFull) return false
    if (!this.#isHeldBack) {
      this.#isHeldBack = true
      void this.#output.send()?.then(() => {
        this.#isHeldBack = false
        if (this.#isQuiet()) listening.deliver()
      })
    }
    return true
  }

  #greet(request: StartupRequest, settings: Settings): void {
    const out = this.#output.encoder
    for (const { name, value } of settings.reported()) parameterStatus(out, name, value)
    const secret = this.#host.newSecret(request.minorVersion >= 2 ? SECRET_BYTES : LEGACY_SECRET_BYTES)
    this.#secret = secret.toString('latin1')
    backendKeyData(out, this.processId, secret)
    readyForQuery(out, 'I')
  }

  #endStartup(): void {
    if (this.#startupTimer !== null) clearTimeout(this.#startupTimer)
    this.#startupTimer = null
  }

  #endWith(error: PgError): void {
    if (this.#state.kind === 'ended') return
    // The client is told that this is the end: what it has sent since, or sends yet, is not done.
    this.#state = { kind: 'ended' }
    const out = this.#output.encoder
    out.rewind(out.mark())
    errorResponse(out, error)
    this.#output.end()
    // A client that does not close its side is not waited for.
    setTimeout(() => this.#socket.destroy(), 1000).unref()
  }

  #finish(): Promise<void> {
    this.#closed ??= this.#finishOnce()
    return this.#closed
  }

  async #finishOnce(): Promise<void> {
    this.#hasEnded = true
    this.#endStartup()
    this.#received.close()
    this.#state = { kind: 'ended' }
    try {
      await this.#client?.close()
    } finally {
      this.#host.ended(this.processId)
    }
  }
}

function fatal(error: unknown): PgError {
  const { sqlState, message, fields } = toPgError(error)
  return new PgError(sqlState, message, fields, 'FATAL')
}

function adminShutdown(): PgError {
  return new PgError('57P01', 'terminating connection due to administrator command', {}, 'FATAL')
}
