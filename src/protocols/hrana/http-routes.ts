/**
 * Hrana over HTTP: pipelines, cursors, the stateless requests of version 1, and the probes by which clients find out
 * what a server speaks. SQL that fails is answered with 200 and an error in its place; a request that is wrong in
 * itself with an HTTP status and `{"message", "code"}`, before anything of it has run.
 */

import { HarmonyError } from '../../base/errors.ts'
import { turnEnded } from '../../gateway/turn.ts'
import { consistencyOf } from '../http/consistency-header.ts'
import type { HttpExchange, HttpRoute } from '../http/exchange.ts'
import { statusOf } from '../http/status.ts'
import type { Cursor } from './cursor.ts'
import { toHranaError } from './error.ts'
import { JSON_HTTP, PROTOBUF_HTTP, type HttpCodec } from './http-codec.ts'
import type { HttpStream, HttpStreams } from './http-streams.ts'
import { decodeV1Batch, decodeV1Execute } from './json-decode.ts'
import { encodeBatchResult, encodeError, encodeResult } from './json-encode.ts'
import type { HranaOptions } from './options.ts'
import { ONLY_PLACE, type StreamPlace } from './stream-place.ts'
import type { StreamContinuation, StreamRequest, StreamResult } from './types.ts'

/** Entries of a cursor that are written at once. */
const CURSOR_PAGE_BYTES = 64 * 1024

const isGone = (exchange: HttpExchange): boolean => exchange.request.socket.destroyed

/** Calls `stop` if the client leaves before the response is complete; gives a function that ends the watch. */
function whenClientLeaves(exchange: HttpExchange, stop: () => void): () => void {
  exchange.response.once('close', stop)
  return () => exchange.response.off('close', stop)
}

function sendError(exchange: HttpExchange, thrown: unknown): void {
  // Not ours to answer: the client has gone, or part of the response is out.
  if (!(thrown instanceof HarmonyError) || exchange.response.headersSent) throw thrown
  const status = statusOf(thrown)
  if (status === 401) exchange.response.setHeader('www-authenticate', 'Bearer')
  if (status === 503) exchange.response.setHeader('retry-after', '1')
  exchange.send(status, 'application/json', encodeError(toHranaError(thrown)))
}

function withErrors(handle: (exchange: HttpExchange) => Promise<void>): HttpRoute['handle'] {
  return async (exchange) => {
    try {
      await handle(exchange)
    } catch (error) {
      sendError(exchange, error)
    }
  }
}

class HranaHttp {
  readonly #streams: HttpStreams
  readonly #options: HranaOptions
  readonly #place: StreamPlace

  constructor(streams: HttpStreams, options: HranaOptions, place: StreamPlace) {
    this.#streams = streams
    this.#options = options
    this.#place = place
  }

  /** `POST /v2/pipeline`, `/v3/pipeline`, `/v3-protobuf/pipeline`. */
  async pipeline<Piece extends string | Uint8Array>(
    exchange: HttpExchange,
    codec: HttpCodec<Piece>,
  ): Promise<void> {
    const body = await exchange.readBody()
    const { baton, requests } = codec.decodePipeline(body, this.#options.pipelineRequestsMax)
    const otherSlot = this.#streams.otherSlot(baton)
    if (otherSlot !== null) return this.#place.forward(exchange, otherSlot, body)
    const mayKeep = requests.at(-1)?.type !== 'close'
    const stream = await this.#acquire(baton, exchange, mayKeep)
    let continuation: StreamContinuation | null = null
    const stopWatching = whenClientLeaves(exchange, () => stream.stream.session.cancel?.())
    try {
      const results = await this.#runAll(stream, requests, exchange, codec)
      // Without its response the client has no baton to go on with.
      if (!isGone(exchange)) continuation = this.#streams.continuation(stream)
      if (continuation !== null)
        exchange.send(200, codec.pipelineContentType, codec.encodePipeline(continuation, results))
    } finally {
      stopWatching()
      await this.#streams.release(stream, continuation?.baton !== null && continuation !== null)
    }
  }

  /** The level is read first: a request that is wrong uses no baton up. */
  async #acquire(baton: string | null, exchange: HttpExchange, mayKeep: boolean): Promise<HttpStream> {
    const consistency = consistencyOf(exchange.request)
    const stream = await this.#streams.acquire(baton, exchange, mayKeep)
    stream.stream.consistency = consistency
    return stream
  }

