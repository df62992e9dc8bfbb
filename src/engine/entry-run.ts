/**
 * One entry while it is executed (leader) or replayed: its SQLite transaction, and the transactions in it one after the
 * other. Both roles take the same steps here, so that they can't drift apart; what the leader alone decides (which
 * statement is captured) it writes into the log, and replicas follow.
 */

import { assert, must } from '../base/assert.ts'
import { ByteWriter } from '../base/bytes.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { SqlValue, StatementResult } from '../base/value.ts'
import type { WriterConnection } from './connection.ts'
import { EffectRecorder } from './effect.ts'
import type { EngineLimits, EntryStamp } from './engine.ts'
import type { RunMode } from './entry-codec.ts'
import { installFunctions, RandomStream } from './functions.ts'
import { installPostgresFunctions } from './functions-postgres.ts'
import { WritePolicy } from './policy.ts'
import { isIndexCommand } from './program.ts'
import { RandomRowidError, RowidWatch } from './rowid-watch.ts'
import { SchemaFacts } from './schema-facts.ts'
import { type SessionCounts, SessionCounters } from './session-counters.ts'
import { StatementCache } from './statement-cache.ts'
import type { PreparedStatement } from './statement-cache.ts'
import { runStatement } from './statement-run.ts'
import type { StatementRun } from './statement-run.ts'

/** SQLite's own limit of strings, blobs and rows. */
const LENGTH_MAX = 1_000_000_000

const TRIAL = 'SAVEPOINT _harmony_trial'
const TRIAL_UNDO = 'ROLLBACK TO _harmony_trial'
const TRIAL_END = 'RELEASE _harmony_trial'
const STATEMENT = 'SAVEPOINT _harmony_statement'
const STATEMENT_UNDO = 'ROLLBACK TO _harmony_statement'
const STATEMENT_END = 'RELEASE _harmony_statement'
const TRANSACTION = 'SAVEPOINT _harmony_transaction'
const TRANSACTION_UNDO = 'ROLLBACK TO _harmony_transaction'
const TRANSACTION_END = 'RELEASE _harmony_transaction'

export type Role = 'leader' | 'replica'

/** The transaction that is being run. */
interface Current extends SessionCounts {
  readonly context: SessionContext
  readonly ordinal: number
  /** Rows that its statements changed, those of triggers and foreign key actions included. */
  changedRows: bigint
  readonly counts: ByteWriter
  readonly tables: Set<string>
  /** It has one statement. */
  readonly isLone: boolean
  hasSavepoint: boolean
  hasRowWrite: boolean
  /** What it did can't be undone alone. */
  hasLasting: boolean
}

export interface StatementDone {
  readonly run: StatementRun
  readonly mode: RunMode
}

const CAPTURED: RunMode = { isNewChunk: false, isUncaptured: false, isTried: false, isGuarded: false }
const NEW_CHUNK: RunMode = { ...CAPTURED, isNewChunk: true }
const UNCAPTURED: RunMode = { ...CAPTURED, isUncaptured: true }
const TRIED: RunMode = { ...NEW_CHUNK, isTried: true }
const TRIED_UNCAPTURED: RunMode = { ...UNCAPTURED, isTried: true }

type Once = () => StatementRun

export class EntryRun {
  readonly connection: WriterConnection
  readonly #statements: StatementCache
  readonly schema: SchemaFacts
  readonly effect: EffectRecorder
  readonly #rowids: RowidWatch
  readonly #limits: EngineLimits
  readonly #counters: SessionCounters
  readonly #random = new RandomStream()
  readonly #isQuickOnly: boolean
  #role: Role | null = null
  #timeMs = 0
  readonly #counts = new ByteWriter()
  #current: Current | null = null
  #isSchemaTouched = false
  #schemaReloads = 0
  #recordedRows = 0n

