/**
 * Answers that wait in memory for slow clients to take them. Each client has a limit of its own; this bounds them all together: when they
 * are more than that, whoever has taken longest loses its connection, so that those that read are served.
 *
 * Refusing the newest instead was rejected: its statement has been carried out, and a few clients that never read would block everyone.
 */

interface Holder {
  readonly sizeBytes: number
  readonly disconnect: () => void
}

export class UnsentAnswers {
  readonly #bytesMax: number
  /** In the order in which they began to wait. */
  readonly #holders = new Set<Holder>()
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** An answer begins to wait. Call what is returned when it was taken, or its client has gone; once or often. */
  hold(sizeBytes: number, disconnect: () => void): () => void {
    const holder: Holder = { sizeBytes, disconnect }
    this.#holders.add(holder)
    this.#heldBytes += sizeBytes
    this.#disconnectOldest(holder)
    return () => this.#release(holder)
  }

  #disconnectOldest(newest: Holder): void {
    for (const holder of this.#holders) {
      if (this.#heldBytes <= this.#bytesMax || holder === newest) return
      this.#release(holder)
      holder.disconnect()
    }
  }

  #release(holder: Holder): void {
    if (this.#holders.delete(holder)) this.#heldBytes -= holder.sizeBytes
  }
}
