/**
 * The shell's connection: one Hrana 3 stream over HTTP. A baton leads from request to request, which is what makes
 * transactions over several statements possible; rows come through a cursor, so that a large result starts to arrive at once.
 */

import type { Agent, IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https'
import { createInterface } from 'node:readline'
import { unreachable } from '../../base/assert.ts'
import type { SqlValue } from '../../base/value.ts'
import { parseExactJson } from '../../protocols/http/exact-json.ts'
import { http } from '../../protocols/http/node-http.ts'

/** What the member answered instead of a result. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The member could not be reached, or the connection broke. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** The person at the keyboard stopped it. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'
  readonly wasInTransaction: boolean
  /** The answer to the statement had begun. */
  readonly wasAnswered: boolean

  constructor(wasInTransaction: boolean, wasAnswered: boolean) {
    super('stopped')
    this.wasInTransaction = wasInTransaction
    this.wasAnswered = wasAnswered
  }
}

export type QueryEvent =
  | { readonly type: 'columns'; readonly names: readonly string[] }
  | { readonly type: 'row'; readonly row: readonly SqlValue[] }
  | { readonly type: 'end'; readonly changes: number; readonly lastInsertRowid: bigint | null }

interface CursorEntry {
  readonly type?: string
  readonly baton?: string | null
  readonly cols?: readonly { readonly name: string | null }[]
  readonly row?: readonly HranaValue[]
  readonly affected_row_count?: number | bigint
  /** Text by the specification, a number by sqld. */
  readonly last_insert_rowid?: string | bigint | null
  readonly error?: HranaErrorJson
}

interface HranaErrorJson {
  readonly message: string
  readonly code?: string | null
  readonly extended_code?: string | null
}

type HranaValue =
  | { readonly type: 'null' }
  | { readonly type: 'integer'; readonly value: string }
  | { readonly type: 'float'; readonly value: number | null }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'blob'; readonly base64: string }

interface PipelineResponse {
  readonly baton: string | null
  readonly results: readonly {
    readonly type: 'ok' | 'error'
    readonly response?: { readonly is_autocommit?: boolean }
    readonly error?: HranaErrorJson
  }[]
}

/** Codes that say that the stream is gone although nobody closed it, and that nothing of the request was done. */
const STREAM_GONE: ReadonlySet<string> = new Set(['STREAM_EXPIRED', 'BATON_INVALID', 'STREAM_NOT_OPEN'])

export class HranaClient {
  readonly #base: URL
  readonly #token: string | null
  readonly #agent: Agent | HttpsAgent
  #baton: string | null = null
  #underWay: { cancel: () => void } | null = null
  /** False inside a transaction, as far as the last answer told. */
  isAutocommit = true

  /** `base` is http: or https:, with `/db/NAME/` for another database than `default`. */
  constructor(base: URL, token: string | null) {
    this.#base = base
    this.#token = token
    this.#agent =
      base.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new http.Agent({ keepAlive: true })
  }

  /** Runs one statement. Rejects with RemoteError, ConnectionError or CancelledError. */
  async *query(sql: string): AsyncGenerator<QueryEvent, void, void> {
    let isRetry = false
    for (;;) {
      try {
        yield* this.#queryOnce(sql)
        return
      } catch (error) {
        const isGone = error instanceof RemoteError && STREAM_GONE.has(error.code)
        if (!isGone || isRetry) throw error
        this.#baton = null
        if (!this.isAutocommit) throw this.#transactionGone()
        isRetry = true
      }
    }
  }

  async *#queryOnce(sql: string): AsyncGenerator<QueryEvent, void, void> {
    const body = { baton: this.#baton, batch: { steps: [{ stmt: { sql, want_rows: true } }] } }
    const response = await this.#request('POST', 'v3/cursor', body)
    const { message } = response
    let wasAnswered = false
    try {
      for await (const line of createInterface({ input: message, crlfDelay: Infinity })) {
        if (line === '') continue
        const entry = parseEntry(line)
        if (entry.baton !== undefined) this.#baton = entry.baton
        const event = toEvent(entry)
        if (event === null) continue
        wasAnswered = true
        yield event
      }
    } catch (error) {
      throw response.isCancelled() ? this.#cancelled(wasAnswered) : toConnectionError(error, this.#base)
    } finally {
      this.#underWay = null
      // An error ends the reading early: what is left of the response must go, or the connection could not be used again.
      message.resume()
    }
    if (response.isCancelled()) throw this.#cancelled(wasAnswered)
    if (!message.complete)
      throw new ConnectionError(`The connection to ${this.#base.host} broke in mid-result.`)
  }

