/**
 * One read-only connection to a database file: opened so that nothing can be written, asked about its statements,
 * and told what the session functions answer. Used on the gateway's thread and in query workers alike.
 */

import { existsSync } from 'node:fs'
import { constants, DatabaseSync, type StatementSync } from 'node:sqlite'
import { HarmonyError } from '../../base/errors.ts'
import { INITIAL_CONTEXT, type SessionContext } from '../../base/transaction.ts'
import type { ResultColumn, SqlArguments, SqlValue } from '../../base/value.ts'
import { bindingOf, type ParameterLayout, parametersOf, plainBinding, valuesOf } from '../parameters.ts'
import { fileIdentity, isBeingReplaced, openUnmixed } from '../file-replacement.ts'
import { installPostgresFunctions } from '../functions-postgres.ts'
import { classify, startOfStatement } from '../sql-text.ts'
import { outsideLookaside } from '../lookaside.ts'
import { fromSqlite } from '../sqlite-errors.ts'
import type { Instruction } from './program.ts'
import { judgeRead, type Purpose } from './read-policy.ts'

export type Row = readonly SqlValue[]

export interface ReadConnectionOptions {
  readonly valueSizeBytesMax: number
  readonly mmapSizeBytes: number
  /** Longest program that a statement may compile to. */
  readonly programLengthMax: number
  /** How long opening may block while the file is being replaced. Default 0. */
  readonly replacementWaitMs?: number
}

/** What is known of a statement without running it. The same shape as the gateway's StatementDescription. */
export interface Description {
  /** Names with their prefix, by position; null for `?`. */
  readonly parameters: readonly (string | null)[]
  readonly columns: readonly ResultColumn[]
  readonly isExplain: boolean
  readonly isReadOnly: boolean
}

export class ReadConnection {
  readonly #dataFile: string
  readonly #db: DatabaseSync
  /** Of the file that it has open. */
  readonly #identity: string | null
  #context: SessionContext = INITIAL_CONTEXT
  #refusal: HarmonyError | null = null
  #appliedIndex: StatementSync | null = null
  /** Null while our own statements are compiled. */
  #purpose: Purpose | null = null

  constructor(dataFile: string, options: ReadConnectionOptions) {
    const { replacementWaitMs = 0 } = options
    const opened = openUnmixed(dataFile, replacementWaitMs, () => openReadOnly(dataFile, options))
    this.#dataFile = dataFile
    this.#db = opened.connection
    this.#identity = opened.identity
    outsideLookaside(this.#db, () => {
      this.#defineSessionFunctions()
      installPostgresFunctions(this.#db)
    })
    this.#db.setAuthorizer((action, first, second) => this.#authorize(action, first, second))
  }

  /** What `last_insert_rowid()`, `changes()` and `total_changes()` tell from now on. */
  set context(context: SessionContext) {
    this.#context = context
  }

