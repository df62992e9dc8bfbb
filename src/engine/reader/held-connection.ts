/**
 * The connection for quick statements on the gateway's own thread. It keeps a read transaction open from one statement
 * to the next, because opening one costs more than a point read does: 628,000 against 109,000 reads a second
 * (DESIGN section 9). The transaction is renewed when the applied index has moved, and let go after `holdTimeMs`
 * whether it was used or not: SQLite can't reset the WAL while a reader holds an old end of it, and a writer that
 * waits for that (wal_checkpoint RESTART) must not wait longer.
 *
 *   free ──#renew──▶ held(index) ──#letGo (timer, close, newer index)──▶ free
 *                      │  ▲
 *                  pin ▼  │ the last unpin, before the timer
 *                    pinned(index) ──the last unpin, behind the timer──▶ free
 *
 * No statement is in the middle of its rows in between, because statements here run to their end in one turn. *Pins* are of transactions,
 * which need one state for all of their reads: those that began at the same index share this connection with each
 * other and with single statements. A pinned connection is not renewed; `canServe` tells who has to take another one.
 */

import type { StatementSync } from 'node:sqlite'
import { assert } from '../../base/assert.ts'
import type { SessionContext } from '../../base/transaction.ts'
import type { ResultColumn, SqlStatement, StatementResult } from '../../base/value.ts'
import { type ParameterLayout, parametersOf } from '../parameters.ts'
import { classify, hasWord, tokens, unquote } from '../sql-text.ts'
import { isSqliteError } from '../sqlite-errors.ts'
import { LruMap } from './lru-map.ts'
import { SlowStatements } from './slow-statements.ts'
import { costOf, type ProgramCost } from './program.ts'
import {
  allRows,
  columnsOf,
  type Description,
  isReadOnlyProgram,
  iterateRows,
  ReadConnection,
  type Row,
  rowSizeBytes,
} from './read-connection.ts'
import type { ReaderOptions } from './reader-options.ts'

/** A statement on this connection. Kept until the schema changes. */
interface Compiled {
  readonly statement: StatementSync
  readonly layout: ParameterLayout
  readonly columns: readonly ResultColumn[]
  readonly isReadOnly: boolean
  readonly isExplain: boolean
  readonly cost: ProgramCost
  /** By its cost, and by nothing that was measured. */
  readonly isCheap: boolean
  /** One row at most, bounded by the limits of this connection. */
  readonly isPoint: boolean
  /** Renewal at which `cost` was computed; it holds for others only where no small table was counted. */
  readonly renewal: number
}

export interface QuickResult extends StatementResult {
  /** Applied index of the state that the statement saw: the one asked for, or a later one. */
  readonly index: bigint
  /** What the statement took. */
  readonly durationMs: number
}

/** Largest value that a statement on the gateway's thread may touch: it bounds what one instruction costs. */
const VALUE_SIZE_BYTES_INLINE_MAX = 64 * 1024
const SQL_LENGTH_INLINE_MAX = 16 * 1024
const PROGRAM_LENGTH_INLINE_MAX = 20_000
const COLUMNS_INLINE_MAX = 256

/** How old the schema may be by which a write is judged. */
const HAZARD_AGE_MS_MAX = 50

const SQLITE_TOOBIG = 18
const SQLITE_NOMEM = 7

/** What is beyond this connection's limits but maybe not beyond a worker's. */
function isOverLimit(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = isSqliteError(cause) ? cause.errcode & 0xff : 0
  return code === SQLITE_TOOBIG || code === SQLITE_NOMEM
}

export class HeldConnection {
  readonly #dataFile: string
  readonly #options: ReaderOptions
  #connection: ReadConnection
  #schemaVersion: StatementSync
  readonly #compiled: LruMap<string, Compiled>
  /** Texts that a worker has compiled in a short time, so that this thread may. */
  readonly #vetted: LruMap<string, true>
  readonly #slow: SlowStatements
  readonly #smallRows = new Map<number, number | null>()
  #views: ReadonlySet<string> | null = null
  #knownSchemaVersion = -1n
  #heldIndex = -1n
  /** What the file says of itself. */
  #seenIndex = 0n
  #renewals = 0
  #renewedAtMs = -Infinity
  #timer: NodeJS.Timeout | null = null
  #pins = 0
  /** Its time was up while it was pinned. */
  #isOverdue = false

