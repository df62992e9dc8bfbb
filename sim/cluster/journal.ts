/**
 * The journal of a simulated replica: what its disk holds, record by record, and what can be recovered from it.
 *
 * One write of the core becomes several records, so that a crash may come in the middle of it; the last one
 * is marked, and a write whose last record is missing did not happen (each write is all or nothing).
 * `JournalState` folds records into hard state and log. The same fold serves recovery after a crash and the
 * checkers, which ask at any moment what would survive one now.
 */

import { INITIAL_HARD_STATE } from '../../src/raft/entry.ts'
import type { Entry, HardState, SnapshotMetadata } from '../../src/raft/entry.ts'
import type { StorageWrite } from '../../src/raft/ready.ts'
import { assert } from '../../src/base/assert.ts'
import type { MachineImage } from './machine.ts'
import { MemoryLog } from './memory-log.ts'

export type JournalPart =
  | { readonly kind: 'hard-state'; readonly hardState: HardState }
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'snapshot'; readonly snapshot: SnapshotMetadata; readonly image: MachineImage }
  | { readonly kind: 'compact'; readonly base: SnapshotMetadata }
  /** An empty record, so that every write has one. */
  | { readonly kind: 'nothing' }

export interface JournalRecord {
  readonly part: JournalPart
  /** This record completes its write. */
  readonly last: boolean
}

/** The records of one write, in the order in which storage performs it: snapshot, entries, hard state. */
export function recordsOf(write: StorageWrite, image: MachineImage | null): JournalRecord[] {
  const parts: JournalPart[] = []
  if (write.snapshot !== null) {
    assert(image !== null, 'a snapshot to install has an image')
    parts.push({ kind: 'snapshot', snapshot: write.snapshot, image })
  }
  for (const entry of write.entries) parts.push({ kind: 'entry', entry })
  if (write.hardState !== null) parts.push({ kind: 'hard-state', hardState: write.hardState })
  return closed(parts)
}

export function compactionRecords(base: SnapshotMetadata): JournalRecord[] {
  return closed([{ kind: 'compact', base }])
}

function closed(parts: readonly JournalPart[]): JournalRecord[] {
  const nonEmpty: readonly JournalPart[] = parts.length === 0 ? [{ kind: 'nothing' }] : parts
  return nonEmpty.map((part, at) => ({ part, last: at === nonEmpty.length - 1 }))
}

/** What a journal says, up to the last complete write that was folded in. */
export class JournalState {
  hardState: HardState = INITIAL_HARD_STATE
  readonly log: MemoryLog
  /** The newest snapshot that was installed; a state machine older than it is useless. */
  installed: MachineImage | null = null
  /** How many records the complete writes so far had. */
  completeCount = 0
  #open: JournalPart[] = []

  constructor(base: SnapshotMetadata) {
    this.log = new MemoryLog(base)
  }

  add(record: JournalRecord): void {
    this.#open.push(record.part)
    if (!record.last) return
    this.completeCount += this.#open.length
    for (const part of this.#open) this.#fold(part)
    this.#open = []
  }

  #fold(part: JournalPart): void {
    switch (part.kind) {
      case 'hard-state':
        this.hardState = part.hardState
        break
      case 'entry':
        this.log.write([part.entry])
        break
      case 'snapshot':
        this.log.install(part.snapshot)
        this.installed = part.image
        break
      case 'compact':
        this.log.compact(part.base)
        break
      case 'nothing':
        break
    }
  }
}

/** Reads a journal after a crash: up to the first torn record or hole, complete writes only. */
export function recoverJournal(
  contents: readonly (JournalRecord | null)[],
  base: SnapshotMetadata,
): JournalState {
  const state = new JournalState(base)
  for (const record of contents) {
    if (record === null) break
    state.add(record)
  }
  return state
}
