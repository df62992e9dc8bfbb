/**
 * What goes to the client: an encoder over a socket, with back-pressure. Answers wait for the end of the turn of the event loop in which they
 * were made (`answers-of-turn.ts`), and leave one behind the other.
 */

import type { Socket } from 'node:net'
import type { UnsentAnswers } from '../../../base/unsent-answers.ts'
import { Encoder } from '../wire/encoder.ts'
import type { AnswersOfTurn } from './answers-of-turn.ts'

const FLUSH_BYTES = 32 * 1024

export interface OutputLimits {
  readonly unsentBytesMax: number
  /** How long a client may take nothing of what waits for it; then it is disconnected. */
  readonly stallTimeoutMs: number
}

export class ClientOutput {
  readonly encoder: Encoder = new Encoder()
  readonly #limits: OutputLimits
  readonly #unsent: UnsentAnswers
  readonly #ofTurn: AnswersOfTurn
  #socket: Socket
  #drained: Promise<void> | null = null
  /** Mark up to which answers wait to be sent; -1 if none do. */
  #waitingUpTo = -1

  /** `unsent`: what waits for all clients of the server; `ofTurn`: what it sends at the end of this turn. */
  constructor(socket: Socket, limits: OutputLimits, unsent: UnsentAnswers, ofTurn: AnswersOfTurn) {
    this.#socket = socket
    this.#limits = limits
    this.#unsent = unsent
    this.#ofTurn = ofTurn
  }

  /** The client has to take something before it is given more. */
  get isFull(): boolean {
    return this.#socket.writableLength > this.#limits.unsentBytesMax
  }

  /** After TLS began. */
  replaceSocket(socket: Socket): void {
    this.#socket = socket
  }

  /**
   * Sends what is encoded with the other answers of this turn; null unless the client is slow: then the promise resolves when it has
   * caught up or gone.
   */
  flush(): Promise<void> | null {
    const isSlow = this.#socket.writableLength > 0
    if (isSlow || this.encoder.pendingBytes >= FLUSH_BYTES) return this.send()
    const isNew = this.#waitingUpTo < 0
    this.#waitingUpTo = this.encoder.mark()
    this.encoder.shareSlab()
    if (isNew) this.#ofTurn.add(this)
    return null
  }

  /** What `flush` left for later, and not what was begun since: that may have to be taken back. */
  sendWaiting(): void {
    if (this.#waitingUpTo >= 0) this.#write(this.encoder.take(this.#waitingUpTo))
  }

  /** The same at once. */
  send(): Promise<void> | null {
    this.#write(this.encoder.take())
    return this.isFull ? this.#waitForDrain() : null
  }

  /** Between rows: sends only what fills a packet well. */
  flushIfLarge(): Promise<void> | null {
    return this.encoder.pendingBytes < FLUSH_BYTES ? null : this.send()
  }

  end(): void {
    void this.send()
    this.#socket.end()
  }

  #write(bytes: Buffer): void {
    this.#waitingUpTo = -1
    if (bytes.length > 0 && this.#socket.writable) this.#socket.write(bytes)
  }

  /** Node.js restarts a socket's timeout whenever bytes move: a slow reader goes on, one that has stopped is disconnected. */
  #waitForDrain(): Promise<void> {
    this.#drained ??= this.#drainOf(this.#socket)
    return this.#drained
  }

  #drainOf(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      const disconnect = (): void => void socket.destroy()
      const release = this.#unsent.hold(socket.writableLength, disconnect)
      const done = (): void => {
        for (const event of ['drain', 'close']) socket.off(event, done)
        socket.off('timeout', disconnect)
        socket.setTimeout(0)
        release()
        this.#drained = null
        resolve()
      }
      for (const event of ['drain', 'close']) socket.on(event, done)
      socket.on('timeout', disconnect)
      socket.setTimeout(this.#limits.stallTimeoutMs)
      if (socket.destroyed) done()
    })
  }
}
