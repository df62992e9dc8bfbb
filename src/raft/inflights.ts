/** Append requests on their way to one follower: a window in messages and in bytes (thesis 10.2.1). */

export class Inflights {
  readonly #messagesMax: number
  readonly #bytesMax: number
  /** For each request the last index in it, and its size. A queue over two arrays. */
  #lastIndexes: number[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax
    this.#bytesMax = bytesMax
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Full when either limit is reached; a single request may pass the limit of bytes. */
  isFull(): boolean {
    return this.count >= this.#messagesMax || this.#bytes >= this.#bytesMax
  }

  add(lastIndex: number, sizeBytes: number): void {
    this.#lastIndexes.push(lastIndex)
    this.#sizes.push(sizeBytes)
    this.#bytes += sizeBytes
  }

  /** The follower has everything up to `index`. */
  freeTo(index: number): void {
    while (this.#head < this.#lastIndexes.length && this.#lastIndexes[this.#head]! <= index) {
      this.#bytes -= this.#sizes[this.#head]!
      this.#head += 1
    }
    if (this.#head === this.#lastIndexes.length) this.clear()
    else if (this.#head >= 64) this.#cut()
  }

  clear(): void {
    this.#lastIndexes = []
    this.#sizes = []
    this.#head = 0
    this.#bytes = 0
  }

  #cut(): void {
    this.#lastIndexes = this.#lastIndexes.slice(this.#head)
    this.#sizes = this.#sizes.slice(this.#head)
    this.#head = 0
  }
}
