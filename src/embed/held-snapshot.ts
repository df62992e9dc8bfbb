/**
 * The read-only connection of the application's own thread, and the read transaction that it keeps open from one read to the next:
 * opening one costs three times as much as a point read does. It is renewed before a read when the database has moved on, which
 * is one look into shared memory, so a write is seen as soon as it is answered, even by code that never yields to the event
 * loop. It is let go after `HOLD_TIME_MS` in any case: SQLite can't reset its WAL while a reader holds an old end of it.
 *
 *   free ──use: BEGIN──▶ held(version) ──timer, close, another version──▶ free
 *
 * A file that was replaced by a snapshot from another member is opened anew.
 */

import { HarmonyError } from '../base/errors.ts'
import { ReadConnection } from '../engine/reader/read-connection.ts'
import type { FilePosition } from './file-position.ts'

const HOLD_TIME_MS = 1_000

/** Statements in the application's process are its own: nobody has to be kept from asking for much. */
const OPTIONS = { valueSizeBytesMax: 1_000_000_000, mmapSizeBytes: 2 ** 30, programLengthMax: 250_000_000 }

export class HeldSnapshot {
  readonly #dataFile: string
  readonly #position: FilePosition
  #connection: ReadConnection
  #version = -1
  #fileVersion: number
  /** Counts the files that were opened: statements of an earlier one are prepared again. */
  #opened = 1
  #pinned = 0
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(dataFile: string, position: FilePosition) {
    this.#dataFile = dataFile
    this.#position = position
    this.#fileVersion = position.fileVersion
    this.#connection = new ReadConnection(dataFile, OPTIONS)
  }

  get opened(): number {
    return this.#opened
  }

  /** A connection of its own, for rows that are taken one by one while other reads move on. */
  openAnother(): ReadConnection {
    this.#checkOpen()
    return new ReadConnection(this.#dataFile, OPTIONS)
  }

  /** The connection, in a transaction that sees the newest state, or the one that `hold` keeps. */
  use(): ReadConnection {
    if (this.#position.version !== this.#version || this.#timer === null) this.#renew()
    return this.#connection
  }

  /** Everything that `read` reads is of one state. */
  hold<T>(read: () => T): T {
    this.use()
    this.#pinned++
    try {
      return read()
    } finally {
      this.#pinned--
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#letGo()
    this.#isClosed = true
    this.#connection.close()
  }

  #renew(): void {
    this.#checkOpen()
    if (this.#pinned > 0) return
    this.#letGo()
    // Read before the snapshot is taken: what comes in between makes the next read renew once more.
    const { version, fileVersion } = this.#position
    if (fileVersion !== this.#fileVersion) this.#reopen(fileVersion)
    this.#connection.run('BEGIN')
    // BEGIN alone takes no snapshot.
    this.#connection.appliedIndex()
    this.#version = version
    this.#timer = setTimeout(() => this.#expire(), HOLD_TIME_MS).unref()
  }

  #reopen(fileVersion: number): void {
    this.#connection.close()
    this.#connection = new ReadConnection(this.#dataFile, OPTIONS)
    this.#fileVersion = fileVersion
    this.#opened++
  }

  #expire(): void {
    this.#timer = null
    this.#letGo()
  }

  #letGo(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#version = -1
    if (this.#connection.isInTransaction) this.#connection.run('COMMIT')
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new HarmonyError('SHUTTING_DOWN', 'This database is closed: open it again to read it.')
  }
}
