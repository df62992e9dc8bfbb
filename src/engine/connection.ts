/**
 * The writer's connection: opening the SQLite file, the settings that every replica must share, and the engine's
 * own tables (DESIGN.md, "The file").
 *
 * The settings are constants: what a statement does may depend on them, and a replica with another value could
 * compute something else. Only sizes of caches and maps, which change no result, are options.
 */

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Session, StatementSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { must } from '../base/assert.ts'
import type { SqlValue } from '../base/value.ts'
import type { AppliedState, EngineLimits } from './engine.ts'
import { installPostgresFunctions } from './functions-postgres.ts'
import { fromSqlite } from './sqlite-errors.ts'

/** Of the tables under `_harmony_` and of the digest. A file with a higher one is not opened. */
export const FORMAT_VERSION = 1

export const DEFAULT_LIMITS: EngineLimits = {
  sqlLengthBytesMax: 1024 * 1024,
  rowLengthBytesMax: 64 * 1024 * 1024,
  entryLengthBytesMax: 32 * 1024 * 1024,
  capturedRowsMax: 50_000,
  idempotencyLifetimeMs: 24 * 60 * 60 * 1000,
  mmapSizeBytes: 1024 * 1024 * 1024,
}

/** How long calls wait for others who use the file: a checkpoint, or another process that has it open. */
export const BUSY_TIMEOUT_MS = 5_000
const DIGEST_BYTES = 32
/** A disk with less free space than this counts as full. */
const FREE_BYTES_MIN = 1024 * 1024

/** Page size counts only before the first page is written. */
const NEW_FILE_SETTINGS = 'PRAGMA page_size = 4096'

/**
 * `synchronous = NORMAL`: the journal makes writes durable, SQLite needs only to stay consistent. `wal-upkeep.ts` keeps the
 * WAL short. `recursive_triggers` and `threads` are SQLite's defaults, spelled out because results depend on them.
 */
function settings(limits: EngineLimits): string {
  return `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
    PRAGMA recursive_triggers = OFF; PRAGMA threads = 0; PRAGMA trusted_schema = ON; PRAGMA cache_size = -32000;
    PRAGMA mmap_size = ${limits.mmapSizeBytes}; PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864`
}

const OWN_TABLES = `
  CREATE TABLE _harmony_state (
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, term INTEGER NOT NULL,
    "index" INTEGER NOT NULL, digest BLOB NOT NULL, time_ms INTEGER NOT NULL
  );
  CREATE TABLE _harmony_idempotency (
    key TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL, outcome BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX _harmony_idempotency_expires ON _harmony_idempotency (expires_ms);
  INSERT INTO _harmony_state VALUES (1, ${FORMAT_VERSION}, 0, 0, zeroblob(${DIGEST_BYTES}), 0);
`

export interface StoredState extends AppliedState {
  /** Log time: the time of the last entry. */
  readonly timeMs: number
}

type Row = SqlValue[]

export interface Counters {
  readonly totalChanges: bigint
  readonly changes: bigint
  readonly lastInsertRowid: bigint
}

/** Counts statements compiled by the engine for itself: few, and known ahead. */
export class WriterConnection {
  readonly database: DatabaseSync
  readonly #dataFile: string
  readonly #busyTimeoutMs: number
  readonly #statements = new Map<string, StatementSync>()
  /** Keeps SQLite from compiling `DELETE FROM t` into an instruction that sessions don't see (DESIGN.md). */
  #guard: Session
  #foreignKeys = true
  #planner: DatabaseSync | null = null

  private constructor(database: DatabaseSync, dataFile: string, busyTimeoutMs: number) {
    this.database = database
    this.#dataFile = dataFile
    this.#busyTimeoutMs = busyTimeoutMs
    this.#guard = database.createSession({ table: '_harmony_state' })
  }

  /** Rejects with FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FAILED. */
  static open(
    dataFile: string,
    limits: EngineLimits,
    busyTimeoutMs: number = BUSY_TIMEOUT_MS,
  ): WriterConnection {
    let database: DatabaseSync | null = null
    try {
      database = openFile(dataFile, limits, busyTimeoutMs)
      ensureOwnTables(database, dataFile)
      return new WriterConnection(database, dataFile, busyTimeoutMs)
    } catch (error) {
      database?.close()
      throw fromSqlite(error)
    }
  }

  close(): void {
    this.#planner?.close()
    this.#guard.close()
    this.database.close()
  }

