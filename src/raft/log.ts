/**
 * One replica's log: what storage holds, plus a tail in memory, plus how far it is committed and applied.
 *
 * ```
 *   base ──── applied ──── handedOut ──── commit ──────────── lastIndex
 *                                            └ durable is anywhere from base to lastIndex ┘
 *        storage holds it          │ tail: in memory
 * ```
 *
 * Invariants, asserted where they could break: base ≤ applied ≤ handedOut ≤ commit ≤ lastIndex, and
 * handedOut ≤ durable: nothing is applied that this replica could forget in a crash, so a state machine never
 * knows more than its log. Only entries above `commit` are ever truncated (§5.3, §5.4: State Machine Safety).
 */

import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import { ApplyWindow } from './apply-window.ts'
import { decodeConfiguration } from './configuration-codec.ts'
import type { Entry, SnapshotMetadata } from './entry.ts'
import type { LogOutline, LogStorage } from './log-storage.ts'
import { MembershipHistory } from './membership-history.ts'
import { MemoryTail } from './memory-tail.ts'
import { TermRuns } from './term-runs.ts'
import { WriteTracker } from './write-tracker.ts'

export interface LogLimits {
  readonly applyBytesMax: number
  readonly memoryTailBytesMax: number
}

/** Where a log stands when its replica starts. */
export interface LogStart {
  readonly appliedIndex: number
  readonly commitHint: number
  /** What is known of the stored log; undefined to read it. */
  readonly outline: LogOutline | undefined
}

const SCAN_BYTES_MAX = 4 << 20

const NO_ENTRIES: readonly Entry[] = []

export class Log {
  readonly memberships: MembershipHistory
  readonly writes: WriteTracker
  readonly #storage: LogStorage
  readonly #limits: LogLimits
  readonly #applyWindow: ApplyWindow
  #terms: TermRuns
  #tail: MemoryTail
  #lastIndex: number
  #commit: number
  /** The first index that no write has carried yet. */
  #writeFrom: number
  /** Accepted from a leader; `installing` once a write carries it (§7). */
  #snapshot: { readonly metadata: SnapshotMetadata; installing: boolean } | null = null

  constructor(storage: LogStorage, start: LogStart, limits: LogLimits) {
    const { appliedIndex, commitHint, outline } = start
    const base = storage.base()
    const lastIndex = storage.lastIndex()
    if (appliedIndex < base.index || appliedIndex > lastIndex) {
      throw new HarmonyError(
        'DATA_CORRUPT',
        `The state machine has applied index ${appliedIndex}, but the log holds ${base.index + 1} to ` +
          `${lastIndex}: part of the journal is lost. Replace this replica by a new one.`,
      )
    }
    this.#storage = storage
    this.#limits = limits
    this.#terms = new TermRuns(base.index, base.term)
    this.memberships = new MembershipHistory(base.configuration)
    this.#tail = new MemoryTail(lastIndex + 1)
    this.#lastIndex = lastIndex
    // The commit index is volatile (Figure 2): the stored one is only a hint and may be ahead of a torn log.
    this.#commit = Math.max(appliedIndex, Math.min(commitHint, lastIndex))
    this.#writeFrom = lastIndex + 1
    this.writes = new WriteTracker(lastIndex)
    this.#applyWindow = new ApplyWindow(appliedIndex, limits.applyBytesMax)
    if (outline === undefined) this.#scan(base.index + 1)
    else this.#takeOutline(outline)
  }

