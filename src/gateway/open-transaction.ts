/**
 * One interactive transaction. DESIGN.md beside this file draws its states: idle, snapshot, writer, ended.
 * Calls must not overlap, except `abandon`.
 */

import { assert } from '../base/assert.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../base/value.ts'
import { NO_ARGUMENTS } from '../base/value.ts'
import type { WriteTransaction } from './core.ts'
import type { OpenDatabase } from './open-database.ts'
import type { BeginMode, InlineResult, ReadPage, ReadRequest, ReadSnapshot } from './reader.ts'
import type { Consistency, StatementDescription } from './session.ts'
import { Savepoints } from './savepoints.ts'

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'snapshot'; readonly snapshot: ReadSnapshot }
  | { readonly kind: 'writer'; readonly writer: WriteTransaction }
  | { readonly kind: 'ended'; readonly reason: HarmonyError }

export interface TransactionOptions {
  readonly database: OpenDatabase
  readonly mode: BeginMode
  /** True if a SAVEPOINT outside of a transaction began it: its RELEASE is a COMMIT. */
  readonly isBegunBySavepoint: boolean
  readonly context: SessionContext
  readonly idempotencyKey: string | null
  /** What BEGIN asked for; null if it left that to the session. */
  readonly consistency: Consistency | null
}

export interface Committed {
  /** Null where nothing was written. */
  readonly index: bigint | null
  readonly context: SessionContext
}

export class OpenTransaction {
  readonly savepoints: Savepoints = new Savepoints()
  readonly mode: BeginMode
  readonly isBegunBySavepoint: boolean
  /** Of the read that opens the snapshot, which all others share; null if BEGIN did not say. */
  readonly consistency: Consistency | null
  readonly #database: OpenDatabase
  readonly #context: SessionContext
  readonly #idempotencyKey: string | null
  readonly #startMs = performance.now()
  /** Made when first needed: most transactions are over before. */
  #abort: AbortController | null = null
  #state: State = { kind: 'idle' }
  #idleTimer: NodeJS.Timeout | null = null
  readonly #totalTimer: NodeJS.Timeout
  /** `PRAGMA defer_foreign_keys` before the writer is taken. */
  #defersForeignKeys = false

