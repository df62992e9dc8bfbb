/**
 * The read-only connection of the application's own thread, and the read transaction that it keeps open from one read to the next:
 * opening one costs three times as much as a point read does. It is renewed before a read when the database has moved on, which
 * is one look into shared memory, so a write is seen as soon as it is answered, even by code that never yields to the event
 * loop. It is let go after `HOLD_TIME_MS` in any case: SQLite can't reset its WAL while a reader holds an old end of it.
 *
 *   free ──use: BEGIN──▶ held(version) ──timer, close, another version──▶ free
 *
 * A file that was replaced by a snapshot from another member is opened anew.
 *
 * What statements have learnt from a state (`answers.ts`) is dropped before another one is read. Most often it is: after a write. But where the state was
 * only let go of by the timer, or the core made it be renewed, SQLite's data_version, read inside of the transaction before and of the one after,
 * tells that nothing was committed in between: then it is the same state, and all that was learnt holds.
 */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { ReadConnection } from '../engine/reader/read-connection.ts'
import { AnswerBudget, AnswerMemory } from './answers.ts'
import type { FilePosition } from './file-position.ts'

const HOLD_TIME_MS = 1_000

/** Statements in the application's process are its own: nobody has to be kept from asking for much. */
const OPTIONS = { valueSizeBytesMax: 1_000_000_000, mmapSizeBytes: 2 ** 30, programLengthMax: 250_000_000 }

/** No version is negative. */
const FREE = -1

/** A connection with our own statements, compiled once: BEGIN and COMMIT come with every write that is seen. */
interface Opened {
  readonly connection: ReadConnection
  readonly begin: StatementSync
  readonly commit: StatementSync
  readonly schemaVersion: StatementSync
  readonly dataVersion: StatementSync
  readonly fileVersion: number
}

/** A connection that holds no state while nothing runs on it. */
export interface Apart {
  readonly connection: ReadConnection
  readonly fileVersion: number
}

export class HeldSnapshot {
  /** Of the state that `use` has given last. */
  readonly answers: AnswerMemory
  readonly #dataFile: string
  readonly #position: FilePosition
  readonly #timer: NodeJS.Timeout
  #opened: Opened
  #version = FREE
  #schemaVersion = -1
  /** Of the state that was let go, where something was learnt from it. */
  #dataVersion: bigint | null = null
  #generation = 0
  #renewals = 0
  #pinned = 0
  #spare: Apart | null = null
  #isClosed = false

  constructor(dataFile: string, position: FilePosition, budget: AnswerBudget = new AnswerBudget()) {
    this.answers = new AnswerMemory(budget)
    this.#dataFile = dataFile
    this.#position = position
    this.#opened = openFile(dataFile, position.fileVersion)
    this.#timer = setTimeout(() => this.#rest(), HOLD_TIME_MS).unref()
  }

  /** Another one when the schema or the file has changed: what was compiled before is compiled again. */
  get generation(): number {
    return this.#generation
  }

  /** Another one with each state that is read: what was learnt from one holds while this stays. */
  get renewals(): number {
    return this.#renewals
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Inside of `hold`. */
  get isPinned(): boolean {
    return this.#pinned > 0
  }

  /** A connection of its own, for rows that are taken one by one while other reads move on: until `giveBack`. */
  borrow(): Apart {
    this.#checkOpen()
    const { fileVersion } = this.#position
    const spare = this.#spare
    this.#spare = null
    if (spare?.fileVersion === fileVersion) return spare
    spare?.connection.close()
    return { connection: new ReadConnection(this.#dataFile, OPTIONS), fileVersion }
  }

  /** One is kept for the next time: opening takes longer than most scans. */
  giveBack(apart: Apart): void {
    if (this.#isClosed || this.#spare !== null) apart.connection.close()
    else this.#spare = apart
  }

  /** The connection, in a transaction that sees the newest state, or the one that `hold` keeps. */
  use(): ReadConnection {
    if (this.#position.version !== this.#version) this.#renew()
    return this.#opened.connection
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
    clearTimeout(this.#timer)
    this.#isClosed = true
    this.answers.drop()
    this.#opened.connection.close()
    this.#spare?.connection.close()
  }

  #renew(): void {
    this.#checkOpen()
    if (this.#pinned > 0) return
    this.#letGo()
    // Read before the snapshot is taken: what comes in between makes the next read renew once more.
    const { version, fileVersion } = this.#position
    if (fileVersion !== this.#opened.fileVersion) this.#reopen(fileVersion)
    this.#opened.begin.run()
    if (!this.#isSameState()) {
      this.answers.drop()
      this.#lookAtSchema()
    }
    this.#renewals++
    this.#version = version
    this.#timer.refresh()
  }

  /** Whether something was learnt from the state before, and the one that is taken here, or by `#lookAtSchema`, is no other. */
  #isSameState(): boolean {
    return !this.answers.isEmpty && this.#dataVersion === numberOf(this.#opened.dataVersion)
  }

  /** Takes the snapshot: BEGIN alone does not. */
  #lookAtSchema(): void {
    const schemaVersion = Number(numberOf(this.#opened.schemaVersion))
    if (schemaVersion === this.#schemaVersion) return
    this.#schemaVersion = schemaVersion
    // SQLite compiles by the schema that it has in memory, and looks whether that is still true when a statement runs.
    this.#opened.connection.appliedIndex()
    this.#generation++
  }

  #reopen(fileVersion: number): void {
    // The versions that two connections tell have nothing to do with one another.
    this.answers.drop()
    this.#opened.connection.close()
    this.#opened = openFile(this.#dataFile, fileVersion)
    this.#generation++
  }

  /** Where nobody has read since the state was let go, what was learnt from it is given back, too. */
  #rest(): void {
    if (this.#version === FREE) this.answers.drop()
    this.#letGo()
    if (!this.answers.isEmpty) this.#timer.refresh()
  }

  #letGo(): void {
    // A transaction without a version is one that could not be made use of: nothing was learnt from it.
    const isLearntFrom = this.#version !== FREE && !this.answers.isEmpty
    this.#version = FREE
    if (!this.#opened.connection.isInTransaction) return
    if (isLearntFrom) this.#dataVersion = numberOf(this.#opened.dataVersion)
    this.#opened.commit.run()
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new HarmonyError('SHUTTING_DOWN', 'This database is closed: open it again to read it.')
  }
}

function openFile(dataFile: string, fileVersion: number): Opened {
  const connection = new ReadConnection(dataFile, OPTIONS)
  return {
    connection,
    begin: connection.prepareOwn('BEGIN'),
    commit: connection.prepareOwn('COMMIT'),
    schemaVersion: connection.prepareOwn('PRAGMA schema_version'),
    dataVersion: connection.prepareOwn('PRAGMA data_version'),
    fileVersion,
  }
}

function numberOf(pragma: StatementSync): bigint {
  return (pragma.get() as unknown as [bigint])[0]
}
