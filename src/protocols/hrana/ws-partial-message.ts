/**
 * What a client has sent of a WebSocket message that is not complete. The library gives a message only when all of it is in memory, so bytes are
 * counted as they leave the TCP socket, from the end of one message on. Up to 64 KiB are nobody's concern.
 */

import type { Duplex } from 'node:stream'
import { FREE_BYTES, type ByteAccount, type ByteBudget } from '../../base/byte-budget.ts'

export class PartialMessage {
  readonly #socket: Duplex
  readonly #account: ByteAccount
  readonly #refuse: () => void
  #receivedBytes = 0
  /** Whether this message was large and incomplete at the last look already. */
  #isOld = false

  /**
   * Calls `refuse` when the budget has no room for more of the message. `socket` must have the library's listener already: it then gives a message
   * before the piece that completed it is counted here, and what is counted of it is less than what is free.
   */
  constructor(socket: Duplex, budget: ByteBudget, refuse: () => void) {
    this.#socket = socket
    this.#account = budget.open()
    this.#refuse = refuse
    socket.on('data', this.#count)
  }

  readonly #count = (piece: Buffer): void => {
    this.#receivedBytes += piece.length
    if (this.#receivedBytes <= FREE_BYTES || this.#account.hold(this.#receivedBytes)) return
    this.end()
    this.#refuse()
  }

  /** A message is complete. */
  complete(): void {
    if (this.#receivedBytes > FREE_BYTES) this.#account.close()
    this.#receivedBytes = 0
    this.#isOld = false
  }

  /** Called once per ping interval: whether a large message was not completed for a whole one. */
  hasStopped(): boolean {
    const hasStopped = this.#isOld
    this.#isOld = this.#receivedBytes > FREE_BYTES
    return hasStopped && this.#isOld
  }

  /** The connection has ended. */
  end(): void {
    this.#socket.off('data', this.#count)
    this.#account.close()
  }
}
