/** Calls that one peer made: runs the handler, sends what it gives. */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import type { Clock } from '../../host/clock.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { TransportLimits } from './limits.ts'

export interface IncomingCall {
  readonly from: number
  readonly kind: number
  readonly payload: Uint8Array
  /** On this member's clock: when the caller stops waiting. */
  readonly deadlineMs: number
  /** The caller stopped waiting before, or the connection is gone. */
  readonly signal: AbortSignal
}

/** The answer, or a HarmonyError whose code and message the caller gets. The answer belongs to the transport then. */
export type CallHandler = (call: IncomingCall) => Promise<Uint8Array>

export interface CallServerOptions {
  readonly from: number
  readonly handler: CallHandler
  readonly clock: Clock
  readonly limits: TransportLimits
  readonly wake: () => void
  /** The peer does not take its answers. */
  readonly overflow: () => void
}

export class CallServer {
  readonly queue: FrameQueue
  readonly #options: CallServerOptions
  /** Until the answer is handed to the connection. */
  readonly #running = new Map<number, AbortController>()
  #takenCount = 0
  #isClosed = false

  constructor(options: CallServerOptions) {
    this.#options = options
    this.queue = new FrameQueue(options.limits.queuedBytesMax)
  }

  get active(): number {
    return this.#running.size
  }

  /** Since the connection came about. */
  get takenCount(): number {
    return this.#takenCount
  }

  takeRequest({ stream, payload }: Frame): void {
    this.#takenCount++
    const { limits, clock, from } = this.#options
    const reader = new ByteReader(payload)
    const leftMs = reader.varint()
    const kind = reader.u8()
    if (reader.remaining > limits.callSizeBytesMax) throw new DecodeError('a request over its limit', 0)
    if (this.#running.has(stream)) throw new DecodeError('a call that runs already', 0)
    if (this.#running.size >= limits.callsMax) return this.#fail(stream, overloaded())
    const abort = new AbortController()
    this.#running.set(stream, abort)
    const deadlineMs = clock.nowMs() + leftMs
    const call = { from, kind, payload: reader.raw(reader.remaining), deadlineMs, signal: abort.signal }
    void this.#run(stream, call, abort)
  }

  takeCancel({ stream }: Frame): void {
    this.#running.get(stream)?.abort()
  }

  /** Nobody waits for any answer any more. */
  close(): void {
    this.#isClosed = true
    for (const abort of this.#running.values()) abort.abort()
    this.#running.clear()
  }

  async #run(stream: number, call: IncomingCall, abort: AbortController): Promise<void> {
    try {
      const answer = await this.#options.handler(call)
      if (answer.length > this.#options.limits.callSizeBytesMax) throw tooLarge(answer.length)
      this.#send(encodeFrame('answer', stream, [answer]), stream, abort)
    } catch (error) {
      this.#fail(stream, toHarmonyError(error), abort)
    }
  }

  #fail(stream: number, { code, message }: HarmonyError, abort?: AbortController): void {
    const payload = new ByteWriter().string(code).string(message).toBytes()
    this.#send(encodeFrame('failure', stream, [payload]), stream, abort)
  }

  #send(parts: Uint8Array[], stream: number, abort?: AbortController): void {
    if (this.#isClosed) return
    const sent = (): void => {
      if (abort !== undefined) this.#running.delete(stream)
    }
    if (this.queue.push(parts, sent) === null) this.#options.overflow()
    else this.#options.wake()
  }
}

function overloaded(): HarmonyError {
  return new HarmonyError(
    'OVERLOADED',
    'This member has too many calls from the other one; nothing was done. Try again later.',
  )
}

function tooLarge(sizeBytes: number): HarmonyError {
  return new HarmonyError(
    'RESPONSE_TOO_LARGE',
    `The answer has ${sizeBytes} bytes, more than may be sent between members. Ask for less at a time.`,
  )
}