  /** Reads the stored log once, for its terms and configurations. */
  #scan(first: number): void {
    let index = first
    while (index <= this.#lastIndex) {
      const entries = this.#storage.entries(index, this.#lastIndex + 1, SCAN_BYTES_MAX)
      assert(entries.length > 0, 'storage must give the whole log at the start')
      for (const entry of entries) this.#learn(entry)
      index += entries.length
    }
  }

  #takeOutline(outline: LogOutline): void {
    for (const { index, term } of outline.terms) if (index > this.baseIndex) this.#terms.append(index, term)
    for (const entry of outline.memberships) if (entry.index > this.baseIndex) this.#learnMembership(entry)
  }

  #learn(entry: Entry): void {
    this.#terms.append(entry.index, entry.term)
    if (entry.kind === 'membership') this.#learnMembership(entry)
  }

  #learnMembership(entry: Entry): void {
    const configuration = decodeConfiguration(entry.data)
    assert(configuration !== null, () => `the membership entry at ${entry.index} is malformed`)
    this.memberships.append(configuration)
  }

  // What it holds.

  get baseIndex(): number {
    return this.#terms.baseIndex
  }

  get lastIndex(): number {
    return this.#lastIndex
  }

  get lastTerm(): number {
    return this.#terms.lastTerm
  }

  get commit(): number {
    return this.#commit
  }

  get applied(): number {
    return this.#applyWindow.applied
  }

  get durableIndex(): number {
    return this.writes.durableIndex
  }

  /** The term at `index`; null if it is not kept any more or not there yet. */
  termAt(index: number): number | null {
    if (index < this.baseIndex || index > this.#lastIndex) return null
    return this.#terms.termAt(index)
  }

  /** Whether the entry at `index` is of `term`: the consistency check of AppendEntries (§5.3). */
  matches(index: number, term: number): boolean {
    return this.termAt(index) === term
  }

  /** Whether a log that ends with (`term`, `index`) is at least as up to date as this one (§5.4.1). */
  isUpToDate(term: number, index: number): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.#lastIndex)
  }

  /** Where this log could match one that has `term` at `index` (§5.3, the last paragraph). */
  lastIndexNotAbove(term: number, index: number): number {
    return this.#terms.lastIndexNotAbove(term, Math.min(index, this.#lastIndex))
  }

  /** Entries from `from` up to and without `to`; may be fewer, or none if storage is busy reading them. */
  entries(from: number, to: number, sizeBytesMax: number): readonly Entry[] {
    if (from >= to) return NO_ENTRIES
    if (from >= this.#tail.firstIndex) return this.#tail.slice(from, to, sizeBytesMax)
    return this.#storage.entries(from, Math.min(to, this.#tail.firstIndex), sizeBytesMax)
  }

  // How it grows.

  append(entry: Entry): void {
    this.#learn(entry)
    this.#tail.append(entry)
    this.#lastIndex = entry.index
  }

  /**
   * Takes a leader's entries: skips those that are here, replaces what conflicts, appends the rest (§5.3). A
   * suffix that the request does not speak about stays: it may be acknowledged, and the request only late.
   * False if a committed entry conflicts, which no correct leader sends; nothing is changed then.
   */
  merge(entries: readonly Entry[]): boolean {
    let at = 0
    while (at < entries.length && this.matches(entries[at]!.index, entries[at]!.term)) at += 1
    if (at === entries.length) return true
    const first = entries[at]!.index
    if (first <= this.#commit) return false
    if (first <= this.#lastIndex) this.#truncate(first)
    for (; at < entries.length; at += 1) this.append(entries[at]!)
    return true
  }

  #truncate(from: number): void {
    assert(from > this.#commit, () => `truncation at ${from}, committed is ${this.#commit}`)
    this.#terms.truncate(from)
    this.#tail.truncate(from)
    this.memberships.truncate(from)
    this.writes.truncate(from)
    this.#lastIndex = from - 1
    this.#writeFrom = Math.min(this.#writeFrom, from)
  }

  /** Everything up to `index` is committed. Whether that was news. */
  commitTo(index: number): boolean {
    if (index <= this.#commit) return false
    assert(index <= this.#lastIndex, () => `commit ${index} is beyond the last index ${this.#lastIndex}`)
    this.#commit = index
    return true
  }

  // How it gets to disk.

  /** Whether a write would carry anything. */
  hasUnwritten(): boolean {
    return this.#writeFrom <= this.#lastIndex || (this.#snapshot !== null && !this.#snapshot.installing)
  }

  /** Whether the next write has to wait: a snapshot is installed only when nothing is being applied. */
  writeMustWait(): boolean {
    return this.#snapshot !== null && !this.#snapshot.installing && this.#applyWindow.isBusy()
  }

  /** Takes what the next write carries. */
  takeWrite(): { number: number; snapshot: SnapshotMetadata | null; entries: readonly Entry[] } {
    assert(!this.writeMustWait(), 'a snapshot is written while entries are being applied')
    const snapshot = this.#snapshot !== null && !this.#snapshot.installing ? this.#snapshot.metadata : null
    if (this.#snapshot !== null) this.#snapshot.installing = true
    const entries = this.entries(this.#writeFrom, this.#lastIndex + 1, Infinity)
    this.#writeFrom = this.#lastIndex + 1
    const number = this.writes.begin(this.#lastIndex, snapshot !== null)
    return { number, snapshot, entries }
  }

  /** The write with this number is durable. */
  completeWrite(number: number): void {
    const installed = this.writes.complete(number)
    if (installed) this.#finishSnapshot()
    this.#release()
  }

  // How it gets applied.

  /** Whether `takeCommitted` would give anything (short of storage being busy). */
  hasCommitted(): boolean {
    return (
      this.#snapshot === null &&
      this.#applyWindow.hasRoom() &&
      this.#applicableIndex() > this.#applyWindow.handedOut
    )
  }

  /** The next entries to apply: committed, durable here, and within the limit of bytes in the making. */
  takeCommitted(): readonly Entry[] {
    if (!this.hasCommitted()) return NO_ENTRIES
    const from = this.#applyWindow.handedOut + 1
    const entries = this.entries(from, this.#applicableIndex() + 1, this.#applyWindow.roomBytes)
    this.#applyWindow.handOut(entries)
    this.#release()
    return entries
  }

  appliedTo(index: number): void {
    this.#applyWindow.finish(index)
  }

  #applicableIndex(): number {
    return Math.min(this.#commit, this.writes.durableIndex)
  }

  /** Lets go of entries in memory that are durable and handed out, or durable and too many. */
  #release(): void {
    const durable = Math.min(this.writes.durableIndex, this.#writeFrom - 1)
    const isOverLimit = this.#tail.sizeBytes > this.#limits.memoryTailBytesMax
    this.#tail.release(isOverLimit ? durable : Math.min(durable, this.#applyWindow.handedOut))
  }

  // Snapshots and compaction (§7).

  get isInstallingSnapshot(): boolean {
    return this.#snapshot !== null
  }

  /** Starts over at `metadata`: the log is empty, and everything up to there is committed. */
  restore(metadata: SnapshotMetadata): void {
    assert(metadata.index > this.#commit, 'a snapshot would take the log back')
    assert(this.#snapshot === null, 'a snapshot arrived while another is being installed')
    this.#snapshot = { metadata, installing: false }
    this.#terms = new TermRuns(metadata.index, metadata.term)
    this.#tail.reset(metadata.index + 1)
    this.memberships.reset(metadata.configuration)
    this.writes.truncate(1)
    this.#lastIndex = metadata.index
    this.#commit = metadata.index
    this.#writeFrom = metadata.index + 1
  }

  #finishSnapshot(): void {
    assert(this.#snapshot?.installing, 'a snapshot was installed that nobody asked for')
    this.#applyWindow.jump(this.#snapshot.metadata.index)
    this.#snapshot = null
  }

  /**
   * What a snapshot of the state machine at `index`, which is applied, covers. Null where this log can't tell: it
   * begins later, as it does as soon as a snapshot is accepted; or it knows no configuration at `index`, as in a
   * replica that joined and got its first one in a later entry. Whoever installed such a snapshot would have nobody
   * to campaign among.
   */
  describe(index: number): SnapshotMetadata | null {
    assert(index <= this.applied, () => `index ${index} is not applied yet`)
    if (index < this.baseIndex || this.#snapshot !== null) return null
    const configuration = this.memberships.at(index)
    if (configuration.voters.length === 0) return null
    return { index, term: this.#terms.termAt(index), configuration }
  }

  /** Forgets everything up to `index`, which is applied. The new base; null if nothing changes. */
  compact(index: number): SnapshotMetadata | null {
    const base = this.describe(index)
    if (base === null || index === this.baseIndex) return null
    this.#terms.compact(index)
    this.memberships.compact(index)
    this.#tail.release(index)
    return base
  }
}
