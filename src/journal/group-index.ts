/**
 * What the journal holds of one group: base, hard state, and where each entry is. It shows only what is durable: `apply` gets
 * the records of a frame when that frame is on disk, and of every frame during recovery.
 *
 * Invariant outside of recovery: entries are dense from `base.index + 1` to `lastIndex`. During recovery there may be gaps, which
 * copies further on in the journal fill; `firstGap` tells at the end.
 */

import { unreachable } from '../base/assert.ts'
import { DecodeError } from '../base/bytes.ts'
import type { Entry, EntryKind, HardState } from '../raft/entry.ts'
import { INITIAL_HARD_STATE, entrySizeBytes } from '../raft/entry.ts'
import type { JournalRecord, LogBase } from './format.ts'
import { EMPTY_BASE } from './format.ts'
import type { Segment } from './segment.ts'

/** Where a record was written, and its whole size. */
export interface RecordPlace {
  readonly segment: Segment
  readonly offset: number
  readonly sizeBytes: number
}

/** Where an entry's record is. */
export interface EntryLocation extends RecordPlace {
  readonly index: number
  readonly term: number
  readonly kind: EntryKind
  /** The entry's data while it is cached. */
  data: Uint8Array | null
}

type StatePart = 'tombstone' | 'base' | 'hard-state'

export class GroupIndex {
  readonly group: number
  #base: LogBase = EMPTY_BASE
  #hardState: HardState = INITIAL_HARD_STATE
  #removedGeneration = 0
  #lastIndex = 0
  readonly #locations = new Map<number, EntryLocation>()
  /** Membership entries, in the order in which they were written: few, and needed whole at every start. */
  readonly #memberships = new Map<number, Entry>()
  /** The segment with the newest record of each part of the state. */
  readonly #stateSegments = new Map<StatePart, Segment>()

  constructor(group: number) {
    this.group = group
  }

  get base(): LogBase {
    return this.#base
  }

  get hardState(): HardState {
    return this.#hardState
  }

  /** Highest generation of a replica of this group that was removed here; 0 if none was. */
  get removedGeneration(): number {
    return this.#removedGeneration
  }

  get lastIndex(): number {
    return this.#lastIndex
  }

  /** Whether the journal has anything of a replica that lives. */
  get isEmpty(): boolean {
    return this.#lastIndex === 0 && !this.#stateSegments.has('hard-state')
  }

  /** The term at `index`, which may also be the base; null outside of the log. */
  term(index: number): number | null {
    return index === this.#base.index ? this.#base.term : (this.#locations.get(index)?.term ?? null)
  }

  location(index: number): EntryLocation | undefined {
    return this.#locations.get(index)
  }

  locationsIn(segment: Segment): EntryLocation[] {
    return this.#locations
      .values()
      .filter((location) => location.segment === segment)
      .toArray()
  }

  /** The first entry of each term, in log order. */
  termStarts(): { readonly index: number; readonly term: number }[] {
    const starts: { index: number; term: number }[] = []
    let known = this.#base.term
    for (let index = this.#base.index + 1; index <= this.#lastIndex; index++) {
      const term = this.#locations.get(index)?.term
      if (term === undefined || term === known) continue
      starts.push({ index, term })
      known = term
    }
    return starts
  }

