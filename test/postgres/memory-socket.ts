/** A client's end of a connection without a network: what is sent reaches the server within this process, in the order of a socket. */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** The server's end. It is a Duplex that has the few methods of a Socket which the server calls. */
class ServerSide extends Duplex {
  answerBytes = 0

  override _read(): void {
    // The client pushes.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answerBytes += chunk.length
    done()
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  destroySoon(): void {
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
    this.end()
  }
}

export class MemorySocket {
  readonly #server = new ServerSide({ allowHalfOpen: true, autoDestroy: true })
  readonly closed: Promise<void>

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#server.once('close', resolve)
    })
  }

  /** For PostgresServer.accept. */
  get server(): Socket {
    return this.#server as unknown as Socket
  }

  /** Bytes that the server has sent. */
  get answerBytes(): number {
    return this.#server.answerBytes
  }

  send(bytes: Buffer): void {
    if (!this.#server.destroyed) this.#server.push(bytes)
  }

  /** The client has sent everything, and goes on reading. */
  end(): void {
    if (!this.#server.destroyed) this.#server.push(null)
  }

  /** The client is gone. */
  destroy(): void {
    this.#server.destroy()
  }
}
