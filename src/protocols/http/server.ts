/** The HTTP server: limits, routing, authentication, errors, upgrades, drain. DESIGN.md beside this file tells why. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ByteBudget } from '../../base/byte-budget.ts'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import { Slots } from '../../base/slots.ts'
import { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { Credential } from '../../gateway/session.ts'
import { bearerToken } from './authenticator.ts'
import type { Authenticator, HttpRoute, HttpUpgradeHandler } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import { ClientGoneError, NodeExchange, type ExchangeMemory } from './node-exchange.ts'
import { http } from './node-http.ts'
import type { OriginPolicy } from './origin-policy.ts'
import { Router, type RouteMatch } from './router.ts'
import { HttpCounters, type HttpStatistics } from './statistics.ts'
import { errorBody, statusOf } from './status.ts'
import { targetOf, type Target } from './target.ts'
import { sendRawResponse } from './raw-response.ts'

export interface HttpServerOptions {
  readonly routes: readonly HttpRoute[]
  /** For `Upgrade: websocket`; without it such requests are answered as ordinary ones. */
  readonly upgrade: HttpUpgradeHandler | null
  readonly authenticator: Authenticator
  readonly origins: OriginPolicy
  readonly limits: HttpLimits
  /** Of the process, which other servers take from, too. Default: none is missing. */
  readonly connections?: Slots
  /** Told of failures that are ours (INTERNAL and the like), never of what a client did wrong. */
  readonly onFailure: (what: string, error: Error) => void
}

/** Limits are enforced by passing over the connections this often. */
const CHECK_INTERVAL_MS = 1000
/** Connections beyond the limit that are told so at the same time; more than these are closed without a word. */
const TURNED_AWAY_MAX = 256
const TURN_AWAY_MS = 1000
/** After the abort of requests under way, how long their handlers get to end by themselves. */
const ABORT_GRACE_MS = 250
/** Clients that come back all at once, after a failover, wait here. The system may allow fewer. */
const BACKLOG = 4096