  /** `isQuickOnly`: every statement is known to be quick, so none changes many rows, runs triggers, or leaves half of what it does. */
  constructor(connection: WriterConnection, limits: EngineLimits, isQuickOnly: boolean = false) {
    this.connection = connection
    this.#isQuickOnly = isQuickOnly
    this.#limits = limits
    this.#counters = new SessionCounters(connection, isQuickOnly)
    this.schema = new SchemaFacts(connection)
    this.effect = new EffectRecorder(connection, this.schema)
    this.#rowids = new RowidWatch(connection)
    const policy = new WritePolicy()
    this.#statements = new StatementCache(connection, policy, isQuickOnly)
    const context = {
      timeMs: (): number => this.#timeMs,
      randomBytes: (size: number): Uint8Array => this.#random.bytes(size),
    }
    installFunctions(connection.database, context)
    installPostgresFunctions(connection.database)
    policy.install(connection.database)
  }

  get isOpen(): boolean {
    return this.connection.database.isTransaction
  }

  /** How often what was known of the schema became void. */
  get schemaReloads(): number {
    return this.#schemaReloads
  }

  /** Another connection has changed the schema. No entry may be open. */
  forgetSchema(): void {
    assert(!this.isOpen, 'the schema changes while an entry is open')
    this.#reloadSchema()
  }

  /** Opens the SQLite transaction of an entry. */
  start(stamp: EntryStamp, foreignKeys: boolean, role: Role): void {
    assert(!this.isOpen, 'an entry is open already')
    this.#setRole(role)
    this.#timeMs = stamp.timeMs
    this.#random.reseed(stamp.seed)
    this.#forget()
    this.connection.setForeignKeys(foreignKeys)
    this.#statements.setForeignKeys(foreignKeys)
    this.connection.own('BEGIN IMMEDIATE').run()
    this.#counters.read()
  }

  /** Limits hold for what clients send; what is in the log must run, whatever this member's limits are. */
  #setRole(role: Role): void {
    if (this.#role === role) return
    this.#role = role
    const isLeader = role === 'leader'
    this.connection.database.limits.length = isLeader ? this.#limits.rowLengthBytesMax : LENGTH_MAX
  }

