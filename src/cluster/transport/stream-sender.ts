/** Byte streams to one peer, such as the file of a snapshot: read ahead by one chunk, sent as credit and rate allow. */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { FrameSource } from './frame-queue.ts'
import type { TransportLimits } from './limits.ts'
import { Rate } from './rate.ts'

export interface StreamSource {
  /** Tells the receiver what it is, and by that how much of it is there already. */
  readonly description: Uint8Array
  readonly sizeBytes: number
  /** 1 to `sizeBytes` bytes from `offset`; the result belongs to the transport. Not called again before it resolves. */
  read(offset: number, sizeBytes: number): Promise<Uint8Array>
}

/** `done`: the receiver has all of it and said so. After `interrupted`, send it again: the receiver says from where. */
export type StreamOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'interrupted'; readonly reason: InterruptedReason }

export type InterruptedReason =
  | 'unknown-member'
  | 'unreachable'
  | 'connection-lost'
  | 'overloaded'
  | 'cancelled'
  | 'stopped'

interface OutgoingStream {
  readonly id: number
  readonly source: StreamSource
  /** Where the next chunk begins; null until the receiver said where it wants to begin. */
  offset: number | null
  creditBytes: number
  ready: Uint8Array | null
  isReading: boolean
  timer: Timer | null
  readonly end: (outcome: StreamOutcome) => void
  readonly fail: (error: unknown) => void
}

const CONTROL_BYTES_MAX = 1024 * 1024

export class StreamSender implements FrameSource {
  readonly #clock: Clock
  readonly #limits: TransportLimits
  readonly #wake: () => void
  readonly #rate: Rate
  /** In the order in which they get their turns. */
  readonly #streams = new Map<number, OutgoingStream>()
  readonly #control = new FrameQueue(CONTROL_BYTES_MAX)
  #lastId = 0
  sentBytes = 0

  constructor(clock: Clock, limits: TransportLimits, wake: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#wake = wake
    this.#rate = new Rate(clock, limits.streamBytesPerSecond)
  }

  get active(): number {
    return this.#streams.size
  }

  /** Rejects with what `source.read` rejected with; the receiver is told that the stream ends. */
  send(source: StreamSource, signal?: AbortSignal): Promise<StreamOutcome> {
    if (signal?.aborted === true) return Promise.resolve({ kind: 'interrupted', reason: 'cancelled' })
    const id = ++this.#lastId
    const open = new ByteWriter().varint(source.sizeBytes).toBytes()
    const frame = encodeFrame('open', id, [open, source.description])
    if (this.#streams.size >= this.#limits.streamsMax || this.#control.push(frame) === null) {
      return Promise.resolve({ kind: 'interrupted', reason: 'overloaded' })
    }
    const { promise, resolve, reject } = Promise.withResolvers<StreamOutcome>()
    const cancel = (): void => this.#abort(id, { kind: 'interrupted', reason: 'cancelled' })
    signal?.addEventListener('abort', cancel, { once: true })
    const forget = (): void => {
      this.#streams.get(id)?.timer?.cancel()
      this.#streams.delete(id)
      signal?.removeEventListener('abort', cancel)
    }
    const end = (outcome: StreamOutcome): void => (forget(), resolve(outcome))
    const fail = (error: unknown): void => (forget(), reject(error))
    const progress = { offset: null, creditBytes: 0, ready: null, isReading: false, timer: null }
    this.#streams.set(id, { id, source, ...progress, end, fail })
    this.#wake()
    return promise
  }

  nextFrame(): readonly Uint8Array[] | null {
    const control = this.#control.nextFrame()
    if (control !== null) return control
    for (const stream of this.#streams.values()) {
      if (stream.ready !== null && stream.offset !== null) {
        return this.#takeReady(stream, stream.ready, stream.offset)
      }
    }
    return null
  }

  /** `accept`, `credit`, `done` and `refuse-stream` frames. Those of a stream that is over came too late. */
  take({ kind, stream: id, payload }: Frame): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const reader = new ByteReader(payload)
    if (kind === 'accept') this.#accepted(stream, reader)
    else if (kind === 'credit') this.#credited(stream, reader)
    else if (kind === 'done') this.#done(stream)
    else stream.end({ kind: 'refused', code: reader.string(), message: reader.string() })
    reader.expectEnd()
  }

  interruptAll(reason: InterruptedReason): void {
    while (this.#control.nextFrame() !== null);
    for (const stream of this.#streams.values()) stream.end({ kind: 'interrupted', reason })
  }

  #accepted(stream: OutgoingStream, reader: ByteReader): void {
    const offset = reader.varint()
    if (stream.offset !== null || offset > stream.source.sizeBytes) {
      throw new DecodeError('a stream that begins at a wrong place', 0)
    }
    stream.offset = offset
    this.#credited(stream, reader)
  }

  #credited(stream: OutgoingStream, reader: ByteReader): void {
    const creditBytes = stream.creditBytes + reader.varint()
    if (stream.offset === null || !Number.isSafeInteger(creditBytes)) {
      throw new DecodeError('credit without reason', 0)
    }
    stream.creditBytes = creditBytes
    this.#prepare(stream)
  }

  #done(stream: OutgoingStream): void {
    if (stream.offset !== stream.source.sizeBytes) throw new DecodeError('done with half of a stream', 0)
    stream.end({ kind: 'done' })
  }

  #takeReady(stream: OutgoingStream, bytes: Uint8Array, offset: number): Uint8Array[] {
    stream.ready = null
    stream.offset = offset + bytes.length
    stream.creditBytes -= bytes.length
    this.sentBytes += bytes.length
    // To the end of the line.
    this.#streams.delete(stream.id)
    this.#streams.set(stream.id, stream)
    this.#prepare(stream)
    return encodeFrame('chunk', stream.id, [new ByteWriter().varint(offset).toBytes(), bytes])
  }

  /** Reads the next chunk if one may be sent and none is there. */
  #prepare(stream: OutgoingStream): void {
    const { offset, creditBytes, source } = stream
    if (stream.isReading || stream.ready !== null || offset === null) return
    const sizeBytes = Math.min(this.#limits.chunkSizeBytes, creditBytes, source.sizeBytes - offset)
    if (sizeBytes === 0) return
    stream.isReading = true
    const waitMs = this.#rate.reserve(sizeBytes)
    if (waitMs > 0) stream.timer = this.#clock.after(waitMs, () => void this.#read(stream, offset, sizeBytes))
    else void this.#read(stream, offset, sizeBytes)
  }

  async #read(stream: OutgoingStream, offset: number, sizeBytes: number): Promise<void> {
    try {
      const bytes = await stream.source.read(offset, sizeBytes)
      if (!this.#streams.has(stream.id)) return
      if (bytes.length === 0 || bytes.length > sizeBytes) throw wrongSize(offset, bytes.length)
      stream.isReading = false
      stream.ready = bytes
      this.#wake()
    } catch (error) {
      stream.fail(error)
      this.#sendAbort(stream.id)
    }
  }

  #abort(id: number, outcome: StreamOutcome): void {
    this.#streams.get(id)?.end(outcome)
    this.#sendAbort(id)
  }

  #sendAbort(id: number): void {
    this.#control.push(encodeFrame('abort', id))
    this.#wake()
  }
}

function wrongSize(offset: number, sizeBytes: number): HarmonyError {
  return new HarmonyError(
    'DATA_CORRUPT',
    `The source of a stream gave ${sizeBytes} bytes at ${offset}: it is not as long as it said. Send it anew.`,
  )
}
