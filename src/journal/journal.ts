/**
 * The journal of a member: one durable log for all of its groups. `DESIGN.md` tells how it works and why, `format.ts` has the bytes.
 */

import { assert } from '../base/assert.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { HistogramData } from '../base/histogram.ts'
import { LatencyHistogram } from '../base/histogram.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { Random } from '../host/random.ts'
import { EntryCache } from './entry-cache.ts'
import type { JournalRecord } from './format.ts'
import { FRAME_HEADER_BYTES, JOURNAL_ID_BYTES, frameBoundary } from './format.ts'
import { PendingFrame } from './frame.ts'
import { GroupIndex } from './group-index.ts'
import { GroupLog } from './group-log.ts'
import { recover } from './recovery.ts'
import { Reclaimer } from './reclaim.ts'
import type { Segment } from './segment.ts'
import { SegmentSupply } from './segment-supply.ts'
import { WritePace } from './write-pace.ts'

export interface JournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  /** Created if missing. Nothing else may be in it. */
  readonly folder: string
  /** Of one file. Default 16 MiB. A larger write gets a file of its own size. */
  readonly segmentSizeBytes?: number
  /** A frame takes no more writes beyond this size. Default 4 MiB. */
  readonly frameSizeBytesMax?: number
  /** Entries kept in memory for reading. Default 32 MiB. */
  readonly cacheSizeBytes?: number
  /** Up to so many segments nothing is copied to make room. Default 4. */
  readonly segmentCountTarget?: number
  /** Whether the thread may wait for the disk where that is quick: nobody takes silence for death. Default: never. */
  readonly mayBlock?: () => boolean
}

export interface JournalStats {
  readonly segments: number
  readonly sizeBytes: number
  /** Size of the entry records that logs still have. */
  readonly liveBytes: number
  readonly groups: number
  /** Frames made durable, one sync each. */
  readonly syncs: number
  readonly records: number
  readonly writtenBytes: number
  /** Of one frame, from the start of its write until it is durable. */
  readonly syncLatency: HistogramData
  readonly pendingBytes: number
  /** How long the oldest write that is not durable has been waiting; 0 if none is. */
  readonly pendingMs: number
  readonly cacheBytes: number
  readonly copiedBytes: number
  readonly failure: string | null
}

const DEFAULTS = {
  segmentSizeBytes: 16 * 1024 * 1024,
  frameSizeBytesMax: 4 * 1024 * 1024,
  cacheSizeBytes: 32 * 1024 * 1024,
  segmentCountTarget: 4,
  mayBlock: () => false,
}

/** After so many writes in a row of one group, it is taken to be the only one that writes. */
const ONE_GROUP_WRITES = 32

/** What `Journal.open` puts together. */
interface JournalParts {
  readonly options: Required<JournalOptions>
  readonly cache: EntryCache
  readonly supply: SegmentSupply
  readonly segments: Segment[]
  readonly nextFrameSequence: number
  readonly groups: ReadonlyMap<number, GroupIndex>
  readonly tornTail: { readonly path: string; readonly offset: number } | null
}

export class Journal {
  readonly #options: Required<JournalOptions>
  readonly #cache: EntryCache
  readonly #supply: SegmentSupply
  /** In order; the last one takes the next frame. */
  readonly #segments: Segment[]
  readonly #groups = new Map<number, GroupLog>()
  readonly #reclaimer: Reclaimer
  #nextFrameSequence: number
  /** In order. */
  #frames: PendingFrame[] = []
  #flushing: Promise<void> | null = null
  /** Whether the first frame is closed to further records, because it is on its way to the disk. */
  #isWriting = false
  #isClosing = false
  /** The group of the last write, and how many in a row were of the same. */
  #lastGroup = 0
  #writesOfOneGroup = 0
  #failure: HarmonyError | null = null
  readonly #failed = Promise.withResolvers<HarmonyError>()
  readonly #syncLatency = new LatencyHistogram()
  readonly #pace = new WritePace()
  #recordCount = 0
  #writtenBytes = 0
  /** The unfinished frame that was cut when the journal was opened. */
  readonly tornTail: { readonly path: string; readonly offset: number } | null

