/**
 * Decides where each statement of a session runs (DESIGN.md beside this file), and keeps what SQLite would keep in
 * a connection: transaction, settings, `last_insert_rowid()`. One call at a time; `ClientSession` sees to that.
 */

import { fromErrorData } from '../base/error-data.ts'
import { assert, unreachable } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { ResultColumn, SqlStatement, SqlValue, StatementResult } from '../base/value.ts'
import { NO_ARGUMENTS } from '../base/value.ts'
import { Aftermath } from './aftermath.ts'
import { ALREADY_READ, type Answer, isRead, noted, watched } from './answer.ts'
import { consistencyHint, formatConsistency, parseConsistency, withHint } from './consistency.ts'
import { isConstraint } from './constraint-error.ts'
import type { OpenDatabase } from './open-database.ts'
import { OpenTransaction } from './open-transaction.ts'
import type { BeginMode, InlineResult } from './reader.ts'
import type { ReadRequest, StatementClass, StatementControl } from './reader.ts'
import type {
  Consistency,
  Credential,
  ExecuteOptions,
  ResultReceiver,
  StatementDescription,
} from './session.ts'
import { ReadsAtOnce } from './reads-at-once.ts'
import { SessionState } from './session-state.ts'
import type { SessionObserver } from './statistics.ts'
import { timeInTurn, turnEnded } from './turn.ts'
import { readHere } from './reads-here.ts'
import { writeHere } from './writes-here.ts'

const SESSION: Consistency = { level: 'session' }

const DEFER_FOREIGN_KEYS: SqlStatement = { sql: 'PRAGMA defer_foreign_keys=ON', args: NO_ARGUMENTS }

export class StatementRunner {
  readonly database: OpenDatabase
  readonly state: SessionState = new SessionState()
  readonly #readsAtOnce: ReadsAtOnce
  readonly #credential: Credential
  readonly #observer: SessionObserver
  #transaction: OpenTransaction | null = null
  readonly #aftermath: Aftermath = new Aftermath()

  constructor(database: OpenDatabase, credential: Credential, observer: SessionObserver) {
    this.database = database
    this.#credential = credential
    this.#observer = observer
    this.#readsAtOnce = new ReadsAtOnce(database, this.state)
  }

  /** One that has ended by itself counts until its client is told: a COMMIT that is left out here would look like one that was done. */
  get isAutocommit(): boolean {
    return this.#transaction === null && this.#aftermath.isOver
  }

  get mayWrite(): boolean {
    return this.#credential.access === 'read-write'
  }

