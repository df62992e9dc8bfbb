/**
 * Passing an HTTP request on to another gateway process of the same member, which has the stream that the request goes on with. It is
 * HTTP again, over a Unix socket, with the client's own headers: the other one looks at the token itself, and a result of any size streams through.
 */

import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { HarmonyError } from '../../base/errors.ts'
import type { HttpExchange } from '../../protocols/http/exchange.ts'
import { http as nodeHttp } from '../../protocols/http/node-http.ts'
import type { HttpServer } from '../../protocols/http/server.ts'

/** On a request that was passed on, so that it can't go in circles. A client that sends it harms only itself. */
const FORWARDED = 'x-harmonydb-forwarded'

/** About one connection, not about the request (RFC 9110 section 7.6.1). */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
  'upgrade',
])

export class Forwarder {
  readonly #paths: readonly string[]
  readonly #agent = new nodeHttp.Agent({ keepAlive: true })
  #server: Server | null = null

  /** `paths`: Unix sockets by slot. */
  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** Takes what others pass on. */
  async listen(slot: number, http: HttpServer): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => http.accept(socket))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen({ path: this.#paths[slot] }, resolve)
    await promise
  }

  /** Rejects with STREAM_EXPIRED if the process in `slot` is not there: its streams ended with it. */
  async forward(exchange: HttpExchange, slot: number, body: Uint8Array): Promise<void> {
    if (exchange.request.headers[FORWARDED] !== undefined) throw gone()
    const { response } = exchange
    const answer = await this.#send(exchange, slot, body)
    const headers = Object.entries(answer.headers).filter(([name]) => !HOP_HEADERS.has(name))
    for (const [name, value] of headers) if (value !== undefined) response.setHeader(name, value)
    response.writeHead(answer.statusCode ?? 500)
    // Whatever breaks off, on either side, breaks off the other.
    await pipeline(answer, response).catch(() => answer.destroy())
  }

  close(): void {
    this.#agent.destroy()
    this.#server?.close()
  }

  #send({ request, signal }: HttpExchange, slot: number, body: Uint8Array): Promise<IncomingMessage> {
    const headers = Object.entries(request.headers).filter(([name]) => !HOP_HEADERS.has(name))
    return new Promise((resolve, reject) => {
      const outgoing = nodeHttp.request({
        socketPath: this.#paths[slot] as string,
        agent: this.#agent,
        method: request.method ?? 'POST',
        path: request.url ?? '/',
        headers: { ...Object.fromEntries(headers), [FORWARDED]: '1', 'content-length': body.length },
        signal,
      })
      outgoing.once('response', resolve)
      outgoing.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ECONNREFUSED' ? gone() : unanswered()),
      )
      outgoing.end(body)
    })
  }
}

function unanswered(): HarmonyError {
  return new HarmonyError(
    'OUTCOME_UNKNOWN',
    'The process that held the stream ended before it answered: what the request was to write or commit may be done or not.',
  )
}

function gone(): HarmonyError {
  return new HarmonyError(
    'STREAM_EXPIRED',
    'The process that held the stream has ended. What was not committed is rolled back. Open a new stream and run the transaction again.',
  )
}