  /** Another file has taken the place of the one that it reads; a new connection would see that. */
  get isReplaced(): boolean {
    return fileIdentity(this.#dataFile) !== this.#identity && !isBeingReplaced(this.#dataFile)
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction
  }

  close(): void {
    this.#db.close()
  }

  /** Without a result: BEGIN, COMMIT and our own settings. */
  run(sql: string): void {
    this.#db.exec(sql)
  }

  /** A statement of our own. */
  prepareOwn(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** A client's statement, compiled under the policy, with rows as arrays and integers as bigint. Throws a HarmonyError. */
  prepare(sql: string, purpose: Purpose): StatementSync {
    this.#refusal = null
    this.#purpose = purpose
    try {
      return this.#db.prepare(sql)
    } catch (error) {
      throw this.toError(error)
    } finally {
      this.#purpose = null
    }
  }

  /** An error of running a statement; a refusal by the authorizer names its reason. */
  toError(error: unknown): HarmonyError {
    const refusal = this.#refusal
    this.#refusal = null
    return refusal ?? fromSqlite(error)
  }

  /** The program that `sql` compiles to. */
  program(sql: string): Instruction[] {
    const rows = this.prepare(
      `EXPLAIN ${sql.slice(startOfStatement(sql))}`,
      'describe',
    ).all() as unknown as SqlValue[][]
    return rows.map((row) => ({
      opcode: row[1] as string,
      p1: Number(row[2]),
      p2: Number(row[3]),
      p3: Number(row[4]),
      p4: row[5] as string | null,
    }))
  }

  /** The applied index that the file has, as this connection sees it now; 0 in a file without the engine's tables. */
  appliedIndex(): bigint {
    try {
      this.#appliedIndex ??= this.#db.prepare(APPLIED_INDEX)
      const rows = this.#appliedIndex.all() as unknown as bigint[][]
      return rows[0]?.[0] ?? 0n
    } catch {
      // A file that no engine has written to: reading the schema has taken the snapshot all the same.
      return 0n
    }
  }

  describe(sql: string): Description {
    const isExplain = classify(sql).kind === 'explain'
    const statement = this.prepare(sql, 'describe')
    const plain = isExplain ? sql.slice(startOfStatement(sql)).replace(EXPLAIN_PREFIX, '') : sql
    return {
      parameters: parametersOf(sql).names,
      columns: columnsOf(statement),
      isExplain,
      isReadOnly: isReadOnlyProgram(this.program(plain)),
    }
  }

  /** While a statement runs, SQLite may compile others for it (`pragma_table_info` does): they are a client's, too. */
  #authorize(action: number, first: string | null, second: string | null): number {
    const purpose = this.#purpose ?? (action === constants.SQLITE_PRAGMA ? 'run' : null)
    if (purpose === null) return constants.SQLITE_OK
    const verdict = judgeRead(action, first, second, purpose)
    if (verdict.kind === 'allowed') return constants.SQLITE_OK
    if (verdict.kind === 'ignored') return constants.SQLITE_IGNORE
    this.#refusal = verdict.error
    return constants.SQLITE_DENY
  }

  #defineSessionFunctions(): void {
    const db = this.#db
    db.function('last_insert_rowid', { useBigIntArguments: true }, () => this.#context.lastInsertRowid)
    db.function('changes', { useBigIntArguments: true }, () => this.#context.changes)
    db.function('total_changes', { useBigIntArguments: true }, () => this.#context.totalChanges)
  }
}

/** Throws OVERLOADED where the file is not there: a replica that was removed takes its file along before anybody is told. */
function openReadOnly(dataFile: string, options: ReadConnectionOptions): DatabaseSync {
  try {
    return openExisting(dataFile, options)
  } catch (cause) {
    if (existsSync(dataFile)) throw cause
    throw new HarmonyError(
      'OVERLOADED',
      `The file ${dataFile} is not there: the replica of this member was removed, or is being made. Nothing was done; try again.`,
      { cause },
    )
  }
}

function openExisting(dataFile: string, options: ReadConnectionOptions): DatabaseSync {
  const db = new DatabaseSync(dataFile, {
    readOnly: true,
    readBigInts: true,
    returnArrays: true,
    enableDoubleQuotedStringLiterals: true,
    allowExtension: false,
    allowBareNamedParameters: false,
    defensive: true,
    timeout: BUSY_TIMEOUT_MS,
    limits: { length: options.valueSizeBytesMax, attach: 0, vdbeOp: options.programLengthMax },
  })
  // Sorts in memory: the memory of a worker is watched, and what they would write to files could fill the disk.
  db.exec(
    `PRAGMA temp_store=MEMORY; PRAGMA query_only=1; PRAGMA mmap_size=${options.mmapSizeBytes}; PRAGMA cache_size=-8000`,
  )
  // Reads, so that the WAL is open from here on (file-replacement.ts).
  db.exec('PRAGMA schema_version')
  return db
}

/** Where the engine keeps it (engine/DESIGN.md, "The file"). */
const APPLIED_INDEX = 'SELECT "index" FROM _harmony_state'

/** In WAL mode a reader waits only while the file is being recovered or reset. */
const BUSY_TIMEOUT_MS = 1_000

const EXPLAIN_PREFIX = /^EXPLAIN(?:\s+QUERY\s+PLAN)?\b/i

/** Instructions that make sqlite3_stmt_readonly() tell false (vdbeaux.c, resolveP2Values), with OP_Transaction's P2. */
const WRITING_OPCODES: ReadonlySet<string> = new Set(['Checkpoint', 'Vacuum', 'JournalMode'])

/** As SQLite's own sqlite3_stmt_readonly, which `node:sqlite` does not offer: it looks at the program too. */
export function isReadOnlyProgram(program: readonly Instruction[]): boolean {
  return !program.some(
    ({ opcode, p2 }) => WRITING_OPCODES.has(opcode) || (opcode === 'Transaction' && p2 !== 0),
  )
}

export function columnsOf(statement: StatementSync): ResultColumn[] {
  return statement.columns().map(({ name, type }) => ({ name, declaredType: type }))
}

type StatementArguments = Parameters<StatementSync['all']>

function toNode(layout: ParameterLayout, args: SqlArguments): StatementArguments {
  const plain = plainBinding(layout, args)
  if (plain !== null) return plain as StatementArguments
  if (args.positional.length > 0 && args.named.length > 0)
    throw new HarmonyError(
      'ARGS_BOTH_POSITIONAL_AND_NAMED',
      'Positional and named arguments can not be mixed in one statement: use one kind.',
    )
  return bindingOf(layout, valuesOf(layout, args)) as StatementArguments
}

/** All rows at once: only for statements that give few. */
export function allRows(statement: StatementSync, layout: ParameterLayout, args: SqlArguments): Row[] {
  return statement.all(...toNode(layout, args)) as unknown as Row[]
}

/** Rows one by one. The statement stays open, and with it its read transaction, until the iterator has ended. */
export function iterateRows(
  statement: StatementSync,
  layout: ParameterLayout,
  args: SqlArguments,
): Iterator<Row> {
  return statement.iterate(...toNode(layout, args)) as unknown as Iterator<Row>
}

/** Roughly what a row takes in memory and on the wire. */
export function rowSizeBytes(row: Row): number {
  let size = 0
  for (const value of row) {
    if (typeof value === 'string') size += value.length + 5
    else if (value instanceof Uint8Array) size += value.byteLength + 5
    else size += 9
  }
  return size
}
