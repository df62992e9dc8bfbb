/**
 * What a transaction changed: recorded by an SQLite session, brought into a canonical form, hashed.
 *
 * The order of rows in a changeset follows the session's hash tables. On the leader these also hold rows of
 * requests that failed and were rolled back, and a row's "indirect" flag may stem from them. Replicas never saw those. So
 * the canonical form sorts tables by name and rows by bytes, and leaves the flag out.
 */

import { hash as hashOnce } from 'node:crypto'
import type { DatabaseSync, Session } from 'node:sqlite'
import { ByteWriter } from '../base/bytes.ts'
import { tableGroups } from './changeset.ts'
import type { RawRow, TableGroup } from './changeset.ts'

export const TABLE_HASH_BYTES = 16

/** The changes of one table between two moments. */
export interface TableEffect {
  readonly table: string
  /** First 16 bytes of SHA-256 over the canonical rows. */
  readonly hash: Uint8Array
}

export interface CapturedChunk {
  readonly effects: readonly TableEffect[]
  readonly groups: readonly TableGroup[]
  readonly rowCount: number
}

const OPERATION_CODES: Readonly<Record<RawRow['operation'], number>> = { insert: 18, delete: 9, update: 23 }

function compareRows(left: RawRow, right: RawRow): number {
  if (left.operation !== right.operation) return left.operation < right.operation ? -1 : 1
  return Buffer.compare(left.records, right.records)
}

const scratch = new ByteWriter(4096)
/** More rows get a buffer of their own, so that the shared one stays small. */
const SCRATCH_ROWS_MAX = 1_000

/** `string table | varint columns | primary key flags | per row u8 operation, records` */
function hashGroup(group: TableGroup): Uint8Array {
  const rows = group.rows.length > 1 ? [...group.rows].sort(compareRows) : group.rows
  const writer = rows.length > SCRATCH_ROWS_MAX ? new ByteWriter() : scratch
  writer.reset()
  writer.string(group.table).varint(group.primaryKey.length)
  for (const isKey of group.primaryKey) writer.boolean(isKey)
  for (const row of rows) writer.u8(OPERATION_CODES[row.operation]).raw(row.records)
  return new Uint8Array(hashOnce('sha256', writer.view(), 'buffer')).slice(0, TABLE_HASH_BYTES)
}

function byName(left: TableGroup, right: TableGroup): number {
  return left.table < right.table ? -1 : 1
}

export function chunkOf(changeset: Uint8Array): CapturedChunk {
  const groups = tableGroups(changeset).sort(byName)
  return {
    effects: groups.map((group) => ({ table: group.table, hash: hashGroup(group) })),
    groups,
    rowCount: groups.reduce((count, group) => count + group.rows.length, 0),
  }
}

/** SHA-256 of some parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(hashOnce('sha256', Buffer.concat(parts), 'buffer'))
}

/** Records changes from `start` to `take`. */
export class Capture {
  readonly #database: DatabaseSync
  #session: Session | null = null

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get isRecording(): boolean {
    return this.#session !== null
  }

  start(): void {
    this.#session ??= this.#database.createSession({ db: 'main' })
  }

  /** What was recorded since `start`; stops recording. Null if it was not recording. */
  take(): CapturedChunk | null {
    const session = this.#session
    if (session === null) return null
    this.#session = null
    try {
      return chunkOf(session.changeset())
    } finally {
      session.close()
    }
  }

  discard(): void {
    this.#session?.close()
    this.#session = null
  }
}
