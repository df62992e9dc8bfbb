/**
 * What a WebSocket client may take of us before we know who it is: some time, and some bytes. Bytes are counted as they
 * leave the TCP socket, because the WebSocket library gives a message only when all of it is in memory, and its own limit
 * is the same for every message of a connection.
 */

import type { Duplex } from 'node:stream'

/** A token has 16 KiB at most (authenticator.ts); the rest is room for its encoding, and for requests behind it. */
export const HELLO_BYTES_MAX: number = 64 * 1024

/** Why a client without a hello is refused. */
export type HelloProblem = 'too late' | 'too large'

/** Calls `refuse` once at most, and not after `end`. */
export class HelloWatch {
  readonly #socket: Duplex
  readonly #refuse: (problem: HelloProblem) => void
  readonly #timer: NodeJS.Timeout
  #receivedBytes = 0

  /**
   * `socket` must have the library's listener already: it then takes each piece, and the hello in it, before it is
   * counted here, so that requests right behind a hello don't count against it.
   */
  constructor(socket: Duplex, timeoutMs: number, refuse: (problem: HelloProblem) => void) {
    this.#socket = socket
    this.#refuse = refuse
    this.#timer = setTimeout(() => this.#fail('too late'), timeoutMs).unref()
    socket.on('data', this.#count)
  }

  readonly #count = (piece: Buffer): void => {
    this.#receivedBytes += piece.length
    if (this.#receivedBytes > HELLO_BYTES_MAX) this.#fail('too large')
  }

  #fail(problem: HelloProblem): void {
    this.end()
    this.#refuse(problem)
  }

  /** A hello was accepted, or the connection has ended. */
  end(): void {
    clearTimeout(this.#timer)
    this.#socket.off('data', this.#count)
  }
}
