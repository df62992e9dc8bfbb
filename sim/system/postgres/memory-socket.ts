/** The server's end of a connection that has no network below it: what is written goes to a function, and what arrives is handed in. */

import { Socket } from 'node:net'

export interface ClientEnd {
  bytes(chunk: Buffer): void
  /** The server sends nothing more. */
  ended(): void
}

type Done = (error?: Error | null) => void

export class MemorySocket extends Socket {
  readonly #client: ClientEnd

  constructor(client: ClientEnd) {
    super({ allowHalfOpen: true })
    this.#client = client
  }

  /** What the client has sent. */
  arrive(chunk: Buffer): void {
    if (!this.destroyed) this.push(chunk)
  }

  /** The client is gone. */
  hangUp(): void {
    if (!this.destroyed) this.destroy()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#client.bytes(Buffer.from(chunk))
    done()
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    for (const { chunk } of chunks) this.#client.bytes(Buffer.from(chunk))
    done()
  }

  override _final(done: Done): void {
    this.#client.ended()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#client.ended()
    super._destroy(error, done)
  }
}
