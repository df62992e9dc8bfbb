/**
 * How the Raft core of a replica reads the journal. What is cached is given at once; anything else is read from the disk, and the core
 * asks again when it is here.
 */

import type { HarmonyError } from '../base/errors.ts'
import { toHarmonyError } from '../base/errors.ts'
import type { GroupLog } from '../journal/group-log.ts'
import type { Entry, SnapshotMetadata } from '../raft/entry.ts'
import { entrySizeBytes } from '../raft/entry.ts'
import type { LogStorage } from '../raft/log-storage.ts'

export interface RaftStorageEvents {
  /** What the core asked for is here. */
  readonly onRead: () => void
  /** The disk does not give what was written. */
  readonly onReadFailed: (error: HarmonyError) => void
  readonly offerSnapshot: () => SnapshotMetadata | null
}

/** Of one read from the disk: enough for a follower that is far behind to be sent large requests. */
const READ_SIZE_BYTES = 1 << 20

export class RaftStorage implements LogStorage {
  readonly #log: GroupLog
  readonly #base: SnapshotMetadata
  readonly #events: RaftStorageEvents
  /** Consecutive entries, as they were on the disk. */
  #held: readonly Entry[] = []
  #isReading = false

  constructor(log: GroupLog, base: SnapshotMetadata, events: RaftStorageEvents) {
    this.#log = log
    this.#base = base
    this.#events = events
  }

  /** Where the log begins when the core starts; it asks only then. */
  base(): SnapshotMetadata {
    return this.#base
  }

  lastIndex(): number {
    return Math.max(this.#log.lastIndex, this.#base.index)
  }

  entries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    const cached = this.#log.cachedEntries(from, to, sizeBytesMax)
    if (cached.length > 0) return cached
    const held = this.#heldEntries(from, to, sizeBytesMax)
    if (held.length === 0) void this.#read(from, to)
    return held
  }

  snapshot(): SnapshotMetadata | null {
    return this.#events.offerSnapshot()
  }

  #heldEntries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    const start = from - (this.#held[0]?.index ?? from)
    const given: Entry[] = []
    let sizeBytes = 0
    for (let at = start; at >= 0 && at < this.#held.length; at++) {
      const entry = this.#held[at]
      // A leader may have replaced it since it was read.
      if (entry === undefined || entry.index >= to || this.#log.term(entry.index) !== entry.term) break
      sizeBytes += entrySizeBytes(entry)
      if (given.length > 0 && sizeBytes > sizeBytesMax) break
      given.push(entry)
    }
    return given
  }

  async #read(from: number, to: number): Promise<void> {
    const end = Math.min(to, this.#log.lastIndex + 1)
    if (this.#isReading || from <= this.#log.base.index || from >= end) return
    this.#isReading = true
    try {
      this.#held = await this.#log.entries(from, end, READ_SIZE_BYTES)
    } catch (error) {
      this.#events.onReadFailed(toHarmonyError(error))
      return
    } finally {
      this.#isReading = false
    }
    this.#events.onRead()
  }
}