  /** In log order. */
  memberships(): Entry[] {
    return [...this.#memberships.values()].sort((left, right) => left.index - right.index)
  }

  hasStateIn(segment: Segment): boolean {
    return this.#stateSegments.values().some((other) => other === segment)
  }

  /** Whether this part of the state has a record. */
  hasState(part: StatePart): boolean {
    return this.#stateSegments.has(part)
  }

  /**
   * Cached entries from `from` up to and without `to`, as many as fit `sizeBytesMax` but at least one; none if the first is
   * not cached.
   */
  cached(from: number, to: number, sizeBytesMax: number): Entry[] {
    const entries: Entry[] = []
    let sizeBytes = 0
    for (let index = from; index < to; index++) {
      const location = this.#locations.get(index)
      if (location === undefined || location.data === null) break
      const entry = { index, term: location.term, kind: location.kind, data: location.data }
      sizeBytes += entrySizeBytes(entry)
      if (entries.length > 0 && sizeBytes > sizeBytesMax) break
      entries.push(entry)
    }
    return entries
  }

  /** Takes in a record that is on disk; throws a DecodeError if it can't be one of ours. Gives the location if the record is an entry that the log has now. */
  apply(record: JournalRecord, place: RecordPlace): EntryLocation | null {
    switch (record.kind) {
      case 'entry':
        this.#dropFrom(record.entry.index)
        return this.#place(record.entry, place)
      case 'entry-copy':
        return this.#place(record.entry, place)
      case 'hard-state':
        this.#hardState = record.hardState
        this.#keepState('hard-state', place.segment)
        return null
      case 'base':
        this.#moveBase(record.base, place)
        return null
      case 'log-replaced':
        this.#dropFrom(0)
        this.#moveBase(record.base, place)
        return null
      case 'group-removed':
        this.#clear()
        this.#bury(record.generation, place)
        return null
      case 'tombstone':
        this.#bury(record.generation, place)
        return null
      default:
        return unreachable(record)
    }
  }

  /** The first index that the log should have and has not; null if it is whole. */
  firstGap(): number | null {
    if (this.#locations.size === this.#lastIndex - this.#base.index) return null
    let index = this.#base.index + 1
    while (this.#locations.has(index)) index++
    return index
  }

  #place(entry: Entry, place: RecordPlace): EntryLocation | null {
    // Recovery may meet a copy of an entry whose group was compacted past it since.
    if (entry.index <= this.#base.index) return null
    this.#forget(entry.index)
    const { index, term, kind } = entry
    const { segment, offset, sizeBytes } = place
    const location: EntryLocation = { index, term, kind, segment, offset, sizeBytes, data: null }
    this.#locations.set(index, location)
    // Recovery hands out views of whole segments.
    if (kind === 'membership') this.#memberships.set(index, { ...entry, data: entry.data.slice() })
    this.#lastIndex = Math.max(this.#lastIndex, index)
    segment.liveBytes += sizeBytes
    return location
  }

  #dropFrom(index: number): void {
    if (index <= this.#lastIndex) for (const at of this.#indexesFrom(index)) this.#forget(at)
    this.#lastIndex = Math.max(Math.min(this.#lastIndex, index - 1), this.#base.index)
  }

  #moveBase(base: LogBase, place: RecordPlace): void {
    if (base.index < this.#base.index)
      throw new DecodeError(
        `base ${base.index} of group ${this.group} after ${this.#base.index}`,
        place.offset,
      )
    for (const index of this.#indexesUpTo(base.index)) this.#forget(index)
    this.#base = base
    this.#lastIndex = Math.max(this.#lastIndex, base.index)
    this.#keepState('base', place.segment)
  }

  // During recovery both ways may be millions long and nearly empty.

  #indexesFrom(index: number): number[] {
    if (this.#lastIndex - index >= this.#locations.size) {
      return [...this.#locations.keys()].filter((key) => key >= index)
    }
    return Array.from({ length: this.#lastIndex - index + 1 }, (_, at) => index + at)
  }

  #indexesUpTo(index: number): number[] {
    if (index - this.#base.index > this.#locations.size) {
      return [...this.#locations.keys()].filter((key) => key <= index)
    }
    const from = this.#base.index + 1
    return Array.from({ length: index - this.#base.index }, (_, at) => from + at)
  }

  #bury(generation: number, place: RecordPlace): void {
    this.#removedGeneration = Math.max(this.#removedGeneration, generation)
    this.#keepState('tombstone', place.segment)
  }

  #keepState(part: StatePart, segment: Segment): void {
    const previous = this.#stateSegments.get(part)
    if (previous !== undefined) previous.stateRecords--
    segment.stateRecords++
    this.#stateSegments.set(part, segment)
  }

  #clear(): void {
    for (const index of this.#locations.keys()) this.#forget(index)
    this.#base = EMPTY_BASE
    this.#lastIndex = 0
    this.#hardState = INITIAL_HARD_STATE
    for (const segment of this.#stateSegments.values()) segment.stateRecords--
    this.#stateSegments.clear()
  }

  #forget(index: number): void {
    const location = this.#locations.get(index)
    if (location === undefined) return
    this.#locations.delete(index)
    this.#memberships.delete(index)
    location.segment.liveBytes -= location.sizeBytes
    location.data = null
  }
}
