/** Calls to one peer: requests that wait or were sent, each until its outcome is known. */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { QueuedFrame } from './frame-queue.ts'
import type { TransportLimits } from './limits.ts'

/**
 * `not-sent`: no byte of it left this member, so it was not done and may be repeated. `unanswered`: it may have been done, may
 * be done yet, or not: whoever can't bear to do it twice says OUTCOME_UNKNOWN. `failed` is what the peer said; its code
 * tells whether anything was done.
 */
export type CallOutcome =
  | { readonly kind: 'answered'; readonly payload: Uint8Array }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'not-sent'; readonly reason: NotSentReason }
  | { readonly kind: 'unanswered'; readonly reason: UnansweredReason }

export type NotSentReason =
  | 'unknown-member'
  | 'unreachable'
  | 'overloaded'
  | 'too-large'
  | 'deadline'
  | 'cancelled'
  | 'stopped'
export type UnansweredReason = 'connection-lost' | 'deadline' | 'cancelled' | 'stopped'

export interface CallRequest {
  /** What is asked; 0 to 255, agreed between caller and handler. */
  readonly kind: number
  /** Belongs to the transport until the call is over. */
  readonly payload: Uint8Array
  /** On the clock's `nowMs`. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

interface Call {
  /** Where it waits; null once it was handed to the connection. */
  queued: QueuedFrame | null
  readonly end: (outcome: CallOutcome) => void
}

const STREAM_MAX = 0xffffffff

export class OutgoingCalls {
  readonly queue: FrameQueue
  readonly #clock: Clock
  readonly #limits: TransportLimits
  readonly #wake: () => void
  readonly #calls = new Map<number, Call>()
  #lastStream = 0

  constructor(clock: Clock, limits: TransportLimits, wake: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#wake = wake
    this.queue = new FrameQueue(limits.queuedBytesMax)
  }

  get active(): number {
    return this.#calls.size
  }

  call(request: CallRequest): Promise<CallOutcome> {
    const problem = this.#problemOf(request)
    if (problem !== null) return Promise.resolve({ kind: 'not-sent', reason: problem })
    const { promise, resolve } = Promise.withResolvers<CallOutcome>()
    const stream = this.#nextStream()
    const timer = this.#clock.after(request.deadlineMs - this.#clock.nowMs(), () => {
      this.#giveUp(stream, 'deadline')
    })
    const cancel = (): void => this.#giveUp(stream, 'cancelled')
    request.signal?.addEventListener('abort', cancel, { once: true })
    const call: Call = { queued: null, end: this.#ending(stream, request, timer, cancel, resolve) }
    this.#calls.set(stream, call)
    call.queued = this.queue.push(this.#encode(stream, request), () => {
      call.queued = null
    })
    if (call.queued === null) call.end({ kind: 'not-sent', reason: 'overloaded' })
    this.#wake()
    return promise
  }

  /** `answer` and `failure` frames. One for a call that is over already came too late, and is dropped. */
  take(frame: Frame): void {
    const call = this.#calls.get(frame.stream)
    if (call === undefined) return
    if (call.queued !== null) throw new DecodeError('an answer to what was not asked', 0)
    if (frame.kind === 'answer') return call.end({ kind: 'answered', payload: frame.payload })
    const reader = new ByteReader(frame.payload)
    const outcome = { kind: 'failed', code: reader.string(), message: reader.string() } as const
    reader.expectEnd()
    call.end(outcome)
  }

  /** The connection is gone, or could not be made. */
  endAll(notSent: NotSentReason, unanswered: UnansweredReason): void {
    for (const call of this.#calls.values()) this.#abandon(call, notSent, unanswered)
  }

  #problemOf({ payload, deadlineMs, signal }: CallRequest): NotSentReason | null {
    if (signal?.aborted === true) return 'cancelled'
    if (deadlineMs <= this.#clock.nowMs()) return 'deadline'
    if (payload.length > this.#limits.callSizeBytesMax) return 'too-large'
    return this.#calls.size >= this.#limits.callsMax ? 'overloaded' : null
  }

  #ending(
    stream: number,
    { signal }: CallRequest,
    timer: Timer,
    cancel: () => void,
    resolve: (outcome: CallOutcome) => void,
  ): (outcome: CallOutcome) => void {
    return (outcome) => {
      if (!this.#calls.delete(stream)) return
      timer.cancel()
      signal?.removeEventListener('abort', cancel)
      resolve(outcome)
    }
  }

  #encode(stream: number, { kind, payload, deadlineMs }: CallRequest): Uint8Array[] {
    const leftMs = Math.ceil(deadlineMs - this.#clock.nowMs())
    return encodeFrame('request', stream, [new ByteWriter().varint(leftMs).u8(kind).toBytes(), payload])
  }

  #giveUp(stream: number, reason: 'deadline' | 'cancelled'): void {
    const call = this.#calls.get(stream)
    if (call === undefined) return
    // The peer may spare itself the rest of the work. If there is no room to tell it, it works in vain.
    if (call.queued === null) this.queue.push(encodeFrame('cancel', stream))
    this.#abandon(call, reason, reason)
    this.#wake()
  }

  #abandon(call: Call, notSent: NotSentReason, unanswered: UnansweredReason): void {
    if (call.queued !== null && this.queue.remove(call.queued)) {
      call.end({ kind: 'not-sent', reason: notSent })
    } else {
      call.end({ kind: 'unanswered', reason: unanswered })
    }
  }

  #nextStream(): number {
    do this.#lastStream = this.#lastStream === STREAM_MAX ? 1 : this.#lastStream + 1
    while (this.#calls.has(this.#lastStream))
    return this.#lastStream
  }
}
