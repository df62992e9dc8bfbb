/**
 * The engine as a synchronous state machine: one writer connection and at most one open SQLite transaction.
 *
 *     idle ──openBatch──▶ batch ──closeBatch──▶ pending ──commit, rollback──▶ idle
 *     idle ──begin──▶ interactive ──prepareCommit──▶ pending
 *                     interactive ──rollback, a statement that ends it──▶ idle
 *     idle ──replay──▶ idle
 *     a commit that fails: the log has an entry that the file lacks ──▶ behind, for good
 */

import { toErrorData } from '../base/error-data.ts'
import { assert, must } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import { BUSY_TIMEOUT_MS, DEFAULT_LIMITS, WriterConnection } from './connection.ts'
import type { StoredState } from './connection.ts'
import { contentDigest } from './content-digest.ts'
import type {
  AppliedState,
  BatchExecution,
  BeginRequest,
  BeginResult,
  CommitResult,
  DescribeOutcome,
  EngineLimits,
  EngineOptions,
  EntryChanges,
  EntryStamp,
  LogEntry,
  PreparedCommit,
  ReplayResult,
  StatementOutcome,
} from './engine.ts'
import type { Entry } from './entry-codec.ts'
import { decodeEntry, EntryEncoder } from './entry-codec.ts'
import { EntryRun } from './entry-run.ts'
import type { Judgement } from './far-engine.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { InteractiveRun } from './interactive-run.ts'
import { LeaderBatch } from './leader-batch.ts'
import { commitEntry, outcomeAt, writeApplied } from './pending-entry.ts'
import type { CommitParts, PendingEntry } from './pending-entry.ts'
import { isQuickWrite } from './quick-write.ts'
import { replayEntry } from './replay.ts'
import { fromSqlite, isSqliteError } from './sqlite-errors.ts'
import { syncWal } from './wal-sync.ts'
import { WalUpkeep } from './wal-upkeep.ts'

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'batch'; readonly batch: LeaderBatch }
  | { readonly kind: 'interactive'; readonly transaction: InteractiveRun }
  | { readonly kind: 'pending'; readonly entry: PendingEntry }
  | { readonly kind: 'behind'; readonly cause: unknown }

const IDLE: State = { kind: 'idle' }

export class EngineCore {
  readonly dataFile: string
  readonly #database: string
  readonly #limits: EngineLimits
  readonly #connection: WriterConnection
  readonly #run: EntryRun
  readonly #keys: IdempotencyKeys
  readonly #upkeep: WalUpkeep
  readonly #capturesChanges: boolean
  #stored: StoredState
  readonly #encoder = new EntryEncoder()
  #state: State = IDLE

  /**
   * `near`: the second connection of an engine (`split-engine.ts`). It waits for nobody, and gets only what is quick.
   * Throws FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FAILED, DISK_FULL.
   */
  constructor(options: EngineOptions, role: 'only' | 'near' = 'only') {
    const isNear = role === 'near'
    this.dataFile = options.dataFile
    this.#database = options.database
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#capturesChanges = options.captureChanges ?? false
    this.#connection = WriterConnection.open(options.dataFile, this.#limits, isNear ? 0 : BUSY_TIMEOUT_MS)
    this.#run = new EntryRun(this.#connection, this.#limits, isNear)
    this.#keys = new IdempotencyKeys(this.#connection, this.#limits.idempotencyLifetimeMs)
    this.#upkeep = new WalUpkeep(this.#connection)
    this.#stored = this.#connection.readState()
  }

  get applied(): AppliedState {
    const { index, term, digest } = this.#stored
    return { index, term, digest }
  }

  /** Another number whenever the schema may have changed, or what SQLite knows of it. */
  get structure(): number {
    return this.#run.schemaReloads
  }

  /** Another connection of the same owner has committed entries: what the file says is read anew. */
  refresh(): void {
    this.#checkIdle('refresh')
    try {
      this.#stored = this.#connection.readState()
      this.#keys.refresh()
    } catch (cause) {
      this.#state = { kind: 'behind', cause: fromSqlite(cause) }
      throw this.#state.cause
    }
  }

  /** The other connection has changed the schema. */
  forgetSchema(): void {
    this.#run.forgetSchema()
  }