  async #runAll<Piece extends string | Uint8Array>(
    stream: HttpStream,
    requests: readonly StreamRequest[],
    exchange: HttpExchange,
    codec: HttpCodec<Piece>,
  ): Promise<Piece[]> {
    const results: Piece[] = []
    let length = 0
    for (const request of requests) {
      // Requests such as get_autocommit reach no statement, where others pause.
      await turnEnded()
      if (isGone(exchange)) break
      const isFull = length >= this.#options.responseBytesMax && request.type !== 'close'
      const result = codec.encodeStreamResult(isFull ? this.#tooLarge() : await run(stream, request))
      length += result.length
      results.push(result)
    }
    return results
  }

  #tooLarge(): StreamResult {
    const message =
      `This request did not run: the results of the requests before it in the pipeline fill the limit of ` +
      `${this.#options.responseBytesMax} bytes. Send it again in a pipeline of its own.`
    return { type: 'error', error: toHranaError(new HarmonyError('RESPONSE_TOO_LARGE', message)) }
  }

  /** `POST /v3/cursor`, `/v3-protobuf/cursor`. */
  async cursor<Piece extends string | Uint8Array>(
    exchange: HttpExchange,
    codec: HttpCodec<Piece>,
  ): Promise<void> {
    const body = await exchange.readBody()
    const { baton, batch } = codec.decodeCursor(body)
    const otherSlot = this.#streams.otherSlot(baton)
    if (otherSlot !== null) return this.#place.forward(exchange, otherSlot, body)
    const stream = await this.#acquire(baton, exchange, true)
    let cursor: Cursor | null = null
    let isKept = false
    let unsent: Piece[]
    const stopWatching = whenClientLeaves(exchange, () => stream.stream.session.cancel?.())
    try {
      cursor = stream.stream.openCursor(batch)
      const continuation = this.#streams.continuation(stream)
      isKept = continuation.baton !== null
      unsent = await writePages(exchange, codec, cursor, codec.encodeCursorHead(continuation))
    } finally {
      stopWatching()
      // Without the head of its response the client has no baton to go on with.
      if (isGone(exchange) && !exchange.response.headersSent) isKept = false
      await cursor?.close()
      await this.#streams.release(stream, isKept)
    }
    // Only now, because the client may send its next request as soon as it has the end of this response.
    if (!cursor.hasFailed && codec.encodeCursorEnd !== null)
      unsent.push(codec.encodeCursorEnd(stream.stream.session.lastIndex))
    if (exchange.response.headersSent) await exchange.write(codec.join(unsent))
    else exchange.send(200, codec.cursorContentType, codec.join(unsent))
  }

  /** `POST /v1/execute` and `/v1/batch`: a stream of its own for one request (HTTP_V1_SPEC.md). */
  async stateless(exchange: HttpExchange, decode: (body: Uint8Array) => StreamRequest): Promise<void> {
    const request = decode(await exchange.readBody())
    const stream = await this.#acquire(null, exchange, false)
    const stopWatching = whenClientLeaves(exchange, () => stream.stream.session.cancel?.())
    try {
      const result = await run(stream, request)
      if (result.type === 'error') exchange.send(400, 'application/json', encodeError(result.error))
      else exchange.send(200, 'application/json', encodeStateless(result))
    } finally {
      stopWatching()
      await this.#streams.release(stream, false)
    }
  }
}

/** Like HranaStream.run, but never rejects for what SQL does: such errors are results. */
async function run(stream: HttpStream, request: StreamRequest): Promise<StreamResult> {
  try {
    return { type: 'ok', response: await stream.stream.run(request) }
  } catch (error) {
    return { type: 'error', error: toHranaError(error) }
  }
}

function encodeStateless(result: StreamResult & { type: 'ok' }): string {
  const { response } = result
  if (response.type === 'execute') return `{"result":${encodeResult(response.result)}}`
  if (response.type === 'batch') return `{"result":${encodeBatchResult(response.result)}}`
  throw new HarmonyError('INTERNAL', `A stateless request was answered with ${response.type}.`)
}

/** Writes `head` and the entries up to the last page, which it gives back: a small result goes out in one piece. */
async function writePages<Piece extends string | Uint8Array>(
  exchange: HttpExchange,
  codec: HttpCodec<Piece>,
  cursor: Cursor,
  head: Piece,
): Promise<Piece[]> {
  let unsent = [head]
  for (;;) {
    const page = await cursor.read(Infinity, CURSOR_PAGE_BYTES)
    if (page.length > 0) unsent.push(codec.encodeCursorEntries(page))
    if (cursor.isDone) return unsent
    if (!exchange.response.headersSent)
      exchange.response.writeHead(200, { 'content-type': codec.cursorContentType })
    await exchange.write(codec.join(unsent))
    unsent = []
  }
}

const PROBE = 'HarmonyDB speaks Hrana here.\n'

const answerProbe = (exchange: HttpExchange): Promise<void> =>
  Promise.resolve(exchange.send(200, 'text/plain', PROBE))

function probe(path: RegExp): HttpRoute {
  return { method: 'GET', path, isPublic: true, handle: answerProbe }
}

function post(path: RegExp, handle: (exchange: HttpExchange) => Promise<void>): HttpRoute {
  return { method: 'POST', path, handle: withErrors(handle) }
}

/**
 * Clients resolve `v2/pipeline` against their URL, which takes the last part away unless it ends with a slash: of
 * `/db/NAME` they make `/db/v2/pipeline`, and the name is lost.
 */
function lacksSlash(): Promise<void> {
  throw new HarmonyError(
    'DATABASE_NOT_FOUND',
    'The URL of the database lacks a slash at its end, so that the client left its name away. Write it as /db/NAME/.',
  )
}

/** Version 2 and 3 differ in what clients send, not in how it is answered: see json-decode.ts. */
export function httpRoutes(
  streams: HttpStreams,
  options: HranaOptions,
  place: StreamPlace = ONLY_PLACE,
): HttpRoute[] {
  const http = new HranaHttp(streams, options, place)
  return [
    probe(/^\/v2\/?$/),
    probe(/^\/v3\/?$/),
    probe(/^\/v3-protobuf\/?$/),
    post(/^\/v2\/pipeline$/, (exchange) => http.pipeline(exchange, JSON_HTTP)),
    post(/^\/v3\/pipeline$/, (exchange) => http.pipeline(exchange, JSON_HTTP)),
    post(/^\/v3\/cursor$/, (exchange) => http.cursor(exchange, JSON_HTTP)),
    post(/^\/v3-protobuf\/pipeline$/, (exchange) => http.pipeline(exchange, PROTOBUF_HTTP)),
    post(/^\/v3-protobuf\/cursor$/, (exchange) => http.cursor(exchange, PROTOBUF_HTTP)),
    post(/^\/(?:pipeline|cursor)$/, lacksSlash),
    post(/^\/v1\/execute$/, (exchange) => http.stateless(exchange, decodeV1Execute)),
    post(/^\/v1\/batch$/, (exchange) => http.stateless(exchange, decodeV1Batch)),
  ]
}
