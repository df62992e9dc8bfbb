/**
 * One client's WebSocket connection.
 *
 * - Nothing but `hello` is answered before a hello was accepted. Clients needn't wait for its answer: messages are
 *   taken in order, and checking a token takes no turn of the event loop. Until then time and bytes are short.
 * - A message that can't be answered (no JSON, wrong frame type, no request id) violates the protocol and ends the
 *   connection with a close code. A request that is wrong in itself is answered with `response_error`.
 * - Back-pressure, inwards: the socket is not read while too many requests wait, or too many bytes wait to be sent.
 *   Outwards: a stream takes its next request only when its last response fits into the send buffer.
 * - However the connection ends, its streams are rolled back and closed.
 */

import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import type { ByteBudget } from '../../base/byte-budget.ts'
import { LazyMap } from '../../base/lazy-map.ts'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import type { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { Credential } from '../../gateway/session.ts'
import { CONSISTENCY_HEADER, consistencyOf } from '../http/consistency-header.ts'
import type { HttpUpgrade, ProtocolContext } from '../http/exchange.ts'
import { toHranaError } from './error.ts'
import type { HranaOptions } from './options.ts'
import { SqlStore } from './sql-store.ts'
import { HranaStream } from './stream.ts'
import type { ClientMessage, ConnectionRequest, ConnectionResponse, ServerMessage } from './types.ts'
import type { WsCodec } from './ws-codec.ts'
import { HELLO_BYTES_MAX, HelloWatch, type HelloProblem } from './ws-hello.ts'
import { PartialMessage } from './ws-partial-message.ts'
import { WsStream } from './ws-stream.ts'

/** RFC 6455 section 7.4.1, as sqld uses them (libsql-server/src/hrana/ws/conn.rs). */
const CLOSE_GOING_AWAY = 1001
const CLOSE_UNSUPPORTED_FRAME = 1003
const CLOSE_INVALID_MESSAGE = 1007
const CLOSE_POLICY = 1008
const CLOSE_TOO_LARGE = 1009
/** RFC 6455's registry of close codes: "Try Again Later". */
const CLOSE_OVERLOADED = 1013

/** A close frame holds 125 bytes, two of them the code. */
const REASON_BYTES_MAX = 120

function closeReason(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= REASON_BYTES_MAX) return text
  return bytes
    .subarray(0, REASON_BYTES_MAX)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
}

function sameRights(a: Credential, b: Credential): boolean {
  return a.access === b.access && a.databases?.join() === b.databases?.join()
}

function ignore(): void {}

/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 1000

/** What all WebSocket connections share. */
export interface WsMemory {
  readonly received: ByteBudget
  readonly unsent: UnsentAnswers
}

/** What is needed of the upgrade later. The request itself would be a good part of what an idle connection takes. */
type KeptUpgrade = Pick<HttpUpgrade, 'socket' | 'database' | 'token'> & {
  readonly request: Pick<IncomingMessage, 'headers'>
}

const NO_HEADERS: KeptUpgrade['request'] = { headers: {} }

function keptOf({ socket, database, token, request }: HttpUpgrade): KeptUpgrade {
  const level = request.headers[CONSISTENCY_HEADER]
  const kept = level === undefined ? NO_HEADERS : { headers: { [CONSISTENCY_HEADER]: level } }
  return { socket, database, token, request: kept }
}

export class WsConnection {
  readonly #socket: WebSocket
  readonly #codec: WsCodec
  readonly #upgrade: KeptUpgrade
  readonly #context: ProtocolContext
  readonly #options: HranaOptions
  readonly #store: SqlStore
  readonly #streams = new Map<number, WsStream>()
  /** Cursor id → stream. Holds ids whose opening failed too, until the client closes them. */
  readonly #cursors = new LazyMap<number, WsStream>()
  /** Null from the hello on. */
  #helloWatch: HelloWatch | null
  readonly #partial: PartialMessage
  readonly #memory: WsMemory
  /** Gives back what a full send buffer holds; null while it is not full. */
  #releaseUnsent: (() => void) | null = null
  #credential: Credential | null = null
  /** Requests that are not answered yet. */
  #requestCount = 0
  #isClosed = false
  #isDraining = false
  #isCorked = false
  /** Since the last ping: has the client answered it, has it taken a message? */
  #hasAnswered = true
  #hasSent = true