  constructor(dataFile: string, options: ReaderOptions) {
    this.#dataFile = dataFile
    this.#options = options
    this.#connection = this.#open()
    this.#compiled = new LruMap(options.statementsCachedMax)
    this.#vetted = new LruMap(options.statementsCachedMax)
    this.#slow = new SlowStatements(options.inlineTimeMsMax, options.statementsCachedMax)
    this.#schemaVersion = this.#connection.prepareOwn('PRAGMA schema_version')
  }

  #open(): ReadConnection {
    return new ReadConnection(this.#dataFile, {
      valueSizeBytesMax: VALUE_SIZE_BYTES_INLINE_MAX,
      mmapSizeBytes: this.#options.mmapSizeBytes,
      programLengthMax: PROGRAM_LENGTH_INLINE_MAX,
    })
  }

  get isHeld(): boolean {
    return this.#heldIndex >= 0n
  }

  close(): void {
    this.#letGo()
    this.#connection.close()
  }

  get isPinned(): boolean {
    return this.#pins > 0
  }

  /** Whether it may be asked for `appliedIndex`. A state whose time is up takes no new readers, so that it ends with those that it has. */
  canServe(appliedIndex: bigint): boolean {
    return this.#pins === 0 || (!this.#isOverdue && this.#heldIndex >= appliedIndex)
  }

  /**
   * Keeps the state at `appliedIndex` or later until `unpin`: for a transaction of a session. Returns the
   * index that the file itself has, to be given to `read` and `describe` from then on. It may be below `appliedIndex`: entries of the
   * group's own are not in the file. Another process that opens the same file finds the same index.
   */
  pin(appliedIndex: bigint): bigint {
    this.#renew(appliedIndex)
    this.#pins++
    return this.#seenIndex
  }

  unpin(): void {
    assert(this.#pins > 0, 'a connection was unpinned more often than it was pinned')
    this.#pins--
    if (this.#pins === 0 && this.#isOverdue) this.#letGo()
  }

  /** Ends the transaction before its time, if nobody needs it. */
  letGo(): void {
    if (this.#pins === 0) this.#letGo()
  }

  /** A worker has compiled `sql` in a short time. */
  vet(sql: string): void {
    this.#vetted.set(sql, true)
  }

  /**
   * Null if the statement must be compiled in a worker first: compiling views and common table expressions that name one
   * another twice takes time exponential in their number (600 bytes of SQL took twelve seconds).
   */
  describe(sql: string, appliedIndex: bigint): Description | null {
    const compiled = this.#compile(sql, appliedIndex)
    if (compiled === null) return null
    const { layout, columns, isExplain, isReadOnly } = compiled
    return { parameters: layout.names, columns, isExplain, isReadOnly }
  }

  /** The whole result; null if the statement is not known to be quick. */
  read(
    statement: SqlStatement,
    context: SessionContext,
    appliedIndex: bigint,
    resultSizeBytesMax: number,
  ): QuickResult | null {
    const compiled = this.#compile(statement.sql, appliedIndex)
    if (compiled === null || !this.#isQuick(compiled, statement.sql)) return null
    this.#connection.context = context
    const watched = this.#slow.watch(statement.sql)
    const startMs = performance.now()
    let durationMs = 0
    let rows: readonly Row[] | null
    try {
      rows = this.#rows(compiled, statement, resultSizeBytesMax)
    } catch (error) {
      if (isOverLimit(error)) return null
      throw this.#connection.toError(error)
    } finally {
      durationMs = performance.now() - startMs
      this.#slow.ran(statement.sql, durationMs, watched)
    }
    if (rows === null) return null
    const { lastInsertRowid: rowid } = context
    const lastInsertRowid = rowid === 0n ? null : rowid
    return {
      columns: compiled.columns,
      rows,
      changes: 0n,
      lastInsertRowid,
      index: this.#heldIndex,
      durationMs,
    }
  }

  #rows(compiled: Compiled, { args }: SqlStatement, resultSizeBytesMax: number): readonly Row[] | null {
    const { statement, layout, isCheap, isPoint } = compiled
    assert(isCheap, 'a statement of unbounded cost was about to run on the gateway thread')
    // One row is bounded by the limits of this connection; several are counted, because they need not be small.
    if (isPoint && resultSizeBytesMax >= this.#options.pageSizeBytesMax)
      return allRows(statement, layout, args)
    const iterator = iterateRows(statement, layout, args)
    try {
      return this.#firstPage(iterator, Math.min(resultSizeBytesMax, this.#options.pageSizeBytesMax))
    } catch (error) {
      // node:sqlite does not reset a statement whose step has failed: its next use would throw this error once more.
      iterator.return?.()
      throw error
    }
  }

  /** Null if there is more than a page has room for. */
  #firstPage(iterator: Iterator<Row>, sizeMax: number): readonly Row[] | null {
    const rows: Row[] = []
    let size = 0
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      rows.push(next.value)
      size += rowSizeBytes(next.value)
      if (rows.length <= this.#options.pageRowsMax && size <= sizeMax) continue
      iterator.return?.()
      return null
    }
    return rows
  }

  #isQuick({ isCheap, isReadOnly }: Compiled, sql: string): boolean {
    return isCheap && isReadOnly && !this.#slow.isSlow(sql)
  }

  #isCheap(cost: ProgramCost, columnCount: number): boolean {
    if (cost.kind !== 'bounded' || columnCount > COLUMNS_INLINE_MAX) return false
    const rows = Math.min(cost.rowsMax, this.#options.pageRowsMax)
    return Math.min(cost.workMax, cost.workPerRow * (rows + 1)) <= this.#options.inlineWorkMax
  }

  #compile(sql: string, appliedIndex: bigint): Compiled | null {
    this.#renew(appliedIndex)
    const known = this.#compiled.get(sql)
    if (known !== undefined && this.#stillHolds(known)) return known
    if (known === undefined && !this.#mayCompile(sql)) return null
    try {
      const compiled = this.#compileNow(sql)
      this.#compiled.set(sql, compiled)
      return compiled
    } catch (error) {
      if (isOverLimit(error)) return null
      throw error
    }
  }

  /** Costs that counted rows hold while those tables stay small; what is unbounded is judged anew at times. */
  #stillHolds({ cost, renewal }: Compiled): boolean {
    if (renewal === this.#renewals) return true
    if (cost.kind === 'unbounded') return this.#renewals - renewal < UNBOUNDED_RENEWALS
    return cost.smallTables.every(
      ({ rootPage, rowsMax }) => (this.#rowsIfSmall(rootPage) ?? Infinity) <= rowsMax,
    )
  }

  #compileNow(sql: string): Compiled {
    const isExplain = classify(sql).kind === 'explain'
    const statement = this.#connection.prepare(sql, 'describe')
    const layout = parametersOf(sql)
    const columns = columnsOf(statement)
    const base = { statement, layout, columns, isExplain, renewal: this.#renewals }
    if (isExplain) {
      const { isReadOnly } = this.#connection.describe(sql)
      const cost: ProgramCost = { kind: 'unbounded', reason: 'EXPLAIN' }
      return { ...base, isReadOnly, cost, isCheap: false, isPoint: false }
    }
    const program = this.#connection.program(sql)
    const cost = costOf(program, (root) => this.#rowsIfSmall(root))
    const isPoint = cost.kind === 'bounded' && cost.rowsMax <= 1
    const isCheap = this.#isCheap(cost, columns.length)
    return { ...base, isReadOnly: isReadOnlyProgram(program), cost, isCheap, isPoint }
  }

  /**
   * Whether compiling `sql` could take long, whatever its length: it names what SQLite expands where it is named. By the schema at
   * `appliedIndex` or later; null for the one that was seen last.
   */
  isHazardous(sql: string, appliedIndex: bigint | null): boolean {
    if (appliedIndex !== null) this.#renew(appliedIndex)
    return !this.#isHarmless(sql)
  }

  /**
   * Whether its schema is too old to judge a write by. Under load every write would renew the snapshot, for nothing but this question. Should a
   * view have been made in the moment since the last time, the engine's own time limit holds.
   */
  get isOutdated(): boolean {
    return performance.now() - this.#renewedAtMs > HAZARD_AGE_MS_MAX
  }

  #mayCompile(sql: string): boolean {
    return sql.length <= SQL_LENGTH_INLINE_MAX && this.#isHarmless(sql)
  }

  #isHarmless(sql: string): boolean {
    if (this.#vetted.has(sql)) return true
    if (MAYBE_WITH.test(sql) && hasWord(sql, WITH)) return false
    const views = this.#viewNames()
    return views.size === 0 || !namesOneOf(sql, views)
  }

  #viewNames(): ReadonlySet<string> {
    this.#views ??= new Set(
      (this.#connection.prepareOwn(VIEWS).all() as unknown as string[][]).map(([name]) =>
        (name as string).toLowerCase(),
      ),
    )
    return this.#views
  }

  #rowsIfSmall(rootPage: number): number | null {
    const known = this.#smallRows.get(rootPage)
    if (known !== undefined) return known
    const rows = this.#countRows(rootPage)
    this.#smallRows.set(rootPage, rows)
    return rows
  }

  #countRows(rootPage: number): number | null {
    const max = this.#options.smallTableRowsMax
    const found = this.#connection.prepareOwn(TABLE_OF_ROOT).all(BigInt(rootPage)) as unknown as string[][]
    const name = rootPage === 1 ? 'sqlite_schema' : found[0]?.[0]
    if (name === undefined) return null
    const quoted = `"${name.replaceAll('"', '""')}"`
    const counting = this.#connection.prepareOwn(
      `SELECT count(*) FROM (SELECT 1 FROM main.${quoted} LIMIT ${max + 1})`,
    )
    const rows = Number((counting.all() as unknown as bigint[][])[0]?.[0])
    return rows > max ? null : roundedUp(rows, max)
  }

  /** The held transaction sees `appliedIndex` afterwards. */
  #renew(appliedIndex: bigint): void {
    if (this.#heldIndex >= appliedIndex) return
    assert(this.#pins === 0, 'a pinned connection was asked for a newer state')
    this.#letGo()
    if (this.#connection.isReplaced) this.#moveOver()
    this.#connection.run('BEGIN')
    // Reading the schema's version also takes the snapshot: BEGIN alone takes none.
    const version = (this.#schemaVersion.all() as unknown as bigint[][])[0]?.[0] as bigint
    // The file may be ahead of what was announced; a file without the engine's table (tools) tells nothing.
    const seen = this.#connection.appliedIndex()
    this.#seenIndex = seen
    this.#heldIndex = seen > appliedIndex ? seen : appliedIndex
    this.#renewals++
    this.#renewedAtMs = performance.now()
    this.#smallRows.clear()
    if (version !== this.#knownSchemaVersion) this.#forgetSchema(version)
    this.#timer = setTimeout(this.#onTime, this.#options.holdTimeMs).unref()
  }

  readonly #onTime = (): void => {
    this.#timer = null
    if (this.#pins > 0) this.#isOverdue = true
    else this.#letGo()
  }

  /** A copy from another member has taken the file's place. */
  #moveOver(): void {
    const opened = this.#open()
    this.#forgetSchema(-1n)
    this.#connection.close()
    this.#connection = opened
    this.#schemaVersion = opened.prepareOwn('PRAGMA schema_version')
  }

  #forgetSchema(version: bigint): void {
    this.#knownSchemaVersion = version
    this.#views = null
    this.#compiled.clear()
    this.#vetted.clear()
    this.#slow.clear()
  }

  #letGo(): void {
    this.#stopTimer()
    this.#isOverdue = false
    if (this.#heldIndex < 0n) return
    this.#heldIndex = -1n
    if (this.#connection.isInTransaction) this.#connection.run('COMMIT')
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

const MAYBE_WITH = /with/i
const WITH: ReadonlySet<string> = new Set(['WITH'])
const VIEWS = "SELECT name FROM sqlite_schema WHERE type = 'view'"
const TABLE_OF_ROOT = 'SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?'

/** After so many renewals an unbounded statement is judged again: its tables may have become small. */
const UNBOUNDED_RENEWALS = 1_000

/** Rounded up, so that a table that grows by a row does not undo what was computed from its size. */
function roundedUp(rows: number, max: number): number {
  return Math.min(max, Math.max(16, 2 ** Math.ceil(Math.log2(rows + 1))))
}

function namesOneOf(sql: string, names: ReadonlySet<string>): boolean {
  for (const { kind, start, end } of tokens(sql)) {
    if (kind !== 'word' && kind !== 'quoted' && kind !== 'string') continue
    if (names.has(unquote(sql.slice(start, end)).toLowerCase())) return true
  }
  return false
}