  /** Rejects with DATA_CORRUPT if acknowledged bytes are damaged, FORMAT_TOO_NEW, DISK_FULL or DISK_FAILED. */
  static async open(given: JournalOptions): Promise<Journal> {
    const options = { ...DEFAULTS, ...given }
    const { disk, folder, segmentSizeBytes } = options
    await disk.createFolder(folder)
    const cache = new EntryCache(options.cacheSizeBytes)
    const found = await recover(disk, folder, cache)
    const journalId = found?.journalId ?? options.random.bytes(JOURNAL_ID_BYTES)
    const ready = found?.ready ?? []
    const segments = found?.segments ?? []
    const lastSequence = [...segments, ...ready].at(-1)?.sequence ?? 0
    const supply = new SegmentSupply({ disk, folder, journalId, segmentSizeBytes, lastSequence, ready })
    if (segments.length === 0) segments.push(await supply.take(FRAME_HEADER_BYTES))
    return new Journal({
      options,
      cache,
      supply,
      segments,
      nextFrameSequence: found?.nextFrameSequence ?? 1,
      groups: found?.groups ?? new Map(),
      tornTail: found?.tornTail ?? null,
    })
  }

  private constructor(parts: JournalParts) {
    this.#options = parts.options
    this.#cache = parts.cache
    this.#supply = parts.supply
    this.#segments = parts.segments
    this.#nextFrameSequence = parts.nextFrameSequence
    this.tornTail = parts.tornTail
    for (const index of parts.groups.values()) this.#groups.set(index.group, this.#newGroupLog(index))
    this.#reclaimer = new Reclaimer({
      segments: this.#segments,
      groups: this.#groups,
      supply: this.#supply,
      disk: this.#options.disk,
      folder: this.#options.folder,
      segmentCountTarget: this.#options.segmentCountTarget,
      writtenBytes: () => this.#writtenBytes,
    })
  }

  /** Resolves when the journal takes no writes any more because the disk has failed. */
  get failed(): Promise<HarmonyError> {
    return this.#failed.promise
  }

  /** Why the journal takes no writes any more; null while it does. */
  get failure(): HarmonyError | null {
    return this.#failure
  }

  /** The log of a group, empty if the journal has nothing of it. */
  group(group: number): GroupLog {
    const known = this.#groups.get(group)
    if (known !== undefined) return known
    const log = this.#newGroupLog(new GroupIndex(group))
    this.#groups.set(group, log)
    return log
  }

  /** Groups of which the journal has a log or a hard state, in ascending order. */
  groupsWithState(): readonly number[] {
    const groups = [...this.#groups.values()].filter((log) => !log.isEmpty)
    return groups.map((log) => log.group).sort((left, right) => left - right)
  }

  /** How long the oldest write that is not durable has been waiting; 0 if none is. */
  get pendingMs(): number {
    const oldest = this.#frames[0]
    return oldest === undefined ? 0 : this.#options.clock.nowMs() - oldest.sinceMs
  }

  stats(): JournalStats {
    const latency = this.#syncLatency.data()
    return {
      segments: this.#segments.length,
      sizeBytes: sum(this.#segments, (segment) => segment.sizeBytes),
      liveBytes: sum(this.#segments, (segment) => segment.liveBytes),
      groups: this.#groups.size,
      syncs: latency.count,
      records: this.#recordCount,
      writtenBytes: this.#writtenBytes,
      syncLatency: latency,
      pendingBytes: sum(this.#frames, (frame) => frame.sizeBytes),
      pendingMs: this.pendingMs,
      cacheBytes: this.#cache.sizeBytes,
      copiedBytes: this.#reclaimer.copiedBytes,
      failure: this.#failure?.message ?? null,
    }
  }

  /** Writes what waits and closes the files. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#reclaimer.stop()
    while (this.#flushing !== null) await this.#flushing
    await this.#supply.close()
    for (const segment of this.#segments) await segment.close()
  }

  #newGroupLog(index: GroupIndex): GroupLog {
    return new GroupLog(index, (records) => this.#append(records))
  }

  /** Resolves when the records are durable, all of them, and in the index. */
  #append(records: readonly JournalRecord[]): Promise<void> {
    const first = records[0]
    if (first !== undefined) this.#noteGroup(first.group)
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#isClosing) return Promise.reject(new HarmonyError('SHUTTING_DOWN', 'The journal is closed.'))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#openFrame().add(records, { resolve, reject })
    if (this.#flushing === null) this.#startFlush()
    return promise
  }

  /** The frame that collects: not the one being written. */
  #openFrame(): PendingFrame {
    const last = this.#frames.at(-1)
    const isWritten = this.#frames.length === 1 && this.#isWriting
    if (last !== undefined && !isWritten && last.sizeBytes < this.#options.frameSizeBytesMax) return last
    const frame = new PendingFrame(this.#options.clock.nowMs())
    this.#frames.push(frame)
    return frame
  }

  #startFlush(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#flushing = promise
    const flush = (): void => void this.#flushAll().finally(resolve)
    // What other groups bring in this turn of the event loop shares the first frame, if there are others that write.
    if (this.#writesOfOneGroup < ONE_GROUP_WRITES) this.#options.clock.soon(flush)
    else queueMicrotask(flush)
  }

  #noteGroup(group: number): void {
    this.#writesOfOneGroup = group === this.#lastGroup ? this.#writesOfOneGroup + 1 : 0
    this.#lastGroup = group
  }

  async #flushAll(): Promise<void> {
    for (let frame = this.#frames[0]; frame !== undefined; frame = this.#frames[0]) {
      this.#isWriting = true
      try {
        const segment = this.#activeSegmentFor(frame) ?? (await this.#nextSegmentFor(frame))
        if (segment !== null) await this.#writeFrame(frame, segment)
      } finally {
        this.#isWriting = false
      }
    }
    // In the same turn in which no frame was found: a write that comes a moment later starts the next flush.
    this.#flushing = null
    this.#reclaimer.poke()
  }

  /** The segment that takes frames, if it has room for this one. */
  #activeSegmentFor(frame: PendingFrame): Segment | null {
    const active = this.#segments.at(-1)
    return active?.hasRoomFor(frame.sizeBytes) === true ? active : null
  }

  /** Null if there is none, and then all that waits was rejected: none of it was written. */
  async #nextSegmentFor(frame: PendingFrame): Promise<Segment | null> {
    try {
      const next = await this.#supply.take(frame.sizeBytes)
      this.#segments.push(next)
      return next
    } catch (error) {
      this.#rejectAll(toHarmonyError(error))
      return null
    }
  }

  async #writeFrame(frame: PendingFrame, segment: Segment): Promise<void> {
    const offset = segment.writeOffset
    const sequence = this.#nextFrameSequence
    const bytes = frame.seal({ segmentSeed: segment.seed, offset, sequence })
    const mayBlock = this.#mayBlock(bytes.length)
    const startMs = this.#options.clock.nowMs()
    try {
      await segment.file.writeDurable(offset, bytes, mayBlock)
    } catch (error) {
      this.#fail(frame, toHarmonyError(error))
      return
    }
    const durationMs = this.#options.clock.nowMs() - startMs
    this.#syncLatency.record(durationMs)
    this.#pace.record(durationMs, mayBlock)
    this.#writtenBytes += bytes.length
    this.#nextFrameSequence = sequence + 1
    segment.writeOffset = frameBoundary(offset + bytes.length)
    this.#frames.shift()
    this.#index(frame, segment, offset)
    frame.release()
    if (segment.writeOffset > segment.sizeBytes / 2) this.#supply.prepare()
    frame.resolve()
  }

  #mayBlock(sizeBytes: number): boolean {
    return this.#pace.mayBlock(sizeBytes) && this.#options.mayBlock()
  }

  #index(frame: PendingFrame, segment: Segment, frameOffset: number): void {
    for (const { record, offset, sizeBytes } of frame.records()) {
      this.#recordCount++
      const place = { segment, offset: frameOffset + offset, sizeBytes }
      const location = this.group(record.group).applyDurable(record, place)
      if (location === null || (record.kind !== 'entry' && record.kind !== 'entry-copy')) continue
      location.data = record.entry.data
      this.#cache.add(location)
    }
  }

  /** Nobody knows what of this frame is on disk, and a second sync would lie: DESIGN.md, "When the disk fails". */
  #fail(frame: PendingFrame, cause: HarmonyError): void {
    this.#failure = cause
    this.#failed.resolve(cause)
    assert(this.#frames.shift() === frame, 'frames are written in order')
    frame.reject(
      new HarmonyError(
        'OUTCOME_UNKNOWN',
        `The journal could not be written, so it is not known whether this was stored. ${cause.message}`,
        { cause },
      ),
    )
    this.#rejectAll(cause)
  }

  #rejectAll(error: HarmonyError): void {
    const frames = this.#frames
    this.#frames = []
    for (const log of this.#groups.values()) log.forgetPending()
    for (const frame of frames) frame.reject(error)
  }
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((total, item) => total + size(item), 0)
}
