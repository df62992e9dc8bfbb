/**
 * The effect of one entry while it comes into being: what the session recorded, what it can't record, counts. Leader
 * and replicas build it by the same steps, and the digest chain proves that it came out the same.
 */

import { ByteWriter } from '../base/bytes.ts'
import type { SqlValue } from '../base/value.ts'
import { Capture, sha256 } from './capture.ts'
import type { CapturedChunk, TableEffect } from './capture.ts'
import { decodeRow } from './changeset.ts'
import type { WriterConnection } from './connection.ts'
import type { EntryChanges, RowChange } from './engine.ts'
import { RESERVED_PREFIX } from './policy.ts'
import type { SchemaFacts } from './schema-facts.ts'
import { foldName } from './sql-text.ts'

const SCHEMA_QUERY = 'SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name, tbl_name'

const encoder = new TextEncoder()
const scratch = new ByteWriter(256)

function schemaHash(connection: WriterConnection): Uint8Array {
  const rows = connection.own(SCHEMA_QUERY).all() as unknown as SqlValue[][]
  return sha256(encoder.encode(JSON.stringify(rows)))
}

export class EffectRecorder {
  readonly #connection: WriterConnection
  readonly #schema: SchemaFacts
  readonly #capture: Capture
  readonly #counts = new ByteWriter()
  #chunks: CapturedChunk[] = []
  readonly #unlisted = new Set<string>()
  readonly #written = new Set<string>()
  #changedRows = 0n
  #isSchemaChanged = false
  #isRolledBackTo = false

  constructor(connection: WriterConnection, schema: SchemaFacts) {
    this.#connection = connection
    this.#schema = schema
    this.#capture = new Capture(connection.database)
  }

  reset(): void {
    this.#capture.discard()
    this.#counts.reset()
    this.#chunks = []
    this.#unlisted.clear()
    this.#written.clear()
    this.#changedRows = 0n
    this.#isSchemaChanged = false
    this.#isRolledBackTo = false
  }

  /** From here on changes are recorded, if they are not already. */
  record(): void {
    this.#capture.start()
  }

  /** Ends the chunk that is being recorded. */
  cut(): void {
    const chunk = this.#capture.take()
    // A session of requests that failed leaves an empty chunk, which replicas don't have.
    if (chunk !== null && chunk.effects.length > 0) this.#chunks.push(chunk)
  }

  /** Counts that the transaction's statements gave, in the order of the log. */
  addCounts(counts: Uint8Array, changedRows: bigint): void {
    this.#counts.bytes(counts)
    this.#changedRows += changedRows
  }

  /** Tables that the logged transactions may have written to, in lower case. */
  get writtenTables(): ReadonlySet<string> {
    return this.#written
  }

  addWritten(tables: Iterable<string>): void {
    for (const table of tables) this.#written.add(table)
  }

  addUncaptured(tables: Iterable<string>, isSchemaChanged: boolean): void {
    for (const table of tables) this.#unlisted.add(table)
    this.#isSchemaChanged ||= isSchemaChanged
  }

  /** Chunks taken before a ROLLBACK TO may show what it undid. */
  addRollbackTo(): void {
    this.#isRolledBackTo = true
  }

  /** All changes are made: what they were. */
  finish(): readonly TableEffect[] {
    this.cut()
    return this.#chunks.flatMap((chunk) => chunk.effects)
  }

  /** The chain after this entry. Only after `finish`. */
  digest(previous: Uint8Array): Uint8Array {
    scratch.reset()
    const writer = scratch
    for (const chunk of this.#chunks) {
      writer.varint(chunk.effects.length)
      for (const { table, hash } of chunk.effects) writer.string(table).raw(hash)
    }
    const schema = this.#isSchemaChanged ? schemaHash(this.#connection) : new Uint8Array(0)
    return sha256(previous, writer.view(), this.#counts.view(), schema)
  }

  /** For the change feed. Only after `finish`. */
  changes(index: bigint): EntryChanges {
    const groups = this.#chunks.flatMap((chunk) => chunk.groups)
    const isUnsure = this.#isRolledBackTo && this.#chunks.length > 1
    if (isUnsure) for (const group of groups) this.#unlisted.add(foldName(group.table))
    const listed = groups.filter((group) => this.#isListed(group.table))
    const rows: RowChange[] = listed.flatMap((group) => group.rows.map((row) => decodeRow(group, row)))
    this.#addInvisible(groups.reduce((count, group) => count + group.rows.length, 0))
    const unlistedTables = [...this.#unlisted].filter((table) => !table.startsWith(RESERVED_PREFIX)).sort()
    return { index, rows, unlistedTables, isSchemaChanged: this.#isSchemaChanged }
  }

  #isListed(table: string): boolean {
    const name = foldName(table)
    return !this.#unlisted.has(name) && !name.startsWith(RESERVED_PREFIX) && !this.#schema.isShadow(name)
  }

  #addInvisible(recordedRows: number): void {
    for (const table of this.#written) {
      const visibility = this.#schema.visibility(table)
      const isMissing = visibility === 'without-null-keys' && BigInt(recordedRows) < this.#changedRows
      if (visibility === 'none' || isMissing) this.#unlisted.add(table)
    }
  }
}