  constructor(
    socket: WebSocket,
    codec: WsCodec,
    upgrade: HttpUpgrade,
    context: ProtocolContext,
    options: HranaOptions,
    memory: WsMemory,
  ) {
    this.#socket = socket
    this.#memory = memory
    this.#codec = codec
    this.#upgrade = keptOf(upgrade)
    this.#context = context
    this.#options = options
    this.#store = new SqlStore(options)
    socket.on('message', (frame, isBinary) => this.#take(frame as Buffer, isBinary))
    socket.on('pong', () => (this.#hasAnswered = true))
    // 'close' follows every error: what is open is ended there.
    socket.on('error', ignore)
    socket.on('close', () => void this.#end())
    this.#helloWatch = new HelloWatch(upgrade.socket, options.helloTimeoutMs, (problem) =>
      this.#refuseStranger(problem),
    )
    this.#partial = new PartialMessage(upgrade.socket, memory.received, () => this.#refuseMore())
  }

  /**
   * Called once per ping interval. A client that has not answered since the last call has vanished, and one that has
   * taken nothing of a full send buffer has stopped reading. (While we don't read, no answer can be seen.)
   */
  ping(): void {
    const isFull = this.#socket.bufferedAmount >= this.#options.sendBufferBytesMax
    const hasStalled = isFull && !this.#hasSent
    if (this.#partial.hasStopped()) return this.#socket.terminate()
    if (hasStalled || (!this.#hasAnswered && !this.#socket.isPaused)) return this.#socket.terminate()
    this.#hasAnswered = this.#socket.isPaused
    this.#hasSent = false
    this.#socket.ping()
  }

  /** Lets running requests end, for `drainMs` at most, and says goodbye. */
  async drain(): Promise<void> {
    this.#isDraining = true
    this.#socket.pause()
    const settled = Promise.all([...this.#streams.values()].map((stream) => stream.settled()))
    await Promise.race([settled, delay(this.#options.drainMs)])
    this.#close(CLOSE_GOING_AWAY, 'The member is shutting down.')
    await this.#end()
  }

  // Messages.

  #take(frame: Buffer, isBinary: boolean): void {
    this.#partial.complete()
    if (this.#isClosed) return
    if (this.#credential === null && frame.length > HELLO_BYTES_MAX) return this.#refuseStranger('too large')
    if (isBinary !== this.#codec.isBinary) {
      const wanted = this.#codec.isBinary ? 'binary frames (Protobuf)' : 'text frames (JSON)'
      return this.#close(CLOSE_UNSUPPORTED_FRAME, `This subprotocol uses ${wanted}.`)
    }
    try {
      this.#handle(this.#codec.decode(frame))
    } catch (error) {
      this.#close(CLOSE_INVALID_MESSAGE, toHarmonyError(error).message)
    }
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'hello') return this.#hello(message.jwt)
    if (this.#credential === null)
      return this.#close(CLOSE_POLICY, 'The first message must be a hello; this was a request.')
    this.#requestCount++
    this.#regulate()
    if (message.type === 'invalid_request') this.#refuse(message.requestId, message.error)
    else this.#request(message.requestId, message.request, this.#credential)
  }

  /** The token of the hello, else that of the HTTP request. A later hello authenticates again. */
  #hello(jwt: string | null): void {
    try {
      const token = jwt ?? this.#upgrade.token
      const credential = this.#context.authenticator.authenticate(token, this.#upgrade.database)
      if (this.#credential !== null && !sameRights(this.#credential, credential)) this.#closeStreams()
      this.#credential = credential
      this.#endHelloWatch()
      void this.#send({ type: 'hello_ok' })
    } catch (error) {
      void this.#send({ type: 'hello_error', error: toHranaError(error) })
      this.#close(CLOSE_POLICY, toHarmonyError(error).message)
    }
  }

  #endHelloWatch(): void {
    this.#helloWatch?.end()
    this.#helloWatch = null
  }

  #refuseStranger(problem: HelloProblem): void {
    if (this.#isClosed) return
    if (problem === 'too late') {
      const { helloTimeoutMs } = this.#options
      return this.#close(CLOSE_POLICY, `No valid hello came within ${helloTimeoutMs} ms. Send it first.`)
    }
    this.#close(
      CLOSE_TOO_LARGE,
      `More than ${HELLO_BYTES_MAX} bytes came without a valid hello. Send it first.`,
    )
    // What is still coming would be held, whether it is a close frame or not.
    this.#socket.pause()
  }

  #refuseMore(): void {
    const { receivedTotalBytesMax } = this.#options
    this.#close(
      CLOSE_OVERLOADED,
      `All clients together have sent more than ${receivedTotalBytesMax} bytes; try again later.`,
    )
    this.#socket.pause()
  }

  /** Other rights than before: what was opened with the old ones ends. */
  #closeStreams(): void {
    for (const stream of this.#streams.values())
      stream.enqueue(() => stream.close('the client authenticated again with other rights. Open a new one.'))
  }

  // Requests.

  #request(requestId: number, request: ConnectionRequest, credential: Credential): void {
    switch (request.type) {
      case 'open_stream':
        return this.#openStream(requestId, request.streamId, credential)
      case 'close_stream':
        return this.#closeStream(requestId, request.streamId)
      case 'stream':
        return this.#work(requestId, request)
      case 'open_cursor':
        return this.#openCursor(requestId, request)
      case 'fetch_cursor':
        return this.#fetchCursor(requestId, request)
      case 'close_cursor':
        return this.#closeCursor(requestId, request.cursorId)
      case 'store_sql':
      case 'close_sql':
        return void this.#respond(requestId, () => this.#changeStore(request))
    }
  }

  #openStream(requestId: number, streamId: number, credential: Credential): void {
    const problem = this.#streams.has(streamId)
      ? invalid(`The stream id ${streamId} is in use. Close that stream first, or choose another id.`)
      : this.#tooMany(this.#streams.size, 'streams')
    if (problem !== null) return this.#refuse(requestId, problem)
    const stream = new WsStream(streamId)
    this.#streams.set(streamId, stream)
    this.#enqueue(requestId, stream, () => stream.open(this.#openSession(credential)))
  }

  async #openSession(credential: Credential): Promise<HranaStream> {
    const consistency = consistencyOf(this.#upgrade.request)
    const session = await this.#context.gateway.openSession(this.#upgrade.database, credential)
    if (consistency !== null) session.consistency = consistency
    return new HranaStream(session, this.#store, this.#options.responseBytesMax)
  }

  /** Closing a stream that is not open is no error. */
  #closeStream(requestId: number, streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return void this.#respond(requestId, () => ({ type: 'close_stream' }))
    this.#enqueue(requestId, stream, async () => {
      await stream.close('the client closed it. Open a new one.')
      this.#streams.delete(streamId)
      for (const [cursorId, owner] of this.#cursors.entries())
        if (owner === stream) this.#cursors.delete(cursorId)
      return { type: 'close_stream' }
    })
  }

  #work(requestId: number, { streamId, request }: ConnectionRequest & { type: 'stream' }): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return this.#refuse(requestId, notOpen(streamId))
    try {
      // Now and not when its turn comes: the client may close or replace the stored text right behind this request.
      const resolved = this.#store.resolveRequest(request)
      this.#enqueue(requestId, stream, () => stream.run(resolved))
    } catch (error) {
      this.#refuse(requestId, error)
    }
  }

  #openCursor(requestId: number, request: ConnectionRequest & { type: 'open_cursor' }): void {
    const { cursorId, streamId } = request
    const stream = this.#streams.get(streamId)
    const problem = this.#cursors.has(cursorId)
      ? invalid(`The cursor id ${cursorId} is in use. Close that cursor first, or choose another id.`)
      : this.#tooMany(this.#cursors.size, 'cursors')
    if (problem !== null) return this.#refuse(requestId, problem)
    if (stream === undefined) return this.#refuse(requestId, notOpen(streamId))
    this.#cursors.set(cursorId, stream)
    try {
      const batch = this.#store.resolveBatch(request.batch)
      this.#enqueue(requestId, stream, () => stream.openCursor(cursorId, batch))
    } catch (error) {
      this.#refuse(requestId, error)
    }
  }

  #fetchCursor(requestId: number, request: ConnectionRequest & { type: 'fetch_cursor' }): void {
    const { cursorId, maxCount } = request
    const stream = this.#cursors.get(cursorId)
    if (stream === undefined)
      return this.#refuse(
        requestId,
        invalid(`The cursor ${cursorId} is not open. Open it with open_cursor first.`),
      )
    this.#enqueue(requestId, stream, () => stream.fetchCursor(cursorId, maxCount))
  }

  /** Closing a cursor that is not open is no error. */
  #closeCursor(requestId: number, cursorId: number): void {
    const stream = this.#cursors.get(cursorId)
    if (stream === undefined) return void this.#respond(requestId, () => ({ type: 'close_cursor' }))
    this.#enqueue(requestId, stream, () => {
      this.#cursors.delete(cursorId)
      return stream.closeCursor(cursorId)
    })
  }

  #changeStore(request: ConnectionRequest & { type: 'store_sql' | 'close_sql' }): ConnectionResponse {
    if (request.type === 'store_sql') this.#store.store(request.sqlId, request.sql)
    else this.#store.close(request.sqlId)
    return { type: request.type }
  }

  #tooMany(count: number, what: string): HarmonyError | null {
    const { connectionStreamsMax } = this.#options
    if (count < connectionStreamsMax) return null
    return new HarmonyError(
      'OVERLOADED',
      `${count} ${what} are open on this connection, which is the limit. Close some, or open another connection.`,
    )
  }

  // Responses.

  #enqueue(requestId: number, stream: WsStream, task: () => MaybePromise<ConnectionResponse>): void {
    stream.enqueue(() => (this.#isClosed ? Promise.resolve() : this.#respond(requestId, task)))
  }

  #refuse(requestId: number, error: unknown): void {
    void this.#respond(requestId, () => Promise.reject(error))
  }

  /** Answers with what `task` gives. Never rejects; resolves when the answer fits into the send buffer. */
  async #respond(requestId: number, task: () => MaybePromise<ConnectionResponse>): Promise<void> {
    const sent = this.#send(await answer(requestId, task))
    this.#requestCount--
    this.#regulate()
    await sent
  }

  #send(message: ServerMessage): Promise<void> | void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const isFull = this.#socket.bufferedAmount >= this.#options.sendBufferBytesMax
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#cork()
    this.#socket.send(this.#codec.encode(message), { binary: this.#codec.isBinary }, () => {
      this.#hasSent = true
      this.#countUnsent()
      this.#regulate()
      resolve()
    })
    this.#countUnsent()
    if (isFull) return promise
  }

  /** What is answered in one turn of the event loop goes out in one write: system calls are most of a quick read's cost. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    const { socket } = this.#upgrade
    socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      socket.uncork()
    })
  }

  #countUnsent(): void {
    const unsentBytes = this.#socket.bufferedAmount
    if (unsentBytes < this.#options.sendBufferBytesMax) {
      this.#releaseUnsent?.()
      this.#releaseUnsent = null
    } else this.#releaseUnsent ??= this.#memory.unsent.hold(unsentBytes, () => this.#socket.terminate())
  }

  /** Reads from the socket, or lets TCP hold the client back. */
  #regulate(): void {
    const { connectionRequestsMax, sendBufferBytesMax } = this.#options
    const isFull =
      this.#requestCount >= connectionRequestsMax || this.#socket.bufferedAmount >= sendBufferBytesMax
    if (isFull === this.#socket.isPaused || this.#isClosed || this.#isDraining) return
    if (isFull) this.#socket.pause()
    else this.#socket.resume()
  }

  // The end.

  #close(code: number, reason: string): void {
    this.#isClosed = true
    this.#socket.resume()
    this.#socket.close(code, closeReason(reason))
    // A client that does not answer the close frame is not waited for.
    setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS).unref()
  }

  /** Rolls everything back. Resolves when that is done; never rejects. */
  async #end(): Promise<void> {
    this.#isClosed = true
    this.#endHelloWatch()
    this.#partial.end()
    this.#releaseUnsent?.()
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    this.#cursors.clear()
    for (const stream of streams) {
      stream.cancel()
      stream.enqueue(() => stream.close('the connection has ended.'))
    }
    await Promise.all(streams.map((stream) => stream.settled()))
  }
}

type MaybePromise<T> = T | Promise<T>

async function answer(
  requestId: number,
  task: () => MaybePromise<ConnectionResponse>,
): Promise<ServerMessage> {
  try {
    return { type: 'response_ok', requestId, response: await task() }
  } catch (error) {
    return { type: 'response_error', requestId, error: toHranaError(error) }
  }
}

function invalid(message: string): HarmonyError {
  return new HarmonyError('REQUEST_INVALID', message)
}

function notOpen(streamId: number): HarmonyError {
  return new HarmonyError(
    'STREAM_NOT_OPEN',
    `The stream ${streamId} is not open. Open it with open_stream first.`,
  )
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref()
  })
}
