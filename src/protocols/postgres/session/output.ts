/** What goes to the client: an encoder over a socket, with back-pressure. */

import type { Socket } from 'node:net'
import { Encoder } from '../wire/encoder.ts'

const FLUSH_BYTES = 32 * 1024

export class ClientOutput {
  readonly encoder: Encoder = new Encoder()
  readonly #unsentBytesMax: number
  #socket: Socket
  #drained: Promise<void> | null = null

  constructor(socket: Socket, unsentBytesMax: number) {
    this.#socket = socket
    this.#unsentBytesMax = unsentBytesMax
  }

  /** After TLS began. */
  replaceSocket(socket: Socket): void {
    this.#socket = socket
  }

  /** Sends what is encoded; null unless the client is slow: then the promise resolves when it has caught up or gone. */
  flush(): Promise<void> | null {
    if (this.encoder.pendingBytes > 0 && this.#socket.writable) this.#socket.write(this.encoder.take())
    else this.encoder.take()
    return this.#socket.writableLength > this.#unsentBytesMax ? this.#waitForDrain() : null
  }

  /** Between rows: sends only what fills a packet well. */
  flushIfLarge(): Promise<void> | null {
    return this.encoder.pendingBytes < FLUSH_BYTES ? null : this.flush()
  }

  end(): void {
    void this.flush()
    this.#socket.end()
  }

  #waitForDrain(): Promise<void> {
    const socket = this.#socket
    this.#drained ??= new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        this.#drained = null
        resolve()
      }
      socket.on('drain', done)
      socket.on('close', done)
      if (socket.destroyed) done()
    })
    return this.#drained
  }
}
