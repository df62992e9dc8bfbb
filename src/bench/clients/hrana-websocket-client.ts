/** One WebSocket with one open stream of Hrana 2, JSON: one request in flight, the answer parsed. */

import { WebSocket } from 'ws'
import type { Executor, Row, SqlConnection, Value, TransactionMode } from '../target.ts'
import { HRANA_WORDS, rowsOf, statementOf, type HranaAnswer } from './hrana-statement.ts'
import { runTransaction } from './transactions.ts'

const STREAM_ID = 1

export class HranaWebSocketClient implements SqlConnection {
  readonly kind = 'sql'
  readonly dialect = 'sqlite'
  retries = 0
  readonly #socket: WebSocket
  #requestId = 0
  #waiting: PromiseWithResolvers<HranaAnswer> | null = null

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.#receive(JSON.parse(data.toString()) as HranaAnswer))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('The member closed the WebSocket')))
  }

  static async connect(url: string): Promise<HranaWebSocketClient> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), ['hrana2'], { perMessageDeflate: false })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const client = new HranaWebSocketClient(socket)
    socket.send(JSON.stringify({ type: 'hello', jwt: null }))
    await client.#request({ type: 'open_stream', stream_id: STREAM_ID })
    return client
  }

  async execute(sql: string, args: readonly Value[] = []): Promise<readonly Row[]> {
    const stmt = statementOf(sql, args)
    return rowsOf(await this.#request({ type: 'execute', stream_id: STREAM_ID, stmt }))
  }

  transaction<T>(work: (executor: Executor) => Promise<T>, mode: TransactionMode = 'write'): Promise<T> {
    return runTransaction(this, HRANA_WORDS, work, mode, () => this.retries++)
  }

  close(): Promise<void> {
    this.#socket.removeAllListeners('close')
    this.#socket.terminate()
    return Promise.resolve()
  }

  #receive(message: HranaAnswer): void {
    if (message.type === 'hello_ok') return
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.resolve(message)
  }

  #request(request: unknown): Promise<HranaAnswer> {
    this.#waiting = Promise.withResolvers()
    this.#requestId += 1
    this.#socket.send(JSON.stringify({ type: 'request', request_id: this.#requestId, request }))
    return this.#waiting.promise
  }
}