  /** Asks whether a transaction is open, which also keeps the stream from expiring. */
  async refreshState(): Promise<void> {
    if (this.#baton === null) return
    const response = await this.#pipeline([{ type: 'get_autocommit' }])
    this.isAutocommit = response.results[0]?.response?.is_autocommit ?? true
  }

  /** Rolls back what is open. */
  async close(): Promise<void> {
    try {
      if (this.#baton !== null) await this.#pipeline([{ type: 'close' }])
    } catch {
      // The stream ends by its own timeout then.
    } finally {
      this.#baton = null
      this.#agent.destroy()
    }
  }

  /** Stops the statement under way: whether it is done may not be known then (`stopped.ts`). */
  cancel(): void {
    this.#underWay?.cancel()
  }

  /** GET of a JSON resource of the member, such as `v1/databases`. */
  async json(method: string, path: string, body?: unknown): Promise<unknown> {
    const { message } = await this.#request(method, path, body)
    return JSON.parse(await readText(message))
  }

  async #pipeline(requests: readonly object[]): Promise<PipelineResponse> {
    const body = { baton: this.#baton, requests }
    const { message } = await this.#request('POST', 'v3/pipeline', body)
    const response = JSON.parse(await readText(message)) as PipelineResponse
    this.#baton = response.baton
    return response
  }

  #cancelled(wasAnswered: boolean): CancelledError {
    const wasInTransaction = !this.isAutocommit
    this.isAutocommit = true
    return new CancelledError(wasInTransaction, wasAnswered)
  }

  #transactionGone(): RemoteError {
    this.isAutocommit = true
    return new RemoteError(
      'TRANSACTION_TIMEOUT',
      'The transaction was rolled back, because it waited too long for its next statement. This statement was not run.',
    )
  }

  async #request(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ message: IncomingMessage; isCancelled: () => boolean }> {
    const send = this.#base.protocol === 'https:' ? httpsRequest : http.request
    const url = new URL(path, this.#base)
    let cancelled = false
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = send(url, {
      method,
      agent: this.#agent,
      headers: {
        'content-type': 'application/json',
        ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
      },
    })
    request.on('response', resolve)
    request.on('error', (error) =>
      reject(cancelled ? this.#cancelled(false) : toConnectionError(error, this.#base)),
    )
    this.#underWay = {
      cancel: () => {
        cancelled = true
        const baton = this.#baton
        this.#baton = null
        request.destroy()
        // Of a cursor that had begun to answer: the member keeps its stream, and what is open there, for whoever has the baton.
        if (baton !== null && path === 'v3/cursor')
          void this.#request('POST', 'v3/pipeline', { baton, requests: [{ type: 'close' }] }).then(
            ({ message }) => message.resume(),
            () => {},
          )
      },
    }
    request.end(body === undefined ? undefined : JSON.stringify(body))
    const message = await promise
    if ((message.statusCode ?? 500) >= 300)
      throw remoteError(message.statusCode ?? 500, await readText(message))
    return { message, isCancelled: () => cancelled }
  }
}

/** Integers of rows are texts; only the rowid at the end may be a number that `JSON.parse` would round. */
function parseEntry(line: string): CursorEntry {
  const isEnd = line.startsWith('{"type":"step_end"')
  return (isEnd ? parseExactJson(Buffer.from(line)) : JSON.parse(line)) as CursorEntry
}

function toEvent(entry: CursorEntry): QueryEvent | null {
  switch (entry.type) {
    case 'step_begin':
      return { type: 'columns', names: (entry.cols ?? []).map(({ name }) => name ?? '') }
    case 'row':
      return { type: 'row', row: (entry.row ?? []).map(decodeValue) }
    case 'step_end':
      return {
        type: 'end',
        changes: Number(entry.affected_row_count ?? 0),
        lastInsertRowid: toRowid(entry.last_insert_rowid),
      }
    case 'step_error':
    case 'error':
      throw errorOf(entry.error ?? { message: 'The member sent an error without a text.' })
    case undefined:
    default:
      return null
  }
}

function toRowid(json: string | bigint | null | undefined): bigint | null {
  return json === null || json === undefined ? null : BigInt(json)
}

function decodeValue(value: HranaValue): SqlValue {
  switch (value.type) {
    case 'null':
      return null
    case 'integer':
      return BigInt(value.value)
    case 'float':
      return value.value ?? Number.POSITIVE_INFINITY
    case 'text':
      return value.value
    case 'blob':
      return new Uint8Array(Buffer.from(value.base64, 'base64'))
    default:
      return unreachable(value)
  }
}

function errorOf(error: HranaErrorJson): RemoteError {
  return new RemoteError(error.extended_code ?? error.code ?? 'UNKNOWN', error.message)
}

/** Errors come as `{"message","code"}` from Hrana and as `{"error":{…}}` from the JSON API. */
function remoteError(status: number, text: string): RemoteError {
  try {
    const body = JSON.parse(text) as HranaErrorJson & { readonly error?: HranaErrorJson }
    return errorOf(body.error ?? body)
  } catch {
    return new RemoteError(
      'UNKNOWN',
      `The server answered with HTTP status ${status} and no HarmonyDB error.`,
    )
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}

function toConnectionError(error: unknown, base: URL): Error {
  if (error instanceof RemoteError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return new ConnectionError(`No member answers at ${base.origin}.`)
  if (code === 'ENOTFOUND') return new ConnectionError(`The host ${base.hostname} was not found.`)
  return new ConnectionError(`The connection to ${base.origin} failed: ${code ?? message}`, { cause: error })
}
