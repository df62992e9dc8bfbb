/**
 * Gives the space of old segments back, oldest first. A segment that nobody needs goes at once. When the journal is longer than its
 * target and less than half of it is live, what the oldest segment still holds is copied to the end, up to the segment that was
 * the last one when that began: one lap. Usually a lap frees more than it writes, but not where segments are half
 * empty because large frames do not fit what is left of them. So the next lap waits until as much was written as the last
 * one has copied: the copying costs at most as much as the writing did.
 */

import { must } from '../base/assert.ts'
import type { Disk } from '../host/disk.ts'
import type { GroupLog } from './group-log.ts'
import type { Segment } from './segment.ts'
import type { SegmentSupply } from './segment-supply.ts'

export interface ReclaimerOptions {
  /** In order; the last one is being written. The reclaimer takes from the front. */
  readonly segments: Segment[]
  readonly groups: ReadonlyMap<number, GroupLog>
  readonly supply: SegmentSupply
  readonly disk: Disk
  readonly folder: string
  readonly segmentCountTarget: number
  /** Bytes that were written to the journal so far. */
  readonly writtenBytes: () => number
}

/** Live records are copied while they are at most this part of the journal. */
const LIVE_PART_MAX = 0.5

export class Reclaimer {
  readonly #options: ReclaimerOptions
  #running: Promise<void> | null = null
  #isStopped = false
  /** Number of the last segment that is copied in this lap; null between two laps. */
  #lapEnd: number | null = null
  #copiedBeforeLap = 0
  /** The next lap begins when so much was written. */
  #restUntilBytes = 0
  /** Size of the entries that were copied so far. */
  copiedBytes = 0

  constructor(options: ReclaimerOptions) {
    this.#options = options
  }

  /** Looks for something to do, in the background. Cheap when there is nothing. */
  poke(): void {
    if (this.#running !== null || this.#isStopped || !this.#isWorthwhile()) return
    // A failing disk shows at the next write; here it only means that space is not given back now.
    this.#running = this.#reclaim()
      .catch(() => {})
      .finally(() => (this.#running = null))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  #isWorthwhile(): boolean {
    const { segments, segmentCountTarget } = this.#options
    const oldest = segments[0]
    if (oldest === undefined || segments.length < 2) return false
    if (!oldest.isNeeded) return true
    const isInLap = this.#lapEnd !== null || this.#options.writtenBytes() >= this.#restUntilBytes
    return isInLap && segments.length > segmentCountTarget && this.#livePart() <= LIVE_PART_MAX
  }

  async #reclaim(): Promise<void> {
    const { segments } = this.#options
    while (!this.#isStopped && this.#isWorthwhile()) {
      const oldest = segments[0] as Segment
      if (oldest.isNeeded) {
        if (this.#isLapOver(oldest)) continue
        if (!(await this.#copyAll(oldest))) return
      }
      await this.#dispose(oldest)
    }
  }

  /** Begins a lap unless one is on its way. */
  #isLapOver(oldest: Segment): boolean {
    if (this.#lapEnd === null) {
      this.#lapEnd = must(this.#options.segments.at(-1)).sequence
      this.#copiedBeforeLap = this.copiedBytes
    }
    if (oldest.sequence <= this.#lapEnd) return false
    this.#lapEnd = null
    // At least one byte, so that this ends the round.
    this.#restUntilBytes =
      this.#options.writtenBytes() + Math.max(1, this.copiedBytes - this.#copiedBeforeLap)
    return true
  }

  /** False if a group was writing, so that something is left: another time. */
  async #copyAll(segment: Segment): Promise<boolean> {
    for (const log of this.#options.groups.values()) {
      const copiedBytes = await log.copyFrom(segment)
      if (copiedBytes === null) return false
      this.copiedBytes += copiedBytes
    }
    return !segment.isNeeded
  }

  /** In this order: a segment that is still in the folder must not be the only one without the one before it. */
  async #dispose(segment: Segment): Promise<void> {
    const { disk, folder, supply, segments } = this.#options
    const isRecycled = !segment.isBeingRead && (await supply.recycle(segment))
    if (!isRecycled) {
      await disk.remove(segment.path)
      await disk.syncFolder(folder)
    }
    segments.shift()
    await segment.close()
  }

  #livePart(): number {
    const { segments } = this.#options
    const liveBytes = segments.reduce((total, segment) => total + segment.liveBytes, 0)
    return liveBytes / segments.reduce((total, segment) => total + segment.sizeBytes, 0)
  }
}