  /** Runs one statement. `resultSizeBytesMax` bounds reads; `signal` stops them. */
  async run(
    statement: SqlStatement,
    asked: ExecuteOptions,
    resultSizeBytesMax: number,
    signal: () => AbortSignal,
  ): Promise<Answer> {
    const pause = turnEnded()
    if (pause !== null) await pause
    const found = this.database.reader.classify(statement.sql)
    // Who gives up what is over gets what was asked for.
    if (found.kind !== 'control' || found.control.type !== 'rollback') this.takeEnded(found)
    const options = withHint(statement.sql, asked)
    if (this.#aftermath.isEndedBy(found)) return this.#empty()
    if (found.kind === 'control') return this.#controlled(found.control, options)
    const mayRead = found.kind === 'unknown' || !this.mayWrite
    const request = this.#readRequest(statement, resultSizeBytesMax)
    const transaction = this.#transaction
    if (transaction === null) {
      const answer = mayRead ? await this.#read(request, options, signal) : null
      return answer ?? this.#write(statement, options)
    }
    if (!transaction.isWriting && mayRead && (await this.isReadOnly(statement.sql, options)))
      return this.#readInTransaction(transaction, request, options, signal())
    return this.#writeInTransaction(transaction, statement)
  }

  /** What can be answered in this moment; null for everything else. */
  runNow(statement: SqlStatement, resultSizeBytesMax: number): InlineResult | null {
    const transaction = this.#transaction
    if (!this.#aftermath.isOver) return null
    if (transaction !== null && (transaction.isWriting || transaction.ended !== null)) return null
    // What a comment asks for may be more than the session does.
    if (consistencyHint(statement.sql) !== null) return null
    const nowMs = timeInTurn()
    if (nowMs === null) return null
    const found = this.database.reader.classify(statement.sql)
    if (found.kind === 'control') return this.#controlNow(found.control)
    if (found.kind === 'write' && this.mayWrite) return null
    const result =
      transaction === null
        ? this.#readsAtOnce.read(statement, resultSizeBytesMax, nowMs)
        : this.#readsAtOnce.readIn(transaction, statement, resultSizeBytesMax, nowMs)
    if (result !== null) this.#observer.statementDone('read', result.durationMs)
    return result
  }

  /** A lone write whose writer is near; false, with nothing done, for everything else. */
  writeHere(statement: SqlStatement, receiver: ResultReceiver): boolean {
    if (!this.isAutocommit || !this.mayWrite || timeInTurn() === null) return false
    return writeHere(this.database, this.state, this.#observer, statement, receiver)
  }

  /** A lone read about which the leader is asked first; false, with nothing done, for everything else. */
  readHere(statement: SqlStatement, receiver: Required<ResultReceiver>): boolean {
    if (!this.isAutocommit || consistencyHint(statement.sql) !== null || timeInTurn() === null) return false
    if (this.database.reader.classify(statement.sql).kind !== 'unknown') return false
    return readHere(this.database, this.state, this.#observer, statement, receiver)
  }

  /** The transaction has not written. */
  #controlNow(control: StatementControl): InlineResult | null {
    const transaction = this.#transaction
    const isEnd = control.type === 'commit' || control.type === 'rollback'
    if (transaction === null) {
      if (control.type !== 'begin' || this.state.defersForeignKeys) return null
      if (control.mode === 'immediate' || this.state.hasConflicted) return null
      this.#open(control.mode, false, {})
    } else {
      if (!isEnd) return null
      this.#forget(transaction)
      transaction.endReads()
    }
    this.#observer.statementDone('control', 0)
    const { lastIndex: index, lastInsertRowid } = this.state
    return { columns: [], rows: [], changes: 0n, lastInsertRowid, index, durationMs: 0 }
  }

  /** Throws why a transaction is over, if it has ended by itself: `statement` does not run. */
  takeEnded(statement: StatementClass | null = null): void {
    const transaction = this.#transaction
    const reason = transaction?.ended ?? null
    if (transaction === null || reason === null) return
    this.#drop(transaction)
    this.#aftermath.lost(reason, statement)
    throw reason
  }

  /**
   * By SQLite. What it does not know may have been created a moment ago elsewhere, so an error counts only when the
   * local file is as fresh as the read would have to be.
   */
  async isReadOnly(sql: string, options: ExecuteOptions): Promise<boolean> {
    return isRead(await this.describe(sql, options))
  }

  async describe(sql: string, options: ExecuteOptions): Promise<StatementDescription> {
    const { reader, core } = this.database
    const inTransaction = await this.#describeInTransaction(sql)
    if (inTransaction !== null) return inTransaction
    // Columns and names as of the session's own writes at least: they may have been done on another member.
    const isBehind = core.appliedIndex < this.state.lastIndex
    const appliedIndex = isBehind
      ? await this.database.fresh(SESSION, this.state.lastIndex)
      : core.appliedIndex
    try {
      return await reader.describe(sql, appliedIndex)
    } catch (error) {
      const fresh = await this.#fresh(options)
      if (fresh === appliedIndex) throw error
      return reader.describe(sql, fresh)
    }
  }

  /** By the writer, where the transaction may have changed the schema. Transaction control never reaches the writer. */
  async #describeInTransaction(sql: string): Promise<StatementDescription | null> {
    const { reader, core } = this.database
    if (this.#transaction?.isWriting !== true || reader.classify(sql).kind === 'control') return null
    await reader.vet(sql, core.appliedIndex)
    return (await this.#transaction?.describe(sql)) ?? null
  }

  /** One transaction; takes the session's context there and back. */
  async submit(statements: readonly SqlStatement[], options: ExecuteOptions): Promise<TransactionOutcome> {
    this.#checkMayWrite()
    const defers = this.state.defersForeignKeys
    this.state.defersForeignKeys = false
    const outcome = await this.database.core.submit({
      statements: defers ? [DEFER_FOREIGN_KEYS, ...statements] : statements,
      context: this.state.context,
      idempotencyKey: options.idempotencyKey ?? null,
      resultSizeBytesMax: this.database.configuration.resultSizeBytesMax,
    })
    if (outcome.kind === 'committed') this.state.committed(outcome.index, outcome.context)
    const results = defers ? outcome.results.slice(1) : outcome.results
    if (outcome.kind === 'failed') for (const result of results) this.state.noteResult(result)
    if (!defers) return outcome
    return outcome.kind === 'committed'
      ? { ...outcome, results }
      : { ...outcome, results, failedStatement: outcome.failedStatement - 1 }
  }

  /** Several reads of one state, all known to only read. */
  async readTogether<Result>(
    statements: readonly SqlStatement[],
    options: ExecuteOptions,
    signal: () => AbortSignal,
    take: (answer: Answer) => Promise<Result>,
  ): Promise<Result[]> {
    const transaction = await this.#begin('deferred', false, {})
    const placed = withHint((statements[0] as SqlStatement).sql, options)
    try {
      const results: Result[] = []
      for (const statement of statements) {
        await turnEnded()
        const { resultSizeBytesMax } = this.database.configuration
        const request = this.#readRequest(statement, resultSizeBytesMax)
        results.push(await take(this.#readInTransaction(transaction, request, placed, signal())))
      }
      return results
    } finally {
      await this.#rollback(transaction)
    }
  }

  /** Throws TRANSACTION_ACTIVE inside a transaction. */
  checkAutocommit(): void {
    this.#aftermath.check()
    if (this.#transaction !== null)
      throw new HarmonyError('TRANSACTION_ACTIVE', 'cannot start a transaction within a transaction')
  }

  /** Rolls back what is open. Never rejects. */
  async close(): Promise<void> {
    const transaction = this.#transaction
    if (transaction !== null) await this.#rollback(transaction).catch(() => undefined)
  }

  #fresh({ consistency = this.state.consistency }: ExecuteOptions): Promise<bigint> {
    return this.database.fresh(consistency, this.state.lastIndex)
  }

  #checkMayWrite(): void {
    if (!this.mayWrite) throw new HarmonyError('READ_ONLY', 'The credential of this session may only read.')
  }

  #readRequest(statement: SqlStatement, resultSizeBytesMax: number): Omit<ReadRequest, 'appliedIndex'> {
    const timeoutMs = this.database.configuration.statementTimeoutMs
    return { statement, context: this.state.context, resultSizeBytesMax, timeoutMs }
  }

  /** Null if the statement turns out to write. */
  async #read(
    request: Omit<ReadRequest, 'appliedIndex'>,
    options: ExecuteOptions,
    signal: () => AbortSignal,
  ): Promise<Answer | null> {
    const { reader } = this.database
    const appliedIndex = await this.#fresh(options)
    const placed: ReadRequest = { ...request, appliedIndex }
    const result = reader.readInline(placed)
    if (!isRead(result === null ? await this.#describeAt(placed) : ALREADY_READ)) return null
    // Like the end of any transaction, a read in autocommit ends what `PRAGMA defer_foreign_keys` had set.
    this.state.defersForeignKeys = false
    if (result === null)
      return noted(reader.readInWorker({ ...placed, signal: signal() }), appliedIndex, this.state)
    this.state.seen(result.index)
    return { kind: 'result', effect: 'read', result, index: result.index }
  }

  #describeAt({ statement, appliedIndex }: ReadRequest): Promise<StatementDescription> {
    return this.database.reader.describe(statement.sql, appliedIndex)
  }

  async #write(statement: SqlStatement, options: ExecuteOptions): Promise<Answer> {
    this.#checkMayWrite()
    await this.database.reader.vet(statement.sql, this.database.core.appliedIndex)
    const outcome = await this.submit([statement], options)
    if (outcome.kind === 'failed') throw fromErrorData(outcome.error)
    const result = outcome.results[0] as StatementResult
    return { kind: 'result', effect: 'write', result, index: outcome.index }
  }

  #readInTransaction(
    transaction: OpenTransaction,
    request: Omit<ReadRequest, 'appliedIndex'>,
    options: ExecuteOptions,
    signal: AbortSignal,
  ): Answer {
    const { consistency = transaction.consistency ?? this.state.consistency } = options
    const fresh = (): Promise<bigint> => this.database.fresh(consistency, this.state.lastIndex)
    const either = AbortSignal.any([signal, transaction.signal])
    const pages = watched(transaction.read({ ...request, signal: either }, fresh), () =>
      this.#noteEnd(transaction),
    )
    const index = (): bigint => {
      this.state.seen(transaction.snapshotIndex ?? 0n)
      return this.state.lastIndex
    }
    return { kind: 'pages', pages, index }
  }

  /** A statement's error has told its client. What SQLite rolls back by itself (RAISE(ROLLBACK)), it goes on after in autocommit. */
  #noteEnd(transaction: OpenTransaction): void {
    const reason = transaction.ended
    if (reason === null || this.#transaction !== transaction) return
    this.#drop(transaction)
    if (reason.code !== 'TRANSACTION_ABORTED') this.#aftermath.lost(reason, null)
  }

  async #writeInTransaction(transaction: OpenTransaction, statement: SqlStatement): Promise<Answer> {
    this.#checkMayWrite()
    await this.database.reader.vet(statement.sql, this.database.core.appliedIndex)
    try {
      const result = await transaction.write(statement, this.database.configuration.resultSizeBytesMax)
      this.state.noteResult(result)
      return { kind: 'result', effect: 'write', result, index: this.state.lastIndex }
    } catch (error) {
      if (error instanceof HarmonyError && error.code === 'TRANSACTION_CONFLICT')
        this.state.hasConflicted = true
      this.#noteEnd(transaction)
      throw error
    }
  }

  /** The answer of a statement that changes nothing here. */
  #empty(columns: readonly ResultColumn[] = [], rows: readonly (readonly SqlValue[])[] = []): Answer {
    const result = { columns, rows, changes: 0n, lastInsertRowid: this.state.lastInsertRowid }
    return { kind: 'result', effect: 'control', result, index: this.state.lastIndex }
  }