  /** One of the engine's own statements, compiled once. */
  own(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  row(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.own(sql).get(...values) as unknown as Row | undefined
  }

  /** Only between transactions: SQLite ignores it inside one. */
  setForeignKeys(isOn: boolean): void {
    if (this.#foreignKeys === isOn) return
    this.database.exec(`PRAGMA foreign_keys = ${isOn ? 'ON' : 'OFF'}`)
    this.#foreignKeys = isOn
  }

  /** How long calls wait for others who use the file; null for the usual time. */
  setBusyTimeout(timeoutMs: number | null): void {
    this.database.exec(`PRAGMA busy_timeout = ${timeoutMs ?? this.#busyTimeoutMs}`)
  }

  /**
   * The program of a statement under the committed schema; null if it can't be told. On a connection of its own,
   * because EXPLAIN of a write resets `changes()` and nothing may happen inside an open transaction on the leader alone.
   */
  explain(sql: string, foreignKeys: boolean = this.#foreignKeys): Row[] | null {
    try {
      this.#planner ??= openPlanner(this.#dataFile)
      this.#planner.exec(`PRAGMA foreign_keys = ${foreignKeys ? 'ON' : 'OFF'}`)
      // EXPLAIN runs nothing, so it never notices that the schema it was compiled under is an old one. This does.
      this.#planner.exec('SELECT 1 FROM main.sqlite_schema LIMIT 1')
      return this.#planner.prepare(`EXPLAIN ${sql}`).all() as unknown as Row[]
    } catch {
      return null
    }
  }

  /** What EXPLAIN gives for `sql`, compiled by this connection. */
  program(sql: string): Row[] {
    return this.database.prepare(`EXPLAIN ${sql}`).all() as unknown as Row[]
  }

  /** The root page of `sqlite_sequence`; null as long as no table has AUTOINCREMENT. */
  sequenceRoot(): number | null {
    const root = this.row(`SELECT rootpage FROM main.sqlite_schema WHERE name = 'sqlite_sequence'`)?.[0]
    return typeof root === 'bigint' ? Number(root) : null
  }

  counters(): Counters {
    const row = must(this.row('SELECT total_changes(), changes(), last_insert_rowid()'))
    return { totalChanges: row[0] as bigint, changes: row[1] as bigint, lastInsertRowid: row[2] as bigint }
  }

  readState(): StoredState {
    const row = must(this.row('SELECT "index", term, digest, time_ms FROM _harmony_state'))
    return {
      index: row[0] as bigint,
      term: row[1] as bigint,
      digest: row[2] as Uint8Array,
      timeMs: Number(row[3]),
    }
  }

  writeState(state: StoredState): void {
    const sql = 'UPDATE _harmony_state SET "index" = ?, term = ?, digest = ?, time_ms = ?'
    this.own(sql).run(state.index, state.term, state.digest, BigInt(state.timeMs))
  }

  /** SQLite has one code for a full disk and for an exhausted AUTOINCREMENT sequence. */
  isDiskFull(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.#dataFile))
    return bavail * bsize < FREE_BYTES_MIN
  }
}

const PLANNER_OPTIONS = {
  readOnly: true,
  readBigInts: true,
  returnArrays: true,
  enableDoubleQuotedStringLiterals: true,
  timeout: BUSY_TIMEOUT_MS,
}

function openPlanner(dataFile: string): DatabaseSync {
  const database = new DatabaseSync(dataFile, PLANNER_OPTIONS)
  installPostgresFunctions(database)
  return database
}

function openFile(dataFile: string, limits: EngineLimits, busyTimeoutMs: number): DatabaseSync {
  const database = new DatabaseSync(dataFile, {
    readBigInts: true,
    returnArrays: true,
    allowBareNamedParameters: false,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: true,
    defensive: true,
    timeout: busyTimeoutMs,
    limits: { attach: 0 },
  })
  database.exec(NEW_FILE_SETTINGS)
  database.exec(settings(limits))
  return database
}

function ensureOwnTables(database: DatabaseSync, dataFile: string): void {
  const found = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = '_harmony_state'`).get()
  if (found === undefined) {
    database.exec(`BEGIN IMMEDIATE; ${OWN_TABLES} COMMIT`)
    return
  }
  const row = database.prepare('SELECT format FROM _harmony_state').get() as unknown as Row | undefined
  const format = row?.[0]
  if (typeof format !== 'bigint') {
    throw new HarmonyError('DATA_CORRUPT', `${dataFile}: the table _harmony_state has no row`)
  }
  if (format > BigInt(FORMAT_VERSION)) {
    throw new HarmonyError(
      'FORMAT_TOO_NEW',
      `${dataFile} has format ${format}, and this version knows ${FORMAT_VERSION}: start the version that wrote it, or a later one`,
    )
  }
}
