/** Has the next segment ready before it is needed, so that no write waits for 16 MiB of zeros. */

import { assert } from '../base/assert.ts'
import type { Disk } from '../host/disk.ts'
import type { Segment } from './segment.ts'
import { createSegment, makeSpare } from './segment.ts'
import { frameBoundary, SEGMENT_HEADER_BYTES } from './format.ts'

export interface SegmentSupplyOptions {
  readonly disk: Disk
  readonly folder: string
  readonly journalId: Uint8Array
  readonly segmentSizeBytes: number
  /** Sequence number of the last segment that exists, `ready` ones included. */
  readonly lastSequence: number
  readonly ready: readonly Segment[]
}

export class SegmentSupply {
  readonly #options: SegmentSupplyOptions
  readonly #ready: Segment[]
  #lastSequence: number
  /** The file of an old segment: there is none, it waits to be used again, or it is being made a segment. */
  #spare: 'none' | 'waiting' | 'in use' = 'none'
  #preparation: Promise<void> | null = null

  constructor(options: SegmentSupplyOptions) {
    this.#options = options
    this.#ready = [...options.ready]
    this.#lastSequence = options.lastSequence
  }

  /** Takes an old segment's file for the next segment. False, with nothing done, if it can't be used. */
  async recycle(segment: Segment): Promise<boolean> {
    const isUsual = segment.sizeBytes === this.#options.segmentSizeBytes
    if (!isUsual || this.#spare !== 'none') return false
    this.#spare = 'in use'
    try {
      await makeSpare(this.#options.disk, this.#options.folder, segment)
      this.#spare = 'waiting'
      return true
    } finally {
      if (this.#spare === 'in use') this.#spare = 'none'
    }
  }

  /** Begins to make the next segment unless one is ready. A failure shows when the segment is needed. */
  prepare(): void {
    if (this.#preparation !== null || this.#ready.length > 0) return
    this.#preparation = this.#create(this.#options.segmentSizeBytes)
      .catch(() => {})
      .finally(() => (this.#preparation = null))
  }

  /** A segment with room for a frame of `frameSizeBytes`. Rejects with DISK_FULL or DISK_FAILED, and may be asked again. */
  async take(frameSizeBytes: number): Promise<Segment> {
    await this.#preparation
    const neededBytes = SEGMENT_HEADER_BYTES + frameBoundary(frameSizeBytes)
    if (this.#ready.length === 0) await this.#create(Math.max(this.#options.segmentSizeBytes, neededBytes))
    if (this.#ready[0] !== undefined && this.#ready[0].sizeBytes < neededBytes)
      await this.#replaceReady(neededBytes)
    const segment = this.#ready.shift()
    assert(segment !== undefined, 'a segment was just made')
    return segment
  }

  async close(): Promise<void> {
    await this.#preparation
    for (const segment of this.#ready) await segment.close()
  }

  async #create(sizeBytes: number): Promise<void> {
    const { disk, folder, journalId } = this.#options
    const shape = { journalId, sequence: this.#lastSequence + 1, sizeBytes }
    const useSpare = this.#spare === 'waiting' && sizeBytes === this.#options.segmentSizeBytes
    if (useSpare) this.#spare = 'in use'
    try {
      this.#ready.push(await createSegment(disk, folder, shape, useSpare))
      this.#lastSequence++
    } finally {
      if (useSpare) this.#spare = 'none'
    }
  }

  /** For a frame larger than a usual segment: a larger one takes the place and the number of the one that is ready. */
  async #replaceReady(neededBytes: number): Promise<void> {
    const unused = this.#ready.splice(0)
    this.#lastSequence -= unused.length
    for (const segment of unused.toReversed()) {
      await segment.close()
      await this.#options.disk.remove(segment.path)
    }
    await this.#options.disk.syncFolder(this.#options.folder)
    await this.#create(neededBytes)
  }
}