  constructor(options: TransactionOptions) {
    const { database, mode, isBegunBySavepoint, context, idempotencyKey } = options
    this.consistency = options.consistency
    this.#database = database
    this.mode = mode
    this.isBegunBySavepoint = isBegunBySavepoint
    this.#context = context
    this.#idempotencyKey = idempotencyKey
    const { transactionTotalTimeoutMs } = database.configuration
    this.#totalTimer = setTimeout(
      () => this.#expire('total', transactionTotalTimeoutMs),
      transactionTotalTimeoutMs,
    )
    this.#totalTimer.unref()
    this.#rest()
  }

  /** Why it is over although its client did not end it; null while it lives. */
  get ended(): HarmonyError | null {
    if (this.#state.kind === 'ended') return this.#state.reason
    if (this.#state.kind === 'writer' && this.#state.writer.ended !== null)
      return toHarmonyError(this.#state.writer.ended)
    return null
  }

  get isWriting(): boolean {
    return this.#state.kind === 'writer'
  }

  /** The index that its reads see; null before the first one, and once it writes. */
  get snapshotIndex(): bigint | null {
    return this.#state.kind === 'snapshot' ? this.#state.snapshot.index : null
  }

  /** Aborted when the transaction has ended: stops the statement that runs. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#state.kind === 'ended') this.#abort.abort()
    }
    return this.#abort.signal
  }

  /** Reads at the snapshot, which the first read opens. `fresh` tells from which index on. */
  async *read(
    request: Omit<ReadRequest, 'appliedIndex'>,
    fresh: () => Promise<bigint>,
  ): AsyncGenerator<ReadPage, void, void> {
    assert(this.#state.kind !== 'writer', 'reads of a writing transaction go to the writer')
    this.#work()
    try {
      const snapshot = await this.#openSnapshot(fresh)
      yield* snapshot.read({ ...request, appliedIndex: snapshot.index })
    } catch (error) {
      throw this.ended ?? error
    } finally {
      this.#rest()
    }
  }

  /** What `read` gives, where that can be told in this moment; null otherwise. `freshNow` is like `fresh`. */
  readNow(request: Omit<ReadRequest, 'appliedIndex'>, freshNow: () => bigint | null): InlineResult | null {
    const snapshot = this.#snapshotNow(freshNow)
    if (snapshot === null) return null
    try {
      return snapshot.readNow({ ...request, appliedIndex: snapshot.index })
    } finally {
      this.#rest()
    }
  }

  #snapshotNow(freshNow: () => bigint | null): ReadSnapshot | null {
    if (this.#state.kind === 'snapshot') return this.#state.snapshot
    if (this.#state.kind !== 'idle' || this.mode === 'readonly') return null
    const appliedIndex = freshNow()
    if (appliedIndex === null) return null
    const snapshot = this.#database.reader.openSnapshotNow(appliedIndex)
    this.#state = { kind: 'snapshot', snapshot }
    return snapshot
  }

  /** On the writer, which the first call takes. Reads too, from then on. */
  async write(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult> {
    this.#work()
    try {
      const writer = await this.takeWriter()
      return await writer.execute(statement, resultSizeBytesMax)
    } finally {
      this.#rest()
    }
  }

  /** Null while it has not written: then the committed schema is what it sees. */
  async describe(sql: string): Promise<StatementDescription | null> {
    return this.#state.kind === 'writer' && this.ended === null ? this.#state.writer.describe(sql) : null
  }

  /**
   * Takes the writer if it is not taken yet, and brings it to where this transaction is: its savepoints, its settings.
   * TRANSACTION_CONFLICT if the database is no longer as this transaction has read it; READ_ONLY.
   */
  async takeWriter(): Promise<WriteTransaction> {
    if (this.#state.kind === 'writer') return this.#state.writer
    if (this.mode === 'readonly')
      throw new HarmonyError('READ_ONLY', 'The transaction was begun READONLY: it can not write.')
    // BEGIN IMMEDIATE, too, waits for the writer longer than it may be idle.
    this.#work()
    const { core, configuration } = this.#database
    const writer = await core.begin({
      context: this.#context,
      snapshotIndex: this.snapshotIndex,
      idempotencyKey: this.#idempotencyKey,
      waitTimeoutMs: configuration.writerWaitTimeoutMs,
      idleTimeoutMs: configuration.transactionIdleTimeoutMs,
      totalTimeoutMs: this.#leftMs(),
    })
    try {
      await this.#catchUp(writer)
    } catch (error) {
      await writer.rollback()
      throw error
    }
    if (this.#state.kind === 'ended') {
      await writer.rollback()
      throw this.#state.reason
    }
    if (this.#state.kind === 'snapshot') this.#state.snapshot.close()
    this.#state = { kind: 'writer', writer }
    // From here on the core watches the time, because it must end the transaction even if this gateway is gone.
    this.#stopTimers()
    return writer
  }

  /** `PRAGMA defer_foreign_keys`: for this transaction only, as in SQLite. */
  async deferForeignKeys(isOn: boolean): Promise<void> {
    this.#defersForeignKeys = isOn
    if (this.#state.kind === 'writer')
      await this.#state.writer.execute(control(`PRAGMA defer_foreign_keys=${isOn ? 'ON' : 'OFF'}`), 1024)
  }

  get defersForeignKeys(): boolean {
    return this.#defersForeignKeys
  }

  async savepoint(name: string): Promise<void> {
    await this.#controlWriter(`SAVEPOINT ${quoted(name)}`)
    this.savepoints.push(name)
  }

  /** Not for the savepoint that began the transaction. */
  async release(at: number): Promise<void> {
    await this.#controlWriter(`RELEASE ${quoted(this.savepoints.names[at] as string)}`)
    this.savepoints.release(at)
  }

  async rollbackTo(at: number): Promise<void> {
    await this.#controlWriter(`ROLLBACK TO ${quoted(this.savepoints.names[at] as string)}`)
    this.savepoints.rollbackTo(at)
  }

  /** If it rejects, `ended` tells whether the transaction is over. */
  async commit(): Promise<Committed> {
    const { ended } = this
    if (ended !== null) throw ended
    if (this.#state.kind === 'writer') {
      const { index, context } = await this.#state.writer.commit()
      return { index, context }
    }
    await this.rollback()
    return { index: null, context: this.#context }
  }

  async rollback(): Promise<void> {
    this.endReads()
    const state = this.#state
    if (state.kind === 'writer' && state.writer.ended === null) await state.writer.rollback()
  }

  /** All that is to be done at the end of a transaction that has not written. */
  endReads(): void {
    this.#stopTimers()
    if (this.#state.kind === 'snapshot') this.#state.snapshot.close()
  }

  #leftMs(): number {
    const { transactionTotalTimeoutMs } = this.#database.configuration
    return Math.max(1, transactionTotalTimeoutMs - (performance.now() - this.#startMs))
  }

  async #openSnapshot(fresh: () => Promise<bigint>): Promise<ReadSnapshot> {
    if (this.#state.kind === 'snapshot') return this.#state.snapshot
    const appliedIndex = await fresh()
    const snapshot = await this.#database.reader.openSnapshot({
      appliedIndex,
      isLong: this.mode === 'readonly',
      waitTimeoutMs: this.#database.configuration.workerWaitTimeoutMs,
    })
    // Written by #expire while this waited; the type checker does not see that.
    const state = this.#state as State
    if (state.kind === 'ended') {
      snapshot.close()
      throw state.reason
    }
    this.#state = { kind: 'snapshot', snapshot }
    return snapshot
  }

  async #catchUp(writer: WriteTransaction): Promise<void> {
    if (this.#defersForeignKeys) await writer.execute(control('PRAGMA defer_foreign_keys=ON'), 1024)
    for (const name of this.savepoints.names) await writer.execute(control(`SAVEPOINT ${quoted(name)}`), 1024)
  }

  async #controlWriter(sql: string): Promise<void> {
    this.#work()
    try {
      if (this.#state.kind === 'writer') await this.#state.writer.execute(control(sql), 1024)
    } finally {
      this.#rest()
    }
  }

  /** A statement runs: the idle time stands still. */
  #work(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    this.#idleTimer = null
  }

  #rest(): void {
    if (this.#state.kind === 'writer' || this.#state.kind === 'ended') return this.#work()
    if (this.#idleTimer !== null) {
      this.#idleTimer.refresh()
      return
    }
    const { transactionIdleTimeoutMs } = this.#database.configuration
    this.#idleTimer = setTimeout(
      () => this.#expire('idle', transactionIdleTimeoutMs),
      transactionIdleTimeoutMs,
    )
    this.#idleTimer.unref()
  }

  #expire(which: 'idle' | 'total', timeoutMs: number): void {
    if (this.#state.kind === 'writer' || this.#state.kind === 'ended') return
    const snapshot = this.#state.kind === 'snapshot' ? this.#state.snapshot : null
    const what = which === 'idle' ? 'did nothing' : 'was open'
    const reason = new HarmonyError(
      'TRANSACTION_TIMEOUT',
      `The transaction ${what} for ${timeoutMs} ms and was rolled back. Retry it, and keep it short.`,
    )
    this.#state = { kind: 'ended', reason }
    this.#stopTimers()
    this.#abort?.abort()
    snapshot?.close()
  }

  #stopTimers(): void {
    this.#work()
    clearTimeout(this.#totalTimer)
  }
}

function control(sql: string): SqlStatement {
  return { sql, args: NO_ARGUMENTS }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