export class HttpServer {
  readonly router: Router
  readonly #options: HttpServerOptions
  readonly #server: Server
  readonly #counters = new HttpCounters()
  readonly #memory: ExchangeMemory
  readonly #exchanges = new Set<NodeExchange>()
  readonly #upgraded = new Set<Duplex>()
  readonly #turnedAway = new WeakSet<Duplex>()
  readonly #connections: Slots
  #connectionsOpen = 0
  #isDraining = false

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.router = new Router(options.routes)
    const { limits } = options
    this.#connections = options.connections ?? new Slots(Infinity)
    this.#server = http.createServer({
      maxHeaderSize: limits.headersSizeBytesMax,
      // Node.js refuses a longer one than that of the whole request.
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      noDelay: true,
      shouldUpgradeCallback: (request) => options.upgrade !== null && isWebSocket(request),
    })
    this.#memory = {
      received: new ByteBudget(limits.receivedTotalBytesMax),
      unsent: new UnsentAnswers(limits.unsentTotalBytesMax),
    }
    this.#server.maxConnections = limits.connectionsMax + TURNED_AWAY_MAX
    this.#listenToServer()
  }

  /**
   * Resolves with where it listens (port 0 becomes a free one). With `reusePort`, other processes may listen there, too. Rejects with
   * Node.js's own error, EADDRINUSE above all.
   */
  listen(host: string, port: number, reusePort = false): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: BACKLOG, reusePort }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => this.#options.onFailure('the HTTP server failed', error))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** Serves a connection that came elsewhere. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  stats(): HttpStatistics {
    return this.#counters.data(this.#connectionsOpen)
  }

  /** Stops as DESIGN.md "Shutdown" describes. Resolves when the last connection is closed; never rejects. */
  async drain(): Promise<void> {
    this.#isDraining = true
    for (const { response } of this.#exchanges) {
      if (!response.headersSent) response.setHeader('connection', 'close')
    }
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const upgradesEnded = this.#options.upgrade?.drain?.() ?? Promise.resolve()
    await Promise.race([
      Promise.all([closed, upgradesEnded.catch(() => {})]),
      delay(this.#options.limits.drainTimeoutMs),
    ])
    const reason = new HarmonyError(
      'SHUTTING_DOWN',
      'The member is shutting down; the request was not finished.',
    )
    for (const exchange of this.#exchanges) exchange.abort(reason)
    if (this.#exchanges.size > 0) await delay(ABORT_GRACE_MS)
    this.#server.closeAllConnections()
    for (const socket of this.#upgraded) socket.destroy()
    await closed
  }

  #listenToServer(): void {
    this.#server.on('connection', (socket) => {
      this.#counters.connectionsTotal++
      this.#connectionsOpen++
      const hasSlot = this.#connections.take()
      socket.on('close', () => {
        this.#connectionsOpen--
        if (hasSlot) this.#connections.give()
      })
      if (!hasSlot || this.#connectionsOpen > this.#options.limits.connectionsMax) this.#turnAway(socket)
    })
    this.#server.on('drop', () => this.#counters.connectionsRefusedTotal++)
    this.#server.on('request', (request, response) => void this.#serve(request, response))
    this.#server.on('checkContinue', (request, response) => this.#checkContinue(request, response))
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#server.on('clientError', answerMalformed)
  }

  /** There is no request yet; what the client sends is read, so that it gets to see the answer, and never served. */
  #turnAway(socket: Socket): void {
    this.#turnedAway.add(socket)
    this.#counters.connectionsRefusedTotal++
    const error = new HarmonyError(
      'OVERLOADED',
      `This member serves as many connections as it may (connectionsMax, or the system's limit of open files). Nothing was done; try again later, or at another member.`,
    )
    sendRawResponse(socket, statusOf(error), errorBody(error))
    socket.setTimeout(TURN_AWAY_MS, () => socket.destroy())
  }

  /** Answers a body that would be too large before it is sent (RFC 9110 section 10.1.1). */
  #checkContinue(request: IncomingMessage, response: ServerResponse): void {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (this.#turnedAway.has(request.socket)) return
    if (announced <= this.#options.limits.bodySizeBytesMax) response.writeContinue()
    void this.#serve(request, response)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#turnedAway.has(request.socket)) return void request.resume()
    const startedMs = performance.now()
    this.#counters.requestsActive++
    let template = 'unknown'
    response.on('close', () => {
      this.#counters.requestsActive--
      if (!response.writableFinished) this.#counters.requestsAbandonedTotal++
      const method = template === 'unknown' ? 'any' : (request.method ?? '')
      this.#counters.recordResponse(method, template, response.statusCode, performance.now() - startedMs)
    })
    try {
      if (this.#isDraining) this.#refuseWhileDraining(response)
      this.#options.origins.check(request)
      this.#options.origins.addHeaders(request, response)
      if (request.method === 'OPTIONS') return void response.writeHead(204).end()
      const target = targetOf(request)
      const match = this.router.match(request.method ?? '', target.path)
      if (match.kind !== 'found') return answerUnrouted(response, request, target, match)
      template = match.template
      await this.#handle(request, response, target, match)
    } catch (error) {
      this.#answerError(response, error)
    }
  }

  #refuseWhileDraining(response: ServerResponse): void {
    response.setHeader('connection', 'close')
    throw new HarmonyError(
      'SHUTTING_DOWN',
      'The member is shutting down. Send the request to another one, or later.',
    )
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    match: RouteMatch & { kind: 'found' },
  ): Promise<void> {
    const database = match.parameters['database'] ?? target.database
    const credential = match.route.isPublic === true ? NOBODY : this.#authenticate(request, database)
    const exchange = new NodeExchange(
      request,
      response,
      { ...target, database },
      credential,
      this.#options.limits,
      this.#memory,
    )
    this.#exchanges.add(exchange)
    response.on('close', () => {
      this.#exchanges.delete(exchange)
      if (!response.writableFinished) exchange.abort(new ClientGoneError('the client has gone'))
    })
    response.on('finish', () => response.socket?.setTimeout(0))
    await match.route.handle(exchange, match.parameters)
    if (!response.writableEnded) response.end()
  }

  #authenticate(request: IncomingMessage, database: string): Credential {
    return this.#options.authenticator.authenticate(bearerToken(request.headers.authorization), database)
  }

  #answerError(response: ServerResponse, error: unknown): void {
    if (error instanceof ClientGoneError || response.destroyed) return
    const known = toHarmonyError(error)
    const status = statusOf(known)
    if (status === 500) this.#options.onFailure('a request failed', known)
    // Part of a response is out: cutting the connection is the only way left to say that the rest is missing.
    if (response.headersSent) return void response.destroy()
    if (status === 401) response.setHeader('www-authenticate', 'Bearer')
    if (status === 503) response.setHeader('retry-after', '1')
    sendJson(response, status, errorBody(known))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#turnedAway.has(socket)) return void socket.destroy()
    this.#upgraded.add(socket)
    socket.on('close', () => this.#upgraded.delete(socket))
    socket.on('error', () => socket.destroy())
    try {
      if (this.#isDraining) throw new HarmonyError('SHUTTING_DOWN', 'The member is shutting down.')
      this.#options.origins.check(request)
      const target = targetOf(request)
      const token = bearerToken(request.headers.authorization)
      this.#counters.upgradesTotal++
      this.#options.upgrade?.handle({ request, socket, head, ...target, token })
    } catch (error) {
      const known = toHarmonyError(error)
      sendRawResponse(socket, statusOf(known), errorBody(known))
    }
  }
}

/** For public routes, which look at no credential: it may open no database. */
const NOBODY: Credential = { access: 'read-only', databases: [] }

function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket'
}

function answerUnrouted(
  response: ServerResponse,
  request: IncomingMessage,
  target: Target,
  match: RouteMatch & { kind: 'wrong-method' | 'not-found' },
): void {
  const asked = `${request.method} ${target.path.slice(0, 200)}`
  if (match.kind === 'wrong-method') {
    response.setHeader('allow', match.allowed.join(', '))
    const message = `${asked}: this path knows only ${match.allowed.join(', ')}.`
    return sendJson(response, 405, errorBody(new HarmonyError('REQUEST_INVALID', message)))
  }
  const message = `${asked}: there is nothing here. GET /openapi.json lists every path of this member.`
  sendJson(response, 404, errorBody(new HarmonyError('REQUEST_INVALID', message)))
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
    .end(bytes)
}

/** What the parser of `node:http` refused: there is no request yet, so the answer is written by hand. */
function answerMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const [status, code, message] = malformedAnswer(error.code)
  sendRawResponse(socket, status, errorBody(new HarmonyError(code, message)))
}

function malformedAnswer(
  code: string | undefined,
): [status: number, code: 'REQUEST_TOO_LARGE' | 'REQUEST_INVALID', message: string] {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [431, 'REQUEST_TOO_LARGE', 'The headers are larger than the limit.']
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return [408, 'REQUEST_INVALID', 'The request did not arrive within the time limit.']
  }
  return [400, 'REQUEST_INVALID', 'This is not an HTTP/1.1 request that can be read.']
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref()
  })
}
