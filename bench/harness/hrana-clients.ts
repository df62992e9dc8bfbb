/**
 * The smallest honest clients of Hrana: one kept-alive connection each, one request in flight, the answer
 * parsed. A full client library would measure itself; what it sends is the same.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { INSERT_SQL, INSERTED_VALUE, randomKey, READ_SQL, type WorkloadName } from '../workloads.ts'
import type { LoadClient } from './closed-loop.ts'

interface HranaStatement {
  readonly sql: string
  readonly args: readonly { readonly type: string; readonly value: string }[]
}

function nextStatement(workload: WorkloadName): HranaStatement {
  return workload === 'point-read'
    ? { sql: READ_SQL, args: [{ type: 'integer', value: String(randomKey()) }] }
    : { sql: INSERT_SQL, args: [{ type: 'text', value: INSERTED_VALUE }] }
}

interface ExecuteResponse {
  readonly type: string
  readonly response?: { readonly result: { readonly rows: unknown[]; readonly affected_row_count: number } }
  readonly error?: { readonly message: string }
}

function assertAnswer(workload: WorkloadName, answer: ExecuteResponse | undefined): void {
  const result = answer?.response?.result
  const isRight = workload === 'point-read' ? result?.rows.length === 1 : result?.affected_row_count === 1
  if (!isRight) throw new Error(`Wrong answer to ${workload}: ${JSON.stringify(answer)}`)
}

/**
 * `POST /v2/pipeline` with [execute, close], as `@libsql/client` sends for `execute()`. HTTP/1.1 spelled out on a
 * socket: the client of `node:http` costs more than the server that it would measure.
 */
export class HranaHttpClient implements LoadClient {
  readonly #socket: Socket
  readonly #host: string
  readonly #workload: WorkloadName
  #received = ''
  #waiting: PromiseWithResolvers<string> | null = null

  private constructor(socket: Socket, host: string, workload: WorkloadName) {
    this.#socket = socket
    this.#host = host
    this.#workload = workload
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#receive(text))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('The member closed the connection')))
  }

  static async connect(baseUrl: string, workload: WorkloadName): Promise<HranaHttpClient> {
    const { hostname, port, host } = new URL(baseUrl)
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new HranaHttpClient(socket, host, workload)
  }

  async operate(): Promise<void> {
    const stmt = { ...nextStatement(this.#workload), want_rows: true }
    const body = JSON.stringify({ baton: null, requests: [{ type: 'execute', stmt }, { type: 'close' }] })
    const answer = JSON.parse(await this.#post(body)) as { results: ExecuteResponse[] }
    assertAnswer(this.#workload, answer.results[0])
  }

  /** The values are ASCII, so characters are bytes. */
  #post(body: string): Promise<string> {
    this.#waiting = Promise.withResolvers()
    this.#socket.write(
      `POST /v2/pipeline HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    return this.#waiting.promise
  }

  #receive(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const length = /content-length: *(\d+)/i.exec(head)?.[1]
    const bodyStart = headEnd + 4
    if (length === undefined || !head.startsWith('HTTP/1.1 200')) {
      this.#waiting?.reject(new Error(`Unexpected response: ${head}`))
    } else if (this.#received.length >= bodyStart + Number(length)) {
      const body = this.#received.slice(bodyStart)
      this.#received = ''
      this.#waiting?.resolve(body)
    }
  }

  close(): Promise<void> {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
    return Promise.resolve()
  }
}

/** One WebSocket with one open stream. */
export class HranaWebSocketClient implements LoadClient {
  readonly #socket: WebSocket
  readonly #workload: WorkloadName
  #requestId = 0
  #waiting: PromiseWithResolvers<ExecuteResponse> | null = null

  private constructor(socket: WebSocket, workload: WorkloadName) {
    this.#socket = socket
    this.#workload = workload
    socket.on('message', (data: Buffer) => this.#receive(JSON.parse(data.toString()) as ServerMessage))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('The member closed the WebSocket')))
  }

  static async connect(baseUrl: string, workload: WorkloadName): Promise<HranaWebSocketClient> {
    const socket = new WebSocket(baseUrl.replace(/^http/, 'ws'), ['hrana2'])
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const client = new HranaWebSocketClient(socket, workload)
    socket.send(JSON.stringify({ type: 'hello', jwt: null }))
    await client.#request({ type: 'open_stream', stream_id: 1 })
    return client
  }

  #receive(message: ServerMessage): void {
    if (message.type === 'hello_ok') return
    const waiting = this.#waiting
    this.#waiting = null
    if (message.type === 'response_ok') waiting?.resolve(message)
    else waiting?.reject(new Error(JSON.stringify(message)))
  }

  #request(body: unknown): Promise<ExecuteResponse> {
    this.#waiting = Promise.withResolvers()
    this.#requestId += 1
    this.#socket.send(JSON.stringify({ type: 'request', request_id: this.#requestId, request: body }))
    return this.#waiting.promise
  }

  async operate(): Promise<void> {
    const stmt = { ...nextStatement(this.#workload), want_rows: true }
    assertAnswer(this.#workload, await this.#request({ type: 'execute', stream_id: 1, stmt }))
  }

  async close(): Promise<void> {
    this.#socket.removeAllListeners('close')
    this.#socket.terminate()
  }
}

interface ServerMessage extends ExecuteResponse {
  readonly request_id?: number
}
