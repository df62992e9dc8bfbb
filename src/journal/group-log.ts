/** The log of one group as its owner uses it. What it shows is durable; what is being written it only checks. */

import { assert, must } from '../base/assert.ts'
import type { Entry, HardState } from '../raft/entry.ts'
import { entrySizeBytes } from '../raft/entry.ts'
import type { LogOutline } from '../raft/log-storage.ts'
import type { JournalRecord, LogBase } from './format.ts'
import type { EntryLocation, GroupIndex, RecordPlace } from './group-index.ts'
import type { Segment } from './segment.ts'

/** What one write brings. It is durable as a whole or not at all. */
export interface LogWrite {
  /** Replaces the log: it begins after this base now, as after the installation of a snapshot. */
  readonly replacedBy?: LogBase
  /** Whatever the log has at the index of the first and beyond is dropped. */
  readonly entries?: readonly Entry[]
  readonly hardState?: HardState
}

export class GroupLog {
  readonly group: number
  readonly #index: GroupIndex
  readonly #append: (records: readonly JournalRecord[]) => Promise<void>
  #pendingCount = 0
  /** Without those of the reclaimer, of which the owner of the log hears nothing. */
  #ownPendingCount = 0
  /** Lowest index at which a write that is not durable yet may drop entries. */
  #pendingDropFrom: number = Number.POSITIVE_INFINITY
  /** Base and last index as they will be when everything that is being written is durable. */
  #pendingLastIndex: number
  #pendingBaseIndex: number
  #rejectionCount = 0

  constructor(index: GroupIndex, append: (records: readonly JournalRecord[]) => Promise<void>) {
    this.group = index.group
    this.#index = index
    this.#append = append
    this.#pendingLastIndex = index.lastIndex
    this.#pendingBaseIndex = index.base.index
  }

  get base(): LogBase {
    return this.#index.base
  }

  get lastIndex(): number {
    return this.#index.lastIndex
  }

  get hardState(): HardState {
    return this.#index.hardState
  }

  /** Highest generation of a replica of this group that was removed here; 0 if none was. */
  get removedGeneration(): number {
    return this.#index.removedGeneration
  }

  /** How often writes of this group were rejected: none after the first of them joins what is durable. */
  get rejectionCount(): number {
    return this.#rejectionCount
  }

  get isEmpty(): boolean {
    return this.#index.isEmpty && this.#pendingCount === 0
  }

  /** The term at `index`, which may also be the base; null outside of the log. */
  term(index: number): number | null {
    return this.#index.term(index)
  }

