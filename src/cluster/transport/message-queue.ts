/** Raft messages that wait for a peer. What waits leaves as few frames; what does not fit is dropped. */

import { BoundedQueue } from '../../base/queue.ts'
import { entriesSizeBytes } from '../../raft/entry.ts'
import type { Message } from '../../raft/message.ts'
import { encodeFrame } from './frame.ts'
import type { FrameSource } from './frame-queue.ts'
import type { TransportLimits } from './limits.ts'
import { FRAME_ENTRIES_MAX, MessagesEncoder } from './message-codec.ts'
import type { Route } from './message-codec.ts'

/** For what a message without entries takes, generously. */
const MESSAGE_BYTES = 128

export class MessageQueue implements FrameSource {
  readonly #limits: TransportLimits
  readonly #queue: BoundedQueue<Message>
  readonly #encoder: MessagesEncoder
  #sizeBytes = 0
  sentMessages = 0
  sentFrames = 0

  constructor(route: Route, limits: TransportLimits) {
    this.#limits = limits
    this.#queue = new BoundedQueue(limits.queuedMessagesMax)
    this.#encoder = new MessagesEncoder(route)
  }

  get length(): number {
    return this.#queue.length
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** False if there is no room, or the message would never fit into a frame. */
  push(message: Message): boolean {
    const sizeBytes = sizeOf(message)
    if (sizeBytes > this.#limits.frameSizeBytesMax || entryCount(message) > FRAME_ENTRIES_MAX) return false
    if (this.#sizeBytes + sizeBytes > this.#limits.queuedBytesMax || !this.#queue.push(message)) return false
    this.#sizeBytes += sizeBytes
    return true
  }

  /** Forgets all of them; gives how many they were. */
  clear(): number {
    this.#sizeBytes = 0
    return this.#queue.drain().length
  }

  nextFrame(): readonly Uint8Array[] | null {
    if (this.#queue.length === 0) return null
    while (this.#fits(this.#queue.peek())) {
      const message = this.#queue.shift() as Message
      this.#sizeBytes -= sizeOf(message)
      this.#encoder.add(message)
      this.sentMessages++
    }
    this.sentFrames++
    return encodeFrame('messages', 0, this.#encoder.finish())
  }

  /** The first message of a frame always fits. */
  #fits(message: Message | undefined): boolean {
    if (message === undefined || this.#encoder.isFullFor(message)) return false
    const { sizeBytes } = this.#encoder
    return sizeBytes === 0 || sizeBytes + sizeOf(message) <= this.#limits.batchSizeBytes
  }
}

function entryCount(message: Message): number {
  return message.type === 'append-request' ? message.entries.length : 0
}

/** At least what its encoding takes, but for a large configuration. */
function sizeOf(message: Message): number {
  return MESSAGE_BYTES + (message.type === 'append-request' ? entriesSizeBytes(message.entries) : 0)
}
