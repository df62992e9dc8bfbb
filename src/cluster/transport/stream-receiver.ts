/** Byte streams from one peer: chunks are written one after the other, and credit is renewed as they are. */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { TransportLimits } from './limits.ts'

/** Takes the bytes of one stream. Calls come one at a time. What rejects ends the stream; the sender gets the code. */
export interface StreamSink {
  /** How much of it is there already: the stream begins here. */
  readonly offset: number
  write(bytes: Uint8Array): Promise<void>
  /** Everything was written. The sender hears that it is done when this resolves. */
  finish(): Promise<void>
  /** No more comes, and it is not complete. What is there can be kept for the next attempt. Called at most once, as the last. */
  interrupted(): void
}

export interface IncomingStream {
  readonly from: number
  readonly description: Uint8Array
  readonly sizeBytes: number
}

export type StreamHandler = (stream: IncomingStream) => Promise<StreamSink>

interface OpenStream {
  readonly sizeBytes: number
  /** Null while the handler decides. */
  sink: StreamSink | null
  /** Where the next chunk must begin. */
  offset: number
  /** Written, with what was there before. */
  writtenBytes: number
  /** Granted and not used. */
  creditBytes: number
  /** The end of the writes under way. */
  writing: Promise<void>
  isOver: boolean
}

export interface StreamReceiverOptions {
  readonly from: number
  readonly handler: StreamHandler
  readonly limits: TransportLimits
  readonly wake: () => void
  readonly overflow: () => void
}

const CONTROL_BYTES_MAX = 1024 * 1024

export class StreamReceiver {
  readonly queue: FrameQueue = new FrameQueue(CONTROL_BYTES_MAX)
  readonly #options: StreamReceiverOptions
  readonly #streams = new Map<number, OpenStream>()

  constructor(options: StreamReceiverOptions) {
    this.#options = options
  }

  get active(): number {
    return this.#streams.size
  }

  takeOpen({ stream: id, payload }: Frame): void {
    if (this.#streams.has(id)) throw new DecodeError('a stream that is open already', 0)
    if (this.#streams.size >= this.#options.limits.streamsMax) return this.#refuse(id, overloaded())
    const reader = new ByteReader(payload)
    const sizeBytes = reader.varint()
    const stream: OpenStream = {
      sizeBytes,
      sink: null,
      offset: 0,
      writtenBytes: 0,
      creditBytes: 0,
      writing: Promise.resolve(),
      isOver: false,
    }
    this.#streams.set(id, stream)
    void this.#open(id, stream, new Uint8Array(reader.raw(reader.remaining)))
  }

  /** A chunk of a stream that is not open was under way when this side ended it. */
  takeChunk({ stream: id, payload }: Frame): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const reader = new ByteReader(payload)
    const isNext = reader.varint() === stream.offset && stream.sink !== null
    const bytes = reader.raw(reader.remaining)
    if (
      !isNext ||
      bytes.length === 0 ||
      bytes.length > stream.creditBytes ||
      stream.offset + bytes.length > stream.sizeBytes
    ) {
      throw new DecodeError('a chunk out of place, or without credit', 0)
    }
    stream.creditBytes -= bytes.length
    stream.offset += bytes.length
    stream.writing = stream.writing.then(() => this.#write(id, stream, bytes))
  }

  takeAbort({ stream: id }: Frame): void {
    const stream = this.#streams.get(id)
    if (stream !== undefined) this.#interrupt(id, stream)
  }

  /** The connection is gone. */
  close(): void {
    for (const [id, stream] of this.#streams) this.#interrupt(id, stream)
  }

  async #open(id: number, stream: OpenStream, description: Uint8Array): Promise<void> {
    const { handler, limits, from } = this.#options
    try {
      const sink = await handler({ from, description, sizeBytes: stream.sizeBytes })
      if (stream.isOver) return sink.interrupted()
      stream.sink = sink
      if (sink.offset > stream.sizeBytes) throw tooLong(sink.offset, stream.sizeBytes)
      stream.offset = sink.offset
      stream.writtenBytes = sink.offset
      stream.creditBytes = limits.streamWindowBytes
      const accept = new ByteWriter().varint(sink.offset).varint(stream.creditBytes).toBytes()
      this.#send(encodeFrame('accept', id, [accept]))
      if (sink.offset === stream.sizeBytes) stream.writing = this.#finish(id, stream)
    } catch (error) {
      this.#fail(id, stream, error)
    }
  }

  async #write(id: number, stream: OpenStream, bytes: Uint8Array): Promise<void> {
    if (stream.isOver) return
    try {
      await stream.sink?.write(bytes)
    } catch (error) {
      return this.#fail(id, stream, error)
    }
    if (stream.isOver) return
    stream.writtenBytes += bytes.length
    if (stream.writtenBytes === stream.sizeBytes) return this.#finish(id, stream)
    stream.creditBytes += bytes.length
    this.#send(encodeFrame('credit', id, [new ByteWriter().varint(bytes.length).toBytes()]))
  }

  async #finish(id: number, stream: OpenStream): Promise<void> {
    try {
      await stream.sink?.finish()
      if (stream.isOver) return
      this.#forget(id, stream)
      this.#send(encodeFrame('done', id))
    } catch (error) {
      this.#fail(id, stream, error)
    }
  }

  #fail(id: number, stream: OpenStream, error: unknown): void {
    if (stream.isOver) return
    this.#interrupt(id, stream)
    this.#refuse(id, toHarmonyError(error))
  }

  #interrupt(id: number, stream: OpenStream): void {
    this.#forget(id, stream)
    const { sink } = stream
    // After the writes under way: it is the last call that a sink gets.
    if (sink !== null) void stream.writing.then(() => sink.interrupted())
  }

  #forget(id: number, stream: OpenStream): void {
    stream.isOver = true
    this.#streams.delete(id)
  }

  #refuse(id: number, { code, message }: HarmonyError): void {
    const payload = new ByteWriter().string(code).string(message).toBytes()
    this.#send(encodeFrame('refuse-stream', id, [payload]))
  }

  #send(parts: Uint8Array[]): void {
    if (this.queue.push(parts) === null) this.#options.overflow()
    else this.#options.wake()
  }
}

function overloaded(): HarmonyError {
  return new HarmonyError('OVERLOADED', 'This member receives too many streams already. Try again later.')
}

function tooLong(offset: number, sizeBytes: number): HarmonyError {
  return new HarmonyError(
    'DATA_CORRUPT',
    `${offset} bytes of a stream of ${sizeBytes} bytes are there already: they belong to something else.`,
  )
}