  /** What a replica needs to know of this log before it starts. */
  outline(): LogOutline {
    return { terms: this.#index.termStarts(), memberships: this.#index.memberships() }
  }

  /** The first command from `from` up to and with `to`; null if there is none. */
  nextCommand(from: number, to: number): number | null {
    for (let index = from; index <= to; index++) {
      if (this.#index.location(index)?.kind === 'command') return index
    }
    return null
  }

  /** The lowest index such that the entries from there to the end are at most so many and so large. */
  tailStart(entriesMax: number, sizeBytesMax: number): number {
    let sizeBytes = 0
    for (let index = this.lastIndex; index > this.base.index; index--) {
      sizeBytes += this.#index.location(index)?.sizeBytes ?? 0
      if (sizeBytes > sizeBytesMax || this.lastIndex - index >= entriesMax) return index + 1
    }
    return this.base.index + 1
  }

  /**
   * Resolves when all of it is durable. Rejects with DISK_FULL or DISK_FAILED if nothing of it was written, with
   * OUTCOME_UNKNOWN if that can't be told; then the journal has failed.
   */
  write(write: LogWrite): Promise<void> {
    const { group } = this
    const records: JournalRecord[] = []
    if (write.replacedBy !== undefined) {
      records.push({ kind: 'log-replaced', group, base: write.replacedBy })
      this.#pendingDropFrom = 0
      this.#pendingBaseIndex = write.replacedBy.index
      this.#pendingLastIndex = write.replacedBy.index
    }
    for (const entry of write.entries ?? []) {
      assert(
        entry.index > this.#pendingBaseIndex && entry.index <= this.#pendingLastIndex + 1,
        () =>
          `entry ${entry.index} does not join a log from ${this.#pendingBaseIndex} to ${this.#pendingLastIndex}`,
      )
      this.#pendingDropFrom = Math.min(this.#pendingDropFrom, entry.index)
      this.#pendingLastIndex = entry.index
      records.push({ kind: 'entry', group, entry })
    }
    if (write.hardState !== undefined) records.push({ kind: 'hard-state', group, hardState: write.hardState })
    return this.#write(records)
  }

  /** Entries up to `base.index` are not needed any more: they are in a snapshot, or in a file that survives a crash. */
  compact(base: LogBase): Promise<void> {
    assert(base.index <= this.#index.lastIndex, 'only durable entries are compacted')
    if (base.index <= this.#pendingBaseIndex) return Promise.resolve()
    this.#pendingBaseIndex = base.index
    return this.#write([{ kind: 'base', group: this.group, base }])
  }

  /** The replica of `generation` is gone, with everything that the journal has of it. */
  remove(generation: number): Promise<void> {
    this.#pendingDropFrom = 0
    this.#pendingBaseIndex = 0
    this.#pendingLastIndex = 0
    return this.#write([{ kind: 'group-removed', group: this.group, generation }])
  }

  /** Cached entries as `entries`; none if the first is not cached. */
  cachedEntries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    return this.#index.cached(from, to, sizeBytesMax)
  }

  /**
   * Durable entries from `from` up to and without `to`, both within the log, as many as fit `sizeBytesMax` but at least one.
   * Rejects with DATA_CORRUPT if the disk does not give what was written.
   */
  async entries(from: number, to: number, sizeBytesMax: number): Promise<readonly Entry[]> {
    assert(from > this.base.index && from < to && to <= this.lastIndex + 1, 'entries outside the log')
    const entries: Entry[] = []
    let sizeBytes = 0
    for (let index = from; index < to; index++) {
      // The log may be compacted or cut meanwhile; what was read so far is an answer then.
      const location = this.#index.location(index)
      if (location === undefined) break
      if (entries.length > 0 && sizeBytes + location.sizeBytes > sizeBytesMax) break
      const entry = await this.#read(location)
      sizeBytes += entrySizeBytes(entry)
      if (entries.length > 0 && sizeBytes > sizeBytesMax) break
      entries.push(entry)
    }
    return entries
  }

  /** For the journal: this record of the group is on disk. */
  applyDurable(record: JournalRecord, place: RecordPlace): EntryLocation | null {
    return this.#index.apply(record, place)
  }

  /** For the journal: nothing that is being written will be. */
  forgetPending(): void {
    if (this.#ownPendingCount > 0) this.#rejectionCount++
    this.#pendingLastIndex = this.#index.lastIndex
    this.#pendingBaseIndex = this.#index.base.index
  }

  /**
   * For the reclaimer: copies everything that this group needs from `segment` to the end of the journal and gives the size
   * of the entries. Null if a write on its way could change what is copied: the copy would come after it and undo it.
   */
  async copyFrom(segment: Segment): Promise<number | null> {
    const locations = this.#index.locationsIn(segment)
    const entries = await Promise.all(locations.map((location) => this.#read(location)))
    const isCurrent = locations.every(
      (location) =>
        this.#index.location(location.index) === location && location.index < this.#pendingDropFrom,
    )
    const hasState = this.#index.hasStateIn(segment)
    if (!isCurrent || (hasState && this.#pendingCount > 0)) return null
    const { group } = this
    const copies = entries.map((entry) => ({ kind: 'entry-copy', group, entry }) as const)
    const records = [...(hasState ? this.#stateRecords() : []), ...copies]
    if (records.length > 0) await this.#writeAny(records)
    return locations.reduce((total, location) => total + location.sizeBytes, 0)
  }

  #stateRecords(): JournalRecord[] {
    const { group } = this
    const index = this.#index
    const records: JournalRecord[] = []
    if (index.hasState('tombstone')) {
      records.push({ kind: 'tombstone', group, generation: index.removedGeneration })
    }
    if (index.hasState('base')) records.push({ kind: 'base', group, base: index.base })
    if (index.hasState('hard-state')) records.push({ kind: 'hard-state', group, hardState: index.hardState })
    return records
  }

  #write(records: readonly JournalRecord[]): Promise<void> {
    this.#ownPendingCount++
    return this.#track(records, () => {
      this.#ownPendingCount--
      this.#written()
    })
  }

  #writeAny(records: readonly JournalRecord[]): Promise<void> {
    return this.#track(records, () => this.#written())
  }

  #track(records: readonly JournalRecord[], settled: () => void): Promise<void> {
    this.#pendingCount++
    return this.#append(records).then(settled, (error: unknown) => {
      settled()
      throw error
    })
  }

  #written(): void {
    this.#pendingCount--
    if (this.#pendingCount === 0) this.#pendingDropFrom = Number.POSITIVE_INFINITY
  }

  async #read(location: EntryLocation): Promise<Entry> {
    const { index, term, kind, data } = location
    if (data !== null) return { index, term, kind, data }
    const record = await location.segment.readRecord(location.offset, location.sizeBytes)
    assert(record.kind === 'entry' || record.kind === 'entry-copy', 'the index points at entries')
    return must(record.entry)
  }
}
