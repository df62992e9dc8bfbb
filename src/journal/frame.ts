/** Records on their way to the disk: those that one write brings stay together in one frame, and frames go one at a time. */

import { ByteWriter } from '../base/bytes.ts'
import type { JournalRecord } from './format.ts'
import { FRAME_HEADER_BYTES, encodeRecord, sealFrame } from './format.ts'

const EMPTY_HEADER = new Uint8Array(FRAME_HEADER_BYTES)

/** Who waits for a frame to be durable. */
export interface FrameWaiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Buffers of frames that were written. Under steady load a new one for each would be cleared page by page. */
const spare: ByteWriter[] = []
const SPARE_MAX = 4
/** One that has grown more is let go. */
const SPARE_BYTES_MAX = 64 * 1024

export class PendingFrame {
  readonly #writer: ByteWriter
  readonly #records: JournalRecord[] = []
  readonly #recordOffsets: number[] = []
  readonly #waiters: FrameWaiter[] = []
  /** When its first record came, by the journal's clock. */
  readonly sinceMs: number

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs
    this.#writer = spare.pop() ?? new ByteWriter(4096)
    this.#writer.raw(EMPTY_HEADER)
  }

  get sizeBytes(): number {
    return this.#writer.length
  }

  get recordCount(): number {
    return this.#records.length
  }

  add(records: readonly JournalRecord[], waiter: FrameWaiter): void {
    for (const record of records) {
      this.#recordOffsets.push(this.#writer.length)
      encodeRecord(this.#writer, record)
      this.#records.push(record)
    }
    this.#waiters.push(waiter)
  }

  /** The frame's bytes for this place. */
  seal(place: {
    readonly segmentSeed: number
    readonly offset: number
    readonly sequence: number
  }): Uint8Array {
    sealFrame(this.#writer, this.#recordOffsets, place)
    return this.#writer.view()
  }

  /** Its bytes are on the disk, and nobody reads them here any more. */
  release(): void {
    const isSmall = this.#writer.length <= SPARE_BYTES_MAX
    this.#writer.reset()
    if (isSmall && spare.length < SPARE_MAX) spare.push(this.#writer)
  }

  /** Each record with its offset in the frame and its size. */
  *records(): Generator<{ record: JournalRecord; offset: number; sizeBytes: number }, void, void> {
    for (const [at, record] of this.#records.entries()) {
      const offset = this.#recordOffsets[at] as number
      const end = this.#recordOffsets[at + 1] ?? this.#writer.length
      yield { record, offset, sizeBytes: end - offset }
    }
  }

  resolve(): void {
    for (const waiter of this.#waiters) waiter.resolve()
  }

  reject(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
