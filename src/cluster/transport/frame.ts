/**
 * Frames: what a connection is cut into.
 *
 * ```
 * crc u32 | length u32 | kind u8 | stream u32 | payload (length bytes)
 * ```
 *
 * Little-endian. `crc` is the CRC-32C of all that follows it.
 */

import { assert } from '../../base/assert.ts'
import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import { crc32c } from '../../base/crc32c.ts'

/** Numbers on the wire: never reused. */
const KINDS = {
  hello: 1,
  challenge: 2,
  proof: 3,
  welcome: 4,
  refusal: 5,
  ping: 6,
  pong: 7,
  messages: 8,
  request: 9,
  cancel: 10,
  answer: 11,
  failure: 12,
  open: 13,
  chunk: 14,
  abort: 15,
  accept: 16,
  credit: 17,
  done: 18,
  'refuse-stream': 19,
} as const

export type FrameKind = keyof typeof KINDS

const KIND_OF: ReadonlyMap<number, FrameKind> = new Map(
  Object.entries(KINDS).map(([name, number]) => [number, name as FrameKind]),
)

export interface Frame {
  readonly kind: FrameKind
  readonly stream: number
  readonly payload: Uint8Array
}

export const FRAME_HEADER_BYTES = 13
const CRC_BYTES = 4
const NOTHING: Uint8Array = new Uint8Array(0)
const BUFFER_MIN_BYTES = 64

/** The frame as parts to be sent one after the other. The payload's parts are not copied. */
export function encodeFrame(
  kind: FrameKind,
  stream: number = 0,
  payload: readonly Uint8Array[] = [],
): Uint8Array[] {
  const header = new Uint8Array(FRAME_HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setUint32(4, totalBytes(payload), true)
  view.setUint8(8, KINDS[kind])
  view.setUint32(9, stream, true)
  let crc = crc32c(header, 0, CRC_BYTES)
  for (const part of payload) crc = crc32c(part, crc)
  view.setUint32(0, crc, true)
  return [header, ...payload]
}

export function totalBytes(parts: readonly Uint8Array[]): number {
  let sizeBytes = 0
  for (const part of parts) sizeBytes += part.length
  return sizeBytes
}

/**
 * Cuts what arrives into frames. Throws a `DecodeError` at bytes that are no frame; nothing after them has a meaning, so
 * the reader is of no more use then.
 */
export class FrameReader {
  #payloadBytesMax: number
  /** The beginning of a frame whose end has not arrived. */
  #buffer: Uint8Array = NOTHING
  #length = 0

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax
  }

  /** For the frames that begin from now on. */
  setPayloadBytesMax(payloadBytesMax: number): void {
    this.#payloadBytesMax = payloadBytesMax
  }

  /** Memory held for an unfinished frame: at most twice what arrived of it, and the minimum. */
  get bufferedBytes(): number {
    return this.#buffer.length
  }

  /** Calls `take` for each frame that `bytes` complete. Payloads are views of `bytes`, or of a buffer of their own. */
  push(bytes: Uint8Array, take: (frame: Frame) => void): void {
    let at = 0
    while (at < bytes.length) {
      const whole = this.#length === 0 ? this.#frameSizeBytes(bytes, at, bytes.length) : null
      if (whole !== null && at + whole <= bytes.length) {
        take(parseFrame(bytes.subarray(at, at + whole)))
        at += whole
      } else {
        at += this.#append(bytes, at)
        this.#takeBuffered(take)
      }
    }
  }

  /** Copies what the frame in the buffer lacks, or as much of that as there is; gives how much that was. */
  #append(bytes: Uint8Array, at: number): number {
    const frameBytes = this.#frameSizeBytes(this.#buffer, 0, this.#length) ?? FRAME_HEADER_BYTES
    const count = Math.min(frameBytes - this.#length, bytes.length - at)
    const needed = this.#length + count
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2, BUFFER_MIN_BYTES))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    }
    this.#buffer.set(bytes.subarray(at, at + count), this.#length)
    this.#length = needed
    return count
  }

  #takeBuffered(take: (frame: Frame) => void): void {
    if (this.#frameSizeBytes(this.#buffer, 0, this.#length) !== this.#length) return
    const bytes = this.#buffer.subarray(0, this.#length)
    this.#buffer = NOTHING
    this.#length = 0
    take(parseFrame(bytes))
  }

  /** Of the frame at `at`; null if its header is not all there. */
  #frameSizeBytes(bytes: Uint8Array, at: number, end: number): number | null {
    if (end - at < FRAME_HEADER_BYTES) return null
    const payloadBytes = new ByteReader(bytes, at + CRC_BYTES, end).u32()
    if (payloadBytes > this.#payloadBytesMax) {
      throw new DecodeError(`a frame of ${payloadBytes} bytes, ${this.#payloadBytesMax} are allowed`, at)
    }
    return FRAME_HEADER_BYTES + payloadBytes
  }
}

function parseFrame(bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes)
  if (reader.u32() !== crc32c(bytes, 0, CRC_BYTES)) throw new DecodeError('checksum of a frame is wrong', 0)
  reader.u32()
  const number = reader.u8()
  const kind = KIND_OF.get(number)
  if (kind === undefined) throw new DecodeError(`unknown kind of frame ${number}`, 8)
  return { kind, stream: reader.u32(), payload: bytes.subarray(FRAME_HEADER_BYTES) }
}

/** Bytes at least this long become a part of their own instead of being copied into one with others. */
const PART_BYTES_MIN = 4096

/** A payload made of fields and of bytes that are not copied. */
export class PartWriter {
  readonly fields: ByteWriter = new ByteWriter()
  readonly #parts: Uint8Array[] = []
  #partsBytes = 0

  get length(): number {
    return this.#partsBytes + this.fields.length
  }

  /** With their length before them. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length < PART_BYTES_MIN) {
      this.fields.bytes(bytes)
      return
    }
    this.fields.varint(bytes.length)
    this.#add(this.fields.toBytes())
    this.fields.reset()
    this.#add(bytes)
  }

  finish(): Uint8Array[] {
    if (this.fields.length > 0) this.#add(this.fields.toBytes())
    this.fields.reset()
    return this.#parts
  }

  #add(part: Uint8Array): void {
    assert(part.length > 0, 'an empty part')
    this.#parts.push(part)
    this.#partsBytes += part.length
  }
}
