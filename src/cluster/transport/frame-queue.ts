/** Frames that wait for their connection, in order, with a bound on their bytes. */

import { totalBytes } from './frame.ts'

/** What a channel sends from. It asks when the connection takes more. */
export interface FrameSource {
  /** The next frame's parts; null if nothing is ready. */
  nextFrame(): readonly Uint8Array[] | null
}

export interface QueuedFrame {
  readonly parts: readonly Uint8Array[]
  /** When the frame is handed to the connection. */
  readonly sent?: () => void
}

export class FrameQueue implements FrameSource {
  readonly #sizeBytesMax: number
  /** In the order of insertion; a set, so that any of them can be taken back. */
  readonly #waiting = new Set<QueuedFrame>()
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  get length(): number {
    return this.#waiting.size
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Null, with nothing done, if there is no room. The result takes the frame back with `remove`. */
  push(parts: readonly Uint8Array[], sent?: () => void): QueuedFrame | null {
    const sizeBytes = totalBytes(parts)
    if (this.#sizeBytes + sizeBytes > this.#sizeBytesMax) return null
    const frame = sent === undefined ? { parts } : { parts, sent }
    this.#waiting.add(frame)
    this.#sizeBytes += sizeBytes
    return frame
  }

  /** Whether it was still waiting. */
  remove(frame: QueuedFrame): boolean {
    if (!this.#waiting.delete(frame)) return false
    this.#sizeBytes -= totalBytes(frame.parts)
    return true
  }

  nextFrame(): readonly Uint8Array[] | null {
    for (const frame of this.#waiting) {
      this.remove(frame)
      frame.sent?.()
      return frame.parts
    }
    return null
  }
}
