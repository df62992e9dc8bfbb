/**
 * Memory that all clients of a server share for what they have begun to send: each of them may be within its own limit, and together they
 * would still be too much. Who asks for more than is left goes without, and is told so.
 *
 * The first 64 KiB of each are free: nearly every request fits in, and so many connections as a server takes are bounded anyway.
 */

import { assert } from './assert.ts'

export const FREE_BYTES: number = 64 * 1024

export class ByteBudget {
  readonly bytesMax: number
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Beyond what is free. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  open(): ByteAccount {
    return new ByteAccount(this)
  }

  /**
   * False if too little is left, and nothing has changed.
   * @internal
   */
  change(bytes: number): boolean {
    if (bytes > 0 && this.#heldBytes + bytes > this.bytesMax) return false
    this.#heldBytes += bytes
    assert(this.#heldBytes >= 0, 'more was given back to a byte budget than was taken')
    return true
  }
}

/** What one client holds of a budget. */
export class ByteAccount {
  readonly #budget: ByteBudget
  #heldBytes = 0

  /** @internal */
  constructor(budget: ByteBudget) {
    this.#budget = budget
  }

  /** It holds `bytes` in all from now on. False if too little is left: then it holds what it held. */
  hold(bytes: number): boolean {
    const heldBytes = Math.max(0, bytes - FREE_BYTES)
    if (heldBytes === this.#heldBytes) return true
    if (!this.#budget.change(heldBytes - this.#heldBytes)) return false
    this.#heldBytes = heldBytes
    return true
  }

  /** Gives everything back. */
  close(): void {
    this.hold(0)
  }
}
