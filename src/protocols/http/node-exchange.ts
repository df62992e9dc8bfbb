/** HttpExchange on `node:http`: the body with its limit, responses with back-pressure, the client's going away. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { FREE_BYTES, type ByteBudget } from '../../base/byte-budget.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { UnsentAnswers } from '../../base/unsent-answers.ts'
import type { Credential } from '../../gateway/session.ts'
import type { HttpExchange } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import type { Target } from './target.ts'

/** The client has gone: there is nobody to tell, so this error reaches no log and no response. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError'
}

/** RFC 9110 section 12.5.3: "identity" means that nothing was done to the body. */
const IDENTITY = /^\s*(?:identity\s*)?$/i

/** Bodies are not decompressed, because a small one could become any amount of work and memory. */
function encodingUnsupported(encoding: string): HarmonyError {
  return new HarmonyError(
    'ENCODING_UNSUPPORTED',
    `The request's body has the content-encoding ${JSON.stringify(encoding.slice(0, 40))}, but compressed bodies are not ` +
      'taken. Send the body as it is, without the header content-encoding.',
  )
}

/** What all requests of a server share. */
export interface ExchangeMemory {
  readonly received: ByteBudget
  readonly unsent: UnsentAnswers
}

export class NodeExchange implements HttpExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: URLSearchParams
  readonly database: string
  readonly credential: Credential
  readonly #limits: HttpLimits
  readonly #memory: ExchangeMemory
  #abort: AbortController | null = null
  #abortReason: Error | null = null

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    credential: Credential,
    limits: HttpLimits,
    memory: ExchangeMemory,
  ) {
    this.request = request
    this.response = response
    this.path = target.path
    this.query = target.query
    this.database = target.database
    this.credential = credential
    this.#limits = limits
    this.#memory = memory
  }

  /** Made when somebody asks for it: most requests are over before anyone could abort them. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#abortReason !== null) this.#abort.abort(this.#abortReason)
    }
    return this.#abort.signal
  }

  /** Called by the server when the client has gone or the time for draining is over. */
  abort(reason: Error): void {
    this.#abortReason ??= reason
    this.#abort?.abort(this.#abortReason)
  }

  readBody(): Promise<Uint8Array> {
    const encoding = this.request.headers['content-encoding'] ?? ''
    if (!IDENTITY.test(encoding)) return Promise.reject(encodingUnsupported(encoding))
    const announced = Number(this.request.headers['content-length'] ?? 0)
    if (announced > this.#limits.bodySizeBytesMax) return Promise.reject(this.#bodyTooLarge())
    const account = this.#memory.received.open()
    // Until it is answered: what was made of the body is held as long.
    this.response.once('close', () => account.close())
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = []
      let sizeBytes = 0
      const refuse = (error: HarmonyError): void => {
        pieces.length = 0
        reject(error)
      }
      this.request.on('data', (piece: Buffer) => {
        sizeBytes += piece.length
        if (sizeBytes > this.#limits.bodySizeBytesMax) refuse(this.#bodyTooLarge())
        else if (sizeBytes > FREE_BYTES && !account.hold(sizeBytes)) refuse(this.#overloaded())
        else pieces.push(piece)
      })
      this.request.on('end', () =>
        resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)),
      )
      this.request.on('error', reject)
      this.request.on('close', () => {
        if (!this.request.complete) reject(new ClientGoneError('the client left in mid-body'))
      })
    })
  }

  #bodyTooLarge(): HarmonyError {
    const limit = this.#limits.bodySizeBytesMax
    return new HarmonyError(
      'REQUEST_TOO_LARGE',
      `The request's body is larger than the limit of ${limit} bytes. Send it in several requests, or raise ` +
        'the limit bodySizeBytesMax of the member.',
    )
  }

  /** The rest of the body is not waited for. */
  #overloaded(): HarmonyError {
    const limit = this.#limits.receivedTotalBytesMax
    if (!this.response.headersSent) this.response.setHeader('connection', 'close')
    return new HarmonyError(
      'OVERLOADED',
      `The requests of all clients together are larger than the limit of ${limit} bytes (receivedTotalBytesMax). Nothing was done; try again later.`,
    )
  }

  sendJson(status: number, body: unknown): void {
    this.send(status, 'application/json', JSON.stringify(body))
  }

  send(status: number, contentType: string, body: Uint8Array | string): void {
    const sizeBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
    this.response.writeHead(status, { 'content-type': contentType, 'content-length': sizeBytes })
    // As a string it leaves in one write together with the headers.
    this.response.end(body)
    this.#disconnectIfStalled()
    if (sizeBytes > FREE_BYTES && !this.response.writableFinished) this.#holdUnsent(sizeBytes)
  }

  #holdUnsent(sizeBytes: number): void {
    const release = this.#memory.unsent.hold(sizeBytes, () => this.response.destroy())
    this.response.once('close', release)
  }

  /** Rejects with ClientGoneError when the client has gone, which ends the handler. */
  async write(piece: Uint8Array | string): Promise<void> {
    if (this.#abortReason !== null) throw this.#abortReason
    if (this.response.destroyed) throw new ClientGoneError('the client has gone')
    if (this.response.write(piece)) return
    this.#disconnectIfStalled()
    await this.#drained()
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.response.off('drain', done)
        this.response.off('close', done)
        this.response.socket?.setTimeout(0)
        if (this.response.destroyed) reject(new ClientGoneError('the client has gone'))
        else resolve()
      }
      this.response.on('drain', done)
      this.response.on('close', done)
    })
  }

  /**
   * Node.js restarts a socket's timeout whenever bytes move, and the server destroys a socket whose timeout fires: a
   * slow reader goes on, one that has stopped is disconnected. The server resets it when the response is finished.
   */
  #disconnectIfStalled(): void {
    if (!this.response.writableFinished) this.response.socket?.setTimeout(this.#limits.stallTimeoutMs)
  }
}
