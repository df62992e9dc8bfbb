/**
 * One engine with two connections to its file: a far one in a process that can be killed, and a near one on this thread, for batches of
 * statements that are certain to be quick (docs/decisions/0009). The way to the other process and back, twice for each batch, takes more
 * processor time than such a batch itself.
 *
 *                 all statements known to be quick,
 *                 no call of the far engine unanswered
 *     executeBatch ───────────────────────────────────▶ near ──commit, rollback──▶
 *          └──────── else, or near is busy or paused ─▶ far  ──commit, rollback──▶
 *     replay: near as far as all entries are of that kind (`quick-entry.ts`), then far
 *     begin, execute: near as long as all are quick (`near-transaction.ts`), then far
 *     everything else ────────────────────────────────▶ far
 *
 * At most one of them has a transaction open. Whichever turns to the file after the other has been at work reads its state anew:
 * `refresh`. Which of them runs a batch makes no difference to what it does: a follower runs it on another again.
 *
 * - A statement is quick because the far engine judged its program under the schema of now, and it is compiled here only then.
 * - The near one waits for nobody: where SQLite's lock is taken (a checkpoint of the far one may have it), the batch goes to the far one.
 * - Where it takes long all the same (a row of many megabytes, a cold disk), the near one has a pause.
 * - A commit that fails on either leaves the log ahead of the file: nothing runs on either from then on.
 * - The far one keeps the WAL short, and the lock of the file (`writer-lock.ts`): near and its owner end together.
 */

import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type {
  AppliedState,
  BatchExecution,
  BeginRequest,
  BeginResult,
  CommitResult,
  DescribeOutcome,
  Engine,
  EngineOptions,
  EntryStamp,
  LogEntry,
  MoreRequests,
  PreparedCommit,
  ReplayResult,
  StatementOutcome,
} from './engine.ts'
import { EngineCore } from './engine-core.ts'
import type { FarEngine } from './far-engine.ts'
import type { Entry } from './entry-codec.ts'
import { NearBegins, NearTransaction } from './near-transaction.ts'
import { NearPauses } from './near-pauses.ts'
import {
  ARGUMENTS_BYTES_MAX,
  decodeSmall,
  isQuickEntry,
  sizeOf,
  STATEMENTS_MAX,
  textsOf,
} from './quick-entry.ts'
import { QuickTexts } from './quick-texts.ts'

/** After so many commits here, or so long after the last time, the far engine looks after the WAL, and hears that there are writes. */
const COMMITS_PER_TENDING = 64
const TENDING_MS = 250
/** Statements that are being judged. */
const ASKED_MAX = 4

export interface SplitEngineOptions {
  readonly engine: EngineOptions
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** Whether one more near connection may be opened; `leavePlace` is called when it is closed. */
  readonly takePlace: () => boolean
  readonly leavePlace: () => void
}

export class SplitEngine implements Engine {
  readonly #options: SplitEngineOptions
  readonly #far: FarEngine
  #near: EngineCore | null = null
  readonly #texts = new QuickTexts()
  /** Whether the open transaction, if there is one, is the near one's. */
  #isOpenNear = false
  /** What it knows of the file is older than what the other has committed. */
  #isFarStale = false
  #isNearStale = true
  /** `structure` of the far engine when the near one last read the schema. */
  #nearStructure = 0
  /** Calls of the far engine that change something and are not answered. */
  #farCalls = 0
  #lastFarCall: Promise<unknown> = Promise.resolve()
  #asked = 0
  /** The interactive transaction, if one is open near. */
  #transaction: NearTransaction | null = null
  readonly #nearBegins = new NearBegins()
  readonly #pauses: NearPauses
  #commitsSinceTending = 0
  #tendedAtMs = 0
  /** It has to begin anew, which needs a moment in which nobody writes. */
  #isWalLong = false
  /** Why neither may run anything: the log has an entry that the file lacks, or the engine is closed. */
  #broken: Error | null = null

  constructor(far: FarEngine, options: SplitEngineOptions) {
    this.#far = far
    this.#options = options
    this.#pauses = new NearPauses(options.nowMs)
  }

  get applied(): AppliedState {
    const far = this.#far.applied
    const near = this.#near?.applied
    return near !== undefined && near.index > far.index ? near : far
  }

  /** Whether the near connection is open: for those who watch. */
  get isNearOpen(): boolean {
    return this.#near !== null
  }