  async #controlled(control: StatementControl, options: ExecuteOptions): Promise<Answer> {
    const transaction = this.#transaction
    try {
      return await this.#control(control, options)
    } catch (error) {
      if (transaction !== null) this.#noteEnd(transaction)
      throw error
    }
  }

  async #control(control: StatementControl, options: ExecuteOptions): Promise<Answer> {
    switch (control.type) {
      case 'begin':
        await this.#begin(this.#modeOf(control.mode), false, options)
        return this.#empty()
      case 'commit':
        await this.#commit(this.#needTransaction('commit'))
        return this.#empty()
      case 'rollback':
        await this.#rollback(this.#needTransaction('rollback'))
        return this.#empty()
      case 'savepoint':
        await (this.#transaction ?? (await this.#begin('deferred', true, options))).savepoint(control.name)
        return this.#empty()
      case 'release':
        await this.#release(control.name)
        return this.#empty()
      case 'rollback_to': {
        const transaction = this.#needSavepoint(control.name)
        await transaction.rollbackTo(transaction.savepoints.find(control.name))
        return this.#empty()
      }
      case 'foreign_keys':
        return this.#foreignKeys(control.value)
      case 'defer_foreign_keys':
        return this.#deferForeignKeys(control.value)
      case 'harmonydb_consistency':
        return this.#consistencyPragma(control.value)
      case 'harmonydb_last_index':
        return this.#empty([{ name: control.type, declaredType: null }], [[this.state.lastIndex]])
      default:
        return unreachable(control)
    }
  }

  /** The winner of the writer begins its next transaction before the loser has heard: who only tried again would lose again. */
  #modeOf(asked: BeginMode): BeginMode {
    const isNext = this.state.hasConflicted && asked === 'deferred' && this.mayWrite
    this.state.hasConflicted = false
    return isNext ? 'immediate' : asked
  }

  async #begin(
    mode: BeginMode,
    isBegunBySavepoint: boolean,
    options: ExecuteOptions,
  ): Promise<OpenTransaction> {
    const transaction = this.#open(mode, isBegunBySavepoint, options)
    try {
      if (this.state.defersForeignKeys) await transaction.deferForeignKeys(true)
      this.state.defersForeignKeys = false
      if (mode === 'immediate') await transaction.takeWriter()
      return transaction
    } catch (error) {
      this.#drop(transaction)
      throw error
    }
  }

  #open(mode: BeginMode, isBegunBySavepoint: boolean, options: ExecuteOptions): OpenTransaction {
    this.checkAutocommit()
    if (mode === 'immediate') this.#checkMayWrite()
    this.#observer.transactionOpened()
    const transaction = new OpenTransaction({
      database: this.database,
      mode,
      isBegunBySavepoint,
      context: this.state.context,
      idempotencyKey: options.idempotencyKey ?? null,
      consistency: options.consistency ?? null,
    })
    this.#transaction = transaction
    return transaction
  }

  #needTransaction(verb: 'commit' | 'rollback'): OpenTransaction {
    if (this.#transaction === null)
      throw new HarmonyError('NO_TRANSACTION', `cannot ${verb} - no transaction is active`)
    return this.#transaction
  }

  #needSavepoint(name: string): OpenTransaction {
    if (this.#transaction === null) throw new HarmonyError('SQLITE_ERROR', `no such savepoint: ${name}`)
    return this.#transaction
  }

  /**
   * A COMMIT that fails for deferred foreign keys leaves SQLite's transaction open, so clients send ROLLBACK then. Here nothing
   * is open any more, because every replica had to come to the same end; the session waits for that ROLLBACK all the same.
   */
  async #commit(transaction: OpenTransaction): Promise<void> {
    try {
      const { index, context } = await transaction.commit()
      if (index !== null) this.state.committed(index, context)
    } catch (error) {
      if (isConstraint(error)) this.#aftermath.commitFailed(error)
      throw error
    } finally {
      this.#drop(transaction)
    }
  }

  async #rollback(transaction: OpenTransaction): Promise<void> {
    this.#forget(transaction)
    await transaction.rollback()
  }

  /** Of a transaction that is over: what it still holds is let go in the background. */
  #drop(transaction: OpenTransaction): void {
    this.#forget(transaction)
    if (!transaction.isWriting) void transaction.rollback()
  }

  #forget(transaction: OpenTransaction): void {
    assert(this.#transaction === transaction, 'a transaction ended twice')
    this.#transaction = null
    this.#observer.transactionClosed()
  }

  async #release(name: string): Promise<void> {
    const transaction = this.#needSavepoint(name)
    const at = transaction.savepoints.find(name)
    if (at === 0 && transaction.isBegunBySavepoint) await this.#commit(transaction)
    else await transaction.release(at)
  }

  /** Without effect inside a transaction, as in SQLite. */
  #foreignKeys(value: boolean | null): Answer {
    const isOn = this.state.context.foreignKeys
    if (value === null) return this.#empty([{ name: 'foreign_keys', declaredType: null }], [[isOn ? 1n : 0n]])
    if (this.#transaction === null) this.state.context = { ...this.state.context, foreignKeys: value }
    return this.#empty()
  }

  #consistencyPragma(value: string | null): Answer {
    const name = 'harmonydb_consistency'
    if (value === null)
      return this.#empty([{ name, declaredType: null }], [[formatConsistency(this.state.consistency)]])
    this.state.consistency = parseConsistency(value, `PRAGMA ${name}`)
    return this.#empty()
  }

  async #deferForeignKeys(value: boolean | null): Promise<Answer> {
    if (value === null) {
      const isOn = this.#transaction?.defersForeignKeys ?? this.state.defersForeignKeys
      return this.#empty([{ name: 'defer_foreign_keys', declaredType: null }], [[isOn ? 1n : 0n]])
    }
    if (this.#transaction === null) this.state.defersForeignKeys = value
    else await this.#transaction.deferForeignKeys(value)
    return this.#empty()
  }
}
