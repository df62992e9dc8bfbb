/**
 * One kept-alive connection of HTTP/1.1, spelled out on a socket, one request in flight: the client of `node:http` costs more than the server that it
 * would measure.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

const HEAD_END = Buffer.from('\r\n\r\n')

export class HttpConnection {
  readonly #socket: Socket
  readonly #host: string
  #received: Buffer = Buffer.alloc(0)
  #waiting: PromiseWithResolvers<string> | null = null

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('The server closed the connection')))
  }

  static async connect(baseUrl: string): Promise<HttpConnection> {
    const { hostname, port, host } = new URL(baseUrl)
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new HttpConnection(socket, host)
  }

  /** Posts JSON, and resolves with the body of the answer. Rejects for any status but 200. */
  post(path: string, body: string): Promise<string> {
    this.#waiting = Promise.withResolvers()
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    return this.#waiting.promise
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const length = /content-length: *(\d+)/i.exec(head)?.[1]
    const bodyStart = headEnd + HEAD_END.length
    const bodyEnd = bodyStart + Number(length)
    if (length !== undefined && this.#received.length < bodyEnd) return
    const body = this.#received.toString('utf8', bodyStart, length === undefined ? undefined : bodyEnd)
    this.#received = Buffer.alloc(0)
    if (length !== undefined && head.startsWith('HTTP/1.1 200')) this.#waiting?.resolve(body)
    else this.#waiting?.reject(new Error(`Unexpected response: ${head.split('\r\n')[0]} ${body}`))
  }
}