  /** Compiles a statement of the current transaction. Throws what refuses it. */
  prepare(sql: string): PreparedStatement {
    const current = must(this.#current, 'no transaction is open')
    const lengthBytesMax = this.#role === 'leader' ? this.#limits.sqlLengthBytesMax : LENGTH_MAX
    const prepared = this.#statements.prepare(sql, lengthBytesMax)
    // SQLite defers them when it compiles the PRAGMA, and until the end of the SQLite transaction.
    if (prepared.facts.defersForeignKeys) current.hasLasting = true
    return prepared
  }

  /** Undoes everything since `start`, if SQLite has not done so already. */
  undo(): void {
    this.#forget()
    if (this.isOpen) this.connection.own('ROLLBACK').run()
    if (this.#isSchemaTouched) this.#reloadSchema()
    this.#isSchemaTouched = false
  }

  /** COMMITs. Throws SQLite's error and leaves the transaction open where deferred foreign keys are violated. */
  commit(): void {
    this.connection.own('COMMIT').run()
    if (this.#isSchemaTouched) this.#reloadSchema()
    this.#isSchemaTouched = false
  }

  /**
   * Opens the savepoint of one of the entry's transactions. `ordinal`: how many come before it in the log. Quick statements that are known whole, a `lone`
   * one or `several`, and that fail as a whole, get what they need of this when it is their turn.
   */
  beginTransaction(
    context: SessionContext,
    ordinal: number,
    kind: 'lone' | 'several' | 'interactive' = 'interactive',
  ): void {
    this.#counts.reset()
    const current = {
      context,
      ordinal,
      changedRows: 0n,
      lastInsertRowid: context.lastInsertRowid,
      changes: context.changes,
      counts: this.#counts,
      tables: new Set<string>(),
      isLone: kind === 'lone',
      hasSavepoint: false,
      areChangesSet: false,
      hasRowWrite: false,
      hasLasting: false,
    }
    this.#current = current
    if (this.#isQuickOnly && kind !== 'interactive') return
    this.#openSavepoint(current)
    this.#counters.primeRowid(current)
    // Savepoints make full-text indexes write what they held back, which counts too.
    if (this.schema.hasVirtual) this.#counters.read()
  }

  #openSavepoint(current: Current): void {
    this.connection.own(TRANSACTION).run()
    current.hasSavepoint = true
  }

  /** A lone statement without a result needs no savepoint to be undone, and most need no value to be set beforehand. */
  #makeReady(current: Current, { columns, facts, rowidEffect }: PreparedStatement): void {
    const isWholeOrNothing = current.isLone && columns.length === 0
    if (!current.hasSavepoint && !isWholeOrNothing) this.#openSavepoint(current)
    const isAsked = facts.functions.has('last_insert_rowid') || this.schema.asksForSession
    if (isAsked || rowidEffect === 'unknown') this.#counters.primeRowid(current)
  }

  /** Keeps what the transaction did. Returns the session's context after it. What only reads is not in the log. */
  endTransaction(isLogged: boolean): SessionContext {
    const current = must(this.#current, 'no transaction is open')
    if (current.hasSavepoint) this.connection.own(TRANSACTION_END).run()
    if (isLogged) {
      this.effect.addCounts(current.counts.view(), current.changedRows)
      this.effect.addWritten(current.tables)
    }
    this.#current = null
    return {
      foreignKeys: current.context.foreignKeys,
      lastInsertRowid: current.lastInsertRowid,
      changes: current.changes,
      totalChanges: current.context.totalChanges + current.changedRows,
    }
  }

  /**
   * Undoes what the transaction did. False if that is not enough: SQLite has ended the whole entry, a chunk of the
   * capture holds changes that are undone now, or foreign keys stay deferred. Then the entry must be undone and its other transactions run again.
   */
  undoTransaction(): boolean {
    const { hasLasting, hasSavepoint } = must(this.#current, 'no transaction is open')
    this.#current = null
    if (!this.isOpen) return false
    if (hasSavepoint) {
      this.connection.own(TRANSACTION_UNDO).run()
      this.connection.own(TRANSACTION_END).run()
    }
    if (this.#isSchemaTouched) this.#reloadSchema()
    return !hasLasting
  }

  /**
   * Runs a statement and counts it. `position`: in the client's transaction. `mode`: as the log says, or null for the
   * leader to decide. `isGuarded`: a result that is too large leaves no effect of the statement.
   */
  run(
    prepared: PreparedStatement,
    values: readonly SqlValue[],
    position: number,
    mode: RunMode | null,
    sizeBytesMax: number,
    isGuarded: boolean,
  ): StatementDone {
    const current = must(this.#current, 'no transaction is open')
    if (this.#isQuickOnly) this.#makeReady(current, prepared)
    this.#setChanges(current, prepared)
    const once: Once = () => {
      this.#random.seek(current.ordinal, position)
      return runStatement(this.connection, prepared, values, sizeBytesMax)
    }
    if (!prepared.facts.isWrite) return { run: this.#read(current, prepared, once), mode: CAPTURED }
    if (isGuarded) this.#savepoint(STATEMENT)
    const done = this.#runWrite(current, prepared, mode ?? this.#decide(prepared, values), once)
    if (done.run.kind === 'failed' && done.run.error.code === 'RESPONSE_TOO_LARGE') {
      if (isGuarded) this.#undoGuarded(current)
    } else {
      this.#count(current, prepared, done)
      if (isGuarded && this.isOpen) this.#savepoint(STATEMENT_END)
    }
    return isGuarded ? { run: done.run, mode: { ...done.mode, isGuarded } } : done
  }

  /** On a replica: what a statement whose result was too large for its client has left behind on the leader. */
  repeatUndone(mode: RunMode): void {
    const current = must(this.#current, 'no transaction is open')
    this.#savepoint(STATEMENT)
    if (mode.isNewChunk || mode.isUncaptured) this.#cut(current)
    this.#undoGuarded(current)
  }

  /** True if SQLite may have chosen a rowid at random in this entry: it must be undone and run again, with suspicion. */
  mayHaveRandomRowids(): boolean {
    return this.#rowids.findNew(this.effect.writtenTables)
  }

  result(prepared: PreparedStatement, run: StatementRun & { kind: 'ok' }): StatementResult {
    const current = must(this.#current, 'no transaction is open')
    return {
      columns: prepared.columns,
      rows: run.rows,
      changes: prepared.facts.isRowWrite && !prepared.facts.isSchemaChange ? current.changes : 0n,
      lastInsertRowid: current.lastInsertRowid === 0n ? null : current.lastInsertRowid,
    }
  }

  #savepoint(sql: string): void {
    this.connection.own(sql).run()
    this.#counters.read()
  }

  /** SQLite's counters don't go back with a rollback. */
  #undoGuarded(current: Current): void {
    this.connection.own(STATEMENT_UNDO).run()
    this.connection.own(STATEMENT_END).run()
    this.#counters.prime(current)
  }

  #forget(): void {
    this.effect.reset()
    this.#current = null
    this.#recordedRows = 0n
  }

  /** Before the first write, `changes()` must tell the session's count and not what the connection did last. */
  #setChanges(current: Current, prepared: PreparedStatement): void {
    if (current.areChangesSet) return
    if (!prepared.facts.functions.has('changes') && !this.schema.asksForSession) return
    this.#counters.prime(current)
    current.areChangesSet = true
  }

  /** The leader's choice; 'trial' where only running the statement can tell (DESIGN.md, "Bounded capture"). */
  #decide(prepared: PreparedStatement, values: readonly SqlValue[]): RunMode | 'trial' {
    const { facts } = prepared
    if (facts.isSchemaChange || facts.isAnalyze) return UNCAPTURED
    // It may take away tables in which changes were recorded, and a changeset needs its tables.
    if (facts.isRollbackTo && this.#isSchemaTouched) return NEW_CHUNK
    if (!facts.isRowWrite) return CAPTURED
    if (this.#rowids.isSuspect(facts.tables)) return 'trial'
    if (this.#recordedRows >= BigInt(this.#limits.capturedRowsMax)) return UNCAPTURED
    if (this.#writesVirtualTable(prepared) && isIndexCommand(prepared.sql, values)) return UNCAPTURED
    if (this.#canChangeMany(prepared)) return 'trial'
    return CAPTURED
  }

  /** EXPLAIN of a write resets `changes()`, as if the write had been run. */
  #read(current: Current, prepared: PreparedStatement, once: Once): StatementRun {
    if (prepared.facts.isExplain && !current.hasRowWrite) current.areChangesSet = false
    return once()
  }

  /** Where the transaction has changed the schema, nobody else can compile its statements: then only a trial tells. */
  #canChangeMany(prepared: PreparedStatement): boolean {
    return this.#isSchemaTouched || prepared.canChangeMany()
  }

  #writesVirtualTable(prepared: PreparedStatement): boolean {
    return this.schema.hasVirtual && [...prepared.facts.tables].some((table) => this.schema.isVirtual(table))
  }

  #runWrite(
    current: Current,
    prepared: PreparedStatement,
    mode: RunMode | 'trial',
    once: Once,
  ): StatementDone {
    if (mode === 'trial') return this.#runTrial(current, prepared, once)
    if (mode.isTried) return this.#repeatTrial(current, prepared, mode, once)
    if (mode.isUncaptured) return this.#runUncaptured(current, prepared, mode, once)
    if (mode.isNewChunk) this.#cut(current)
    if (prepared.facts.isRowWrite) this.effect.record()
    const run = once()
    if (prepared.facts.isRollbackTo) this.#afterRollbackTo()
    return { run, mode }
  }

  #cut(current: Current): void {
    this.effect.cut()
    current.hasLasting = true
  }

  #runUncaptured(current: Current, prepared: PreparedStatement, mode: RunMode, once: Once): StatementDone {
    const { facts } = prepared
    this.#cut(current)
    const isSchemaChange = facts.isSchemaChange || facts.isAnalyze
    if (isSchemaChange) this.#isSchemaTouched = true
    const run = once()
    this.effect.addUncaptured(facts.tables, facts.isSchemaChange)
    if (isSchemaChange && this.isOpen) this.#reloadSchema()
    return { run, mode }
  }

  /** Runs without a session to see how many rows change; if few, undoes it and runs again with one. */
  #runTrial(current: Current, prepared: PreparedStatement, once: Once): StatementDone {
    const { tables } = prepared.facts
    const isSuspect = this.#rowids.isSuspect(tables)
    this.#cut(current)
    this.#savepoint(TRIAL)
    const first = once()
    if (!this.isOpen) return { run: first, mode: TRIED }
    const changedRows = this.#counters.changedSince()
    const isBig = this.#recordedRows + changedRows > BigInt(this.#limits.capturedRowsMax)
    const rowids = isSuspect ? this.#rowids.fingerprint(tables) : ''
    if (isBig && !isSuspect) return this.#keepTrial(prepared, first)
    const done = isBig ? this.#repeatBig(current, prepared, once) : this.#runAfterTrial(current, once)
    if (isSuspect && this.isOpen && this.#rowids.fingerprint(tables) !== rowids)
      throw new RandomRowidError(tables)
    return done
  }

  #keepTrial(prepared: PreparedStatement, run: StatementRun): StatementDone {
    if (this.isOpen) this.connection.own(TRIAL_END).run()
    this.effect.addUncaptured(prepared.facts.tables, false)
    return { run, mode: TRIED_UNCAPTURED }
  }

  #repeatBig(current: Current, prepared: PreparedStatement, once: Once): StatementDone {
    this.connection.own(TRIAL_UNDO).run()
    this.#counters.prime(current)
    return this.#keepTrial(prepared, once())
  }

  #runAfterTrial(current: Current, once: Once): StatementDone {
    this.connection.own(TRIAL_UNDO).run()
    this.connection.own(TRIAL_END).run()
    this.#counters.prime(current)
    this.effect.record()
    return { run: once(), mode: TRIED }
  }

  /**
   * What the leader's trial came to, with the same savepoints: at each of them full-text indexes write what they hold
   * back, so that their content depends on where savepoints are.
   */
  #repeatTrial(current: Current, prepared: PreparedStatement, mode: RunMode, once: Once): StatementDone {
    this.#cut(current)
    this.#savepoint(TRIAL)
    return mode.isUncaptured ? this.#keepTrial(prepared, once()) : this.#runAfterTrial(current, once)
  }