  async executeBatch(
    requests: readonly TransactionRequest[],
    stamp: EntryStamp,
    more?: MoreRequests,
  ): Promise<BatchExecution> {
    // Calls are carried out in the order in which they are made.
    if (this.#farCalls > 0 && this.#mayRunNear(requests)) await this.#farIsIdle()
    const all = [...requests]
    if (this.#farCalls === 0 && this.#mayRunNear(requests)) {
      const execution =
        more === undefined ? this.#executeNear(all, stamp) : await this.#gatherNear(all, stamp, more)
      if (execution !== null) return execution
    }
    // There and back costs the same for few as for many.
    if (more !== undefined && this.#broken === null) await takeAll(all, more)
    const execution = await this.#callFar((far) => far.executeBatch(all, stamp))
    this.#note(all.slice(0, execution.taken))
    return execution
  }

  async begin(request: BeginRequest): Promise<BeginResult> {
    const isForNear = request.context.foreignKeys && this.#isNearFree() && this.#nearBegins.isWorthATry()
    if (isForNear && this.#farCalls > 0) await this.#farIsIdle()
    const begun = isForNear && this.#farCalls === 0 ? this.#beginNear(request) : null
    return begun ?? this.#callFar((far) => far.begin(request))
  }

  async execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementOutcome> {
    const transaction = this.#transaction
    if (transaction !== null) {
      const outcome = this.#executeNearby(transaction, statement, resultSizeBytesMax)
      if (outcome !== null) return outcome
      await this.#moveFar(transaction)
    }
    const outcome = await this.#callFar((far) => far.execute(statement, resultSizeBytesMax))
    if (outcome.kind === 'ok') this.#noteText(statement.sql)
    return outcome
  }

  async describe(sql: string): Promise<DescribeOutcome> {
    const transaction = this.#transaction
    if (transaction !== null) {
      const isKnown = this.#isOpenNear && this.#texts.isQuick(sql, this.#far.structure)
      const outcome = isKnown ? this.#inNear((near) => near.describe(sql)) : null
      if (outcome !== null) return outcome
      await this.#moveFar(transaction)
    }
    return this.#callFar((far) => far.describe(sql))
  }

  async prepareCommit(): Promise<PreparedCommit> {
    const near = this.#transaction !== null && this.#isOpenNear ? this.#near : null
    this.#transaction = null
    if (near === null) return this.#callFar((far) => far.prepareCommit())
    this.#isOpenNear = false
    this.#nearBegins.stayed()
    const prepared = near.prepareCommit()
    this.#isOpenNear = prepared.kind === 'pending'
    return prepared
  }

  outcomesAt(index: bigint): readonly TransactionOutcome[] | null {
    return this.#isOpenNear ? (this.#near?.outcomesAt(index) ?? null) : null
  }

  async commit(term: bigint, index: bigint): Promise<CommitResult> {
    try {
      if (this.#isOpenNear) return this.#commitNear(term, index)
      return await this.#callFar((far) => far.commit(term, index))
    } catch (error) {
      this.#broken = error as Error
      throw error
    }
  }

  async rollback(): Promise<void> {
    this.#transaction = null
    if (!this.#isOpenNear) return this.#callFar((far) => far.rollback())
    this.#isOpenNear = false
    this.#near?.rollback()
  }

  /** Near as far as that is certain to be quick, and far from there on. */
  async replay(entries: readonly LogEntry[]): Promise<ReplayResult> {
    const decoded = this.#options.engine.captureChanges === true ? null : decodeSmall(entries)
    const isForNear = decoded !== null && this.#isNearFree()
    if (isForNear && this.#farCalls > 0) await this.#farIsIdle()
    const count = isForNear && this.#farCalls === 0 ? this.#replayNear(entries, decoded) : 0
    if (decoded !== null && count === entries.length) return { applied: this.applied, changes: [] }
    const result = await this.#callFar((far) => far.replay(entries.slice(count)))
    for (const sql of textsOf(decoded ?? [])) this.#noteText(sql)
    return result
  }

  checkpoint(): Promise<AppliedState> {
    return this.#callFar((far) => far.checkpoint())
  }

  /** It goes on beside other calls, on a connection of its own. */
  snapshot(path: string): Promise<AppliedState> {
    return this.#far.snapshot(path)
  }

  contentDigest(): Promise<Uint8Array> {
    return this.#callFar((far) => far.contentDigest())
  }

  close(): Promise<void> {
    this.#broken ??= new HarmonyError('SHUTTING_DOWN', 'The engine is closed. Nothing was done; try again.')
    this.closeNear()
    return this.#far.close()
  }

  /** What it has open is undone. */
  closeNear(): void {
    const near = this.#near
    if (near === null) return
    this.#near = null
    this.#isOpenNear = false
    this.#options.leavePlace()
    near.close()
  }

  #callFar<T>(call: (far: FarEngine) => Promise<T>): Promise<T> {
    if (this.#broken !== null) return Promise.reject(this.#broken)
    // Where it fails, so does the call behind it.
    if (this.#isFarStale) void this.#far.refresh().catch(() => {})
    this.#isFarStale = false
    this.#isNearStale = true
    this.#farCalls++
    const done = call(this.#far).finally(() => this.#farCalls--)
    this.#lastFarCall = done
    return done
  }

  async #farIsIdle(): Promise<void> {
    while (this.#farCalls > 0) await this.#lastFarCall.catch(() => {})
  }

  #isNearFree(): boolean {
    return this.#broken === null && this.#pauses.isOver
  }

  #isQuick({ sql, args }: SqlStatement, structure: number): boolean {
    if (sizeOf(args.positional) > ARGUMENTS_BYTES_MAX || args.named.length > 0) return false
    return this.#texts.isQuick(sql, structure)
  }

  #mayRunNear(requests: readonly TransactionRequest[]): boolean {
    if (!this.#isNearFree()) return false
    const { structure } = this.#far
    // Most often all have the same text.
    let last: string | null = null
    for (const { statements, context } of requests) {
      if (!context.foreignKeys || statements.length > STATEMENTS_MAX) return false
      for (const { sql, args } of statements) {
        if (sql !== last && !this.#texts.isQuick(sql, structure)) return false
        if (sizeOf(args.positional) > ARGUMENTS_BYTES_MAX || args.named.length > 0) return false
        last = sql
      }
    }
    return true
  }

  #beginNear(request: BeginRequest): BeginResult | null {
    const begun = this.#inNear((near) => {
      this.#refreshNear(near)
      return near.begin(request)
    })
    this.#isOpenNear = begun?.kind === 'begun'
    this.#transaction = this.#isOpenNear ? new NearTransaction(request) : null
    return begun
  }

  /** Null if it can't run here: nothing was done. */
  #executeNearby(
    transaction: NearTransaction,
    statement: SqlStatement,
    resultSizeBytesMax: number,
  ): StatementOutcome | null {
    const isQuick = this.#isOpenNear && !transaction.isLong && this.#isNearFree()
    if (!isQuick || !this.#isQuick(statement, this.#far.structure)) return null
    const outcome = this.#inNear((near) => near.execute(statement, resultSizeBytesMax))
    if (outcome === null) return null
    if (outcome.kind === 'failed' && outcome.isEnded) {
      this.#isOpenNear = false
      this.#transaction = null
    } else transaction.ran(statement, resultSizeBytesMax, outcome.kind)
    return outcome
  }

  /** The transaction goes on far, as if it had begun there. */
  async #moveFar({ request, steps }: NearTransaction): Promise<void> {
    this.#transaction = null
    this.#nearBegins.moved()
    if (this.#isOpenNear) this.#near?.rollback()
    this.#isOpenNear = false
    await this.#callFar((far) => far.begin(request))
    for (const { statement, resultSizeBytesMax, kind } of steps) {
      const outcome = await this.#callFar((far) => far.execute(statement, resultSizeBytesMax))
      assert(outcome.kind === kind, 'a statement comes to the same when it is run again on the same state')
    }
  }

  /** Null if it can't run here: nothing was done. */
  #executeNear(requests: readonly TransactionRequest[], stamp: EntryStamp): BatchExecution | null {
    const execution = this.#inNear((near) => {
      this.#refreshNear(near)
      return near.executeBatch(requests, stamp)
    })
    this.#isOpenNear = execution?.kind === 'pending'
    return execution
  }

  /** The same with what `more` gives, which is put behind `all`. What can't run here stays behind, for the next batch. */
  async #gatherNear(
    all: TransactionRequest[],
    stamp: EntryStamp,
    more: MoreRequests,
  ): Promise<BatchExecution | null> {
    if (!this.#openBatch(all, stamp)) return null
    for (let next = await more(); next !== null; next = await more()) {
      const requests = next
      for (const request of requests) all.push(request)
      // The engine may have been closed meanwhile, which has undone what was open: the other one tells why.
      if (!this.#isOpenNear) return null
      if (!this.#mayRunNear(requests)) break
      if (this.#inNear((near) => near.extendBatch(requests)) === null) return null
    }
    return this.#isOpenNear ? this.#closeBatch() : null
  }

  /** How many were applied. The far one tells what is wrong with the next, if anything is. */
  #replayNear(entries: readonly LogEntry[], decoded: readonly Entry[]): number {
    const isQuick = (sql: string): boolean => this.#texts.isQuick(sql, this.#far.structure)
    for (const [at, entry] of entries.entries()) {
      const content = decoded[at] as Entry
      if (!this.#isNearFree() || !isQuickEntry(content, isQuick)) return at
      const applied = this.#inNear((near) => {
        this.#refreshNear(near)
        // Whatever comes of it.
        this.#isFarStale = true
        return near.replayDecoded(entry, content)
      })
      if (applied === null) return at
      this.#committedNear()
    }
    return entries.length
  }

  #openBatch(requests: readonly TransactionRequest[], stamp: EntryStamp): boolean {
    const opened = this.#inNear((near) => {
      this.#refreshNear(near)
      near.openBatch(requests, stamp)
      return true
    })
    this.#isOpenNear = opened === true
    return this.#isOpenNear
  }

  #closeBatch(): BatchExecution | null {
    const execution = this.#inNear((near) => near.closeBatch())
    this.#isOpenNear = execution?.kind === 'pending'
    return execution
  }

  /** Null if it failed in a way that says nothing about the statements: what was open is undone. */
  #inNear<T>(work: (near: EngineCore) => T): T | null {
    const startMs = this.#options.nowMs()
    try {
      const near = this.#openNear()
      return near === null ? null : work(near)
    } catch (error) {
      this.#isOpenNear = false
      // The far engine meets the same trouble if it is more than that.
      const isBusy = error instanceof HarmonyError && error.code === 'SQLITE_BUSY'
      if (!isBusy) this.#leaveNear()
      return null
    } finally {
      this.#pauses.worked(startMs, this.#options.nowMs())
    }
  }

  #openNear(): EngineCore | null {
    if (this.#near !== null) return this.#near
    if (!this.#options.takePlace()) {
      this.#pauses.leave()
      return null
    }
    try {
      this.#near = new EngineCore(this.#options.engine, 'near')
    } catch (error) {
      this.#options.leavePlace()
      throw error
    }
    this.#isNearStale = false
    this.#nearStructure = this.#far.structure
    return this.#near
  }

  #refreshNear(near: EngineCore): void {
    if (!this.#isNearStale) return
    if (this.#nearStructure !== this.#far.structure) near.forgetSchema()
    this.#nearStructure = this.#far.structure
    near.refresh()
    this.#isNearStale = false
  }

  #leaveNear(): void {
    this.#pauses.leave()
    this.closeNear()
  }

  #commitNear(term: bigint, index: bigint): CommitResult {
    const near = this.#near
    if (near === null) throw new HarmonyError('INTERNAL', 'The near engine was closed before its commit')
    this.#isOpenNear = false
    this.#isFarStale = true
    const result = near.commit(term, index)
    this.#committedNear()
    return result
  }

  #committedNear(): void {
    this.#commitsSinceTending++
    if (this.#isWalLong) void this.#restartWal()
    else if (this.#isTendingDue()) void this.#tend()
  }

  #isTendingDue(): boolean {
    const isLate = this.#options.nowMs() - this.#tendedAtMs >= TENDING_MS
    return isLate || this.#commitsSinceTending >= COMMITS_PER_TENDING
  }

  /** Beside what runs near. */
  async #tend(): Promise<void> {
    this.#commitsSinceTending = 0
    this.#tendedAtMs = this.#options.nowMs()
    try {
      this.#isWalLong = await this.#far.tend(false)
    } catch (error) {
      // Its process has ended: the file is whole, but nobody keeps the WAL short. Whoever comes next opens another engine.
      this.#broken ??= error as Error
    }
  }

  /** Batches wait for it. */
  async #restartWal(): Promise<void> {
    this.#isWalLong = false
    try {
      await this.#callFar((far) => far.tend(true))
    } catch (error) {
      this.#broken ??= error as Error
    }
  }

  /** The far engine has run them. */
  #note(requests: readonly TransactionRequest[]): void {
    for (const { statements } of requests) for (const { sql } of statements) this.#noteText(sql)
  }

  #noteText(sql: string): void {
    if (this.#asked < ASKED_MAX && this.#texts.note(sql, this.#far.structure)) void this.#judge(sql)
  }

  async #judge(sql: string): Promise<void> {
    this.#asked++
    try {
      this.#texts.judged(sql, await this.#far.judge(sql))
    } catch {
      this.#texts.judged(sql, null)
    } finally {
      this.#asked--
    }
  }
}

async function takeAll(all: TransactionRequest[], more: MoreRequests): Promise<void> {
  for (let next = await more(); next !== null; next = await more()) all.push(...next)
}
