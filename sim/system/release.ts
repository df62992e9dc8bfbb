/**
 * Which version of the program runs on a machine. There is one program; a later one is simulated where bytes leave it and come in: it reads
 * and writes formats that have the next version number and one field more, and the program of today refuses those.
 *
 *     today  ──▶  reading  ──▶  writing            reads 1, writes 1;   reads 1 and 2, writes 1;   reads 1 and 2, writes 2
 *
 * Two formats are raised together: entries of the log, which members hand to each other, and segments of the journal, which a machine keeps for itself.
 * What a connection is made of is agreed on by its handshake, and needs no order of upgrades.
 */

import { crc32c } from '../../src/base/crc32c.ts'
import type { BatchExecution, Engine, LogEntry, PreparedCommit } from '../../src/engine/engine.ts'
import { ENTRY_VERSION } from '../../src/engine/entry-codec.ts'
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES } from '../../src/journal/format.ts'

export interface Release {
  readonly name: string
  readonly readsNext: boolean
  readonly writesNext: boolean
}

export const TODAY: Release = { name: 'today', readsNext: false, writesNext: false }
/** Comes first everywhere, so that whoever then writes what is new finds nobody who can't read it. */
export const READING: Release = { name: 'reading', readsNext: true, writesNext: false }
export const WRITING: Release = { name: 'writing', readsNext: true, writesNext: true }

/** The field that only the next version of an entry has. */
const NEW_FIELD = 0x2a
const SEGMENT_FILE = /\/journal\/[^/]+$/
const VERSION_AT = 8
const CHECKSUM_AT = 12
const [CHECKED_START, CHECKED_END] = [16, 64]

/** `engine` as the program of this release has it. */
export function engineOf(release: Release, engine: Engine): Engine {
  if (!release.readsNext) return engine
  const calls: Partial<Engine> = {
    executeBatch: async (requests, stamp) => written(release, await engine.executeBatch(requests, stamp)),
    prepareCommit: async () => written(release, await engine.prepareCommit()),
    replay: (entries) => engine.replay(entries.map((entry) => read(entry))),
  }
  return new Proxy(engine, {
    get(target, name) {
      const call = calls[name as keyof Engine]
      if (call !== undefined) return call
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function written<T extends BatchExecution | PreparedCommit>({ writesNext }: Release, made: T): T {
  if (made.kind !== 'pending' || !writesNext) return made
  return { ...made, payload: Uint8Array.of(ENTRY_VERSION + 1, ...made.payload.subarray(1), NEW_FIELD) }
}

function read(entry: LogEntry): LogEntry {
  const { payload } = entry
  if (payload[0] !== ENTRY_VERSION + 1) return entry
  return { ...entry, payload: Uint8Array.of(ENTRY_VERSION, ...payload.subarray(1, -1)) }
}

/** What the disk gets where the program writes `bytes` at `position` of the file `path`. */
export function toDisk(release: Release, path: string, position: number, bytes: Uint8Array): Uint8Array {
  if (!release.writesNext || position > 0 || !SEGMENT_FILE.test(path) || bytes.length < SEGMENT_HEADER_BYTES)
    return bytes
  return withVersion(bytes, FORMAT_VERSION + 1)
}

/** What the program gets where the disk has `bytes`. */
export function fromDisk(
  release: Release,
  path: string,
  position: number,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (!release.readsNext || position > 0 || !isNextSegment(path, bytes)) return bytes
  return withVersion(bytes, FORMAT_VERSION)
}

/** Whether the file is a segment that only a later version reads. */
export function isNextSegment(path: string, bytes: Uint8Array): boolean {
  if (!SEGMENT_FILE.test(path) || bytes.length < SEGMENT_HEADER_BYTES) return false
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(VERSION_AT, true) === FORMAT_VERSION + 1
}

function withVersion(bytes: Uint8Array, version: number): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(bytes)
  const view = new DataView(changed.buffer)
  view.setUint32(VERSION_AT, version, true)
  view.setUint32(CHECKSUM_AT, crc32c(changed, version, CHECKED_START, CHECKED_END), true)
  return changed
}