  #afterRollbackTo(): void {
    this.effect.addRollbackTo()
    if (this.#isSchemaTouched) this.#reloadSchema()
  }

  /** What SQLite holds of the schema and its statistics becomes what the file says (DESIGN.md, "Determinism"). */
  #reloadSchema(): void {
    this.#schemaReloads++
    this.#statements.clear()
    this.schema.clear()
    this.#rowids.clear()
    this.connection.database.exec('PRAGMA writable_schema = RESET')
  }

  #count(current: Current, prepared: PreparedStatement, { run, mode }: StatementDone): void {
    const { changedRows, changes, lastInsertRowid } = this.#counters.after(current, prepared, run)
    current.changedRows += changedRows
    current.lastInsertRowid = lastInsertRowid
    const countsRows = prepared.facts.isRowWrite && !prepared.facts.isSchemaChange
    // One that fails as a whole may leave `changes()` as it was, and what it was depends on who was here before: it counts as none.
    const isCounted = run.kind === 'ok' || changedRows > 0n
    if (countsRows) {
      current.changes = isCounted ? changes : 0n
      current.areChangesSet = isCounted
      current.hasRowWrite = true
    }
    if (!mode.isUncaptured) this.#recordedRows += changedRows
    for (const table of prepared.facts.tables) current.tables.add(table)
    current.counts
      .bigVarint(changedRows)
      .i64(lastInsertRowid)
      .bigVarint(countsRows ? current.changes : 0n)
    current.counts.string(run.kind === 'failed' ? run.error.code : '')
  }
}