  /** Whether a statement is quick whatever its arguments are, under the committed schema. */
  judge(sql: string): Judgement {
    const explained = this.#connection.explain(sql, true)
    const isQuick = explained !== null && isQuickWrite(sql, explained, this.#connection.sequenceRoot())
    return { isQuick, structure: this.structure }
  }

  executeBatch(requests: readonly TransactionRequest[], stamp: EntryStamp): BatchExecution {
    if (requests.length === 0) return { kind: 'settled', taken: 0, outcomes: [] }
    this.openBatch(requests, stamp)
    return this.closeBatch()
  }

  /** Runs the first requests of a batch, at least one. Others may follow. */
  openBatch(requests: readonly TransactionRequest[], stamp: EntryStamp): void {
    this.#checkIdle('openBatch')
    const parts = { run: this.#run, keys: this.#keys, limits: this.#limits, encoder: this.#encoder }
    this.#state = { kind: 'batch', batch: new LeaderBatch(parts, this.#inOrder(stamp)) }
    this.extendBatch(requests)
  }

  extendBatch(requests: readonly TransactionRequest[]): void {
    const { batch } = this.#openedBatch()
    this.#undoOnError(() => batch.take(requests))
  }

  /** `taken` counts from the first request of `openBatch` on. */
  closeBatch(): BatchExecution {
    const { batch } = this.#openedBatch()
    const result = this.#undoOnError(() => batch.finish(this.#stored.index, this.#stored.digest))
    this.#state = IDLE
    if (result.kind === 'settled') return { ...result, taken: result.outcomes.length }
    this.#state = { kind: 'pending', entry: result.entry }
    return { kind: 'pending', taken: result.entry.outcomes.length, payload: result.payload }
  }

  begin(request: BeginRequest): BeginResult {
    this.#checkIdle('begin')
    const stamp = this.#inOrder(request.stamp)
    const { idempotencyKey } = request
    const outcome = idempotencyKey === null ? null : this.#keys.find(idempotencyKey, stamp.timeMs)
    if (outcome !== null) return { kind: 'known', outcome }
    const transaction = this.#undoOnError(() => new InteractiveRun(this.#run, this.#limits, request, stamp))
    this.#state = { kind: 'interactive', transaction }
    return { kind: 'begun' }
  }

  execute(statement: SqlStatement, resultSizeBytesMax: number): StatementOutcome {
    const { transaction } = this.#interactive()
    try {
      const outcome = transaction.execute(statement, resultSizeBytesMax)
      if (outcome.kind === 'failed' && outcome.isEnded) this.rollback()
      return outcome
    } catch (cause) {
      this.rollback()
      return { kind: 'failed', error: toErrorData(fromSqlite(cause)), isEnded: true }
    }
  }

  describe(sql: string): DescribeOutcome {
    return this.#interactive().transaction.describe(sql)
  }

  prepareCommit(): PreparedCommit {
    const { transaction } = this.#interactive()
    const prepared = this.#undoOnError(() => transaction.prepareCommit(this.#stored.digest))
    if (prepared.kind === 'settled') {
      this.#state = IDLE
      return prepared
    }
    this.#state = { kind: 'pending', entry: prepared.entry }
    return { kind: 'pending', payload: prepared.payload }
  }

  /** What `commit` is going to answer; null where COMMIT itself may decide. */
  outcomesAt(index: bigint): readonly TransactionOutcome[] | null {
    const state = this.#state
    if (state.kind !== 'pending' || state.entry.mayFailAtCommit) return null
    return state.entry.outcomes.map((pending) => outcomeAt(pending, index))
  }

  commit(term: bigint, index: bigint): CommitResult {
    const state = this.#state
    assert(state.kind === 'pending', 'commit without a pending entry')
    this.#state = IDLE
    try {
      return this.#commit(state.entry, term, index)
    } catch (cause) {
      this.#state = { kind: 'behind', cause }
      throw cause
    }
  }

  rollback(): void {
    if (this.#state.kind !== 'behind') this.#state = IDLE
    this.#run.undo()
  }

  replay(entries: readonly LogEntry[]): ReplayResult {
    this.#checkIdle('replay')
    const changes: EntryChanges[] = []
    for (const entry of entries) {
      const result = this.#replayOne(entry)
      if (result !== null) changes.push(result)
    }
    return { applied: this.applied, changes }
  }

  /** The same for one entry whose payload is `content`. */
  replayDecoded(entry: LogEntry, content: Entry): AppliedState {
    this.#checkIdle('replay')
    assert(entry.index > this.#stored.index, 'an index is applied twice')
    return this.#replayContent(entry, content).applied
  }

  /** Moves the WAL into the file as far as readers allow, and makes the rest of it durable. */
  checkpoint(): AppliedState {
    assert(!this.#run.isOpen, 'checkpoint while a transaction is open')
    try {
      const row = must(this.#connection.row('PRAGMA main.wal_checkpoint(PASSIVE)'))
      if (row[0] !== 0n || row[1] !== row[2]) syncWal(this.dataFile)
      return this.applied
    } catch (cause) {
      throw fromSqlite(cause)
    }
  }

  /** Between transactions, when nobody waits: keeps the WAL short (`WalUpkeep.tend`). Where it fails, the next call that writes will tell. */
  tend(mayRestart: boolean = true): boolean {
    if (this.#run.isOpen) return false
    try {
      return this.#upkeep.tend(mayRestart)
    } catch (error) {
      if (!isSqliteError(error)) throw error
      return false
    }
  }

  /** When there has been nothing to do for a while: the whole WAL goes into the file. Whether nothing is left to move. */
  rest(): boolean {
    if (this.#run.isOpen) return false
    try {
      return this.#upkeep.rest()
    } catch (error) {
      if (!isSqliteError(error)) throw error
      return false
    }
  }

  contentDigest(): Uint8Array {
    assert(!this.#run.isOpen, 'contentDigest while a transaction is open')
    return contentDigest(this.#connection.database)
  }

  close(): void {
    this.rollback()
    this.#connection.close()
  }

  /**
   * The next batch may be on its way already when a commit fails. Executed on a file that lacks the entry before, it would have another effect than on
   * the replicas: it fails like that commit, and the owner opens the engine anew.
   */
  #checkIdle(call: string): void {
    if (this.#state.kind === 'behind') throw this.#state.cause
    assert(this.#state.kind === 'idle', () => `${call} while a transaction is open`)
  }

  #openedBatch(): State & { kind: 'batch' } {
    assert(this.#state.kind === 'batch', 'no batch is open')
    return this.#state
  }

  #interactive(): State & { kind: 'interactive' } {
    if (this.#state.kind !== 'interactive') throw new HarmonyError('NO_TRANSACTION', 'No transaction is open')
    return this.#state
  }

  /** Log time never goes back, whatever the leaders' clocks do. */
  #inOrder(stamp: EntryStamp): EntryStamp {
    return { timeMs: Math.max(Math.trunc(stamp.timeMs), this.#stored.timeMs), seed: stamp.seed }
  }

  #parts(): CommitParts {
    return { run: this.#run, keys: this.#keys, capturesChanges: this.#capturesChanges }
  }

  #commit(entry: PendingEntry, term: bigint, index: bigint): CommitResult {
    assert(index > this.#stored.index, 'an index is applied twice')
    const result = commitEntry(this.#parts(), entry, term, index)
    this.#stored = { ...result.applied, timeMs: entry.timeMs }
    return result
  }

  #replayOne(entry: LogEntry): EntryChanges | null {
    const { term, index, payload } = entry
    assert(index > this.#stored.index, 'an index is applied twice')
    if (payload.length === 0) return this.#replayEmpty(term, index)
    return this.#replayContent(entry, decodeEntry(payload)).changes
  }

  #replayContent({ term, index }: LogEntry, content: Entry): CommitResult {
    const pending = this.#undoOnError(() =>
      replayEntry(this.#run, this.#database, index, content, this.#stored.digest),
    )
    return this.#commit(pending, term, index)
  }

  #replayEmpty(term: bigint, index: bigint): EntryChanges | null {
    const applied = { ...this.#stored, term, index }
    this.#undoOnError(() => writeApplied(this.#run, applied, this.#stored.timeMs))
    this.#stored = applied
    return this.#capturesChanges ? { index, rows: [], unlistedTables: [], isSchemaChanged: false } : null
  }

  #undoOnError<T>(action: () => T): T {
    try {
      return action()
    } catch (cause) {
      this.rollback()
      throw fromSqlite(cause)
    }
  }
}
