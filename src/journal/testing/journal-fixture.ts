/** A small journal on a disk in memory: segments of few sectors, so that a short test uses many. */

import type { Entry } from '../../raft/entry.ts'
import { MemoryDisk } from '../../host/memory-disk.ts'
import { SeededRandom } from '../../host/random.ts'
import type { JournalOptions } from '../journal.ts'
import { Journal } from '../journal.ts'
import type { GroupLog } from '../group-log.ts'
import { TurnClock } from './turn-clock.ts'

export const FOLDER = '/journal'
export const NO_SIZE_LIMIT: number = Number.MAX_SAFE_INTEGER

export function entry(index: number, text: string = `data ${index}`, term: number = 1): Entry {
  return { index, term, kind: 'command', data: new TextEncoder().encode(text) }
}

export function textOf(one: Entry): string {
  return new TextDecoder().decode(one.data)
}

export function openJournal(disk: MemoryDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return Journal.open({
    disk,
    clock: new TurnClock(),
    random: new SeededRandom(1n),
    folder: FOLDER,
    segmentSizeBytes: 8 * 512,
    ...options,
  })
}

export async function newJournal(
  options: Partial<JournalOptions> = {},
): Promise<{ disk: MemoryDisk; journal: Journal }> {
  const disk = new MemoryDisk()
  return { disk, journal: await openJournal(disk, options) }
}

/** Texts of all entries of a log, by index. */
export async function contentOf(log: GroupLog): Promise<Record<number, string>> {
  const content: Record<number, string> = {}
  for (let index = log.base.index + 1; index <= log.lastIndex; index++) {
    for (const one of await log.entries(index, index + 1, NO_SIZE_LIMIT)) content[one.index] = textOf(one)
  }
  return content
}
