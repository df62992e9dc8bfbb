/** Batches: steps with conditions, one by one, or as one transaction where their shape allows it (DESIGN.md, "Batches"). */

import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { StatementResult } from '../base/value.ts'
import type { Answer } from './answer.ts'
import { type AtomicShape, atomicShapeAt } from './atomic-shape.ts'
import { checkBatch, isMet, type StepFate } from './condition.ts'
import type { StatementClass } from './reader.ts'
import { RowsBudget } from './rows-budget.ts'
import type { BatchEvent, BatchOptions, BatchStep } from './session.ts'
import { fromErrorData } from '../base/error-data.ts'
import type { StatementRunner } from './statement-runner.ts'
import type { SessionObserver } from './statistics.ts'

type Events = AsyncGenerator<BatchEvent, void, void>

export class BatchRunner {
  readonly #runner: StatementRunner
  readonly #observer: SessionObserver
  readonly #steps: readonly BatchStep[]
  readonly #options: BatchOptions
  readonly #rows: RowsBudget
  readonly #signal: () => AbortSignal
  readonly #classes: readonly (StatementClass | null)[]
  /** Of the steps so far; the next step to run has the position of its length. */
  readonly #fates: StepFate[] = []

  /** Throws REQUEST_INVALID. */
  constructor(
    runner: StatementRunner,
    observer: SessionObserver,
    steps: readonly BatchStep[],
    options: BatchOptions,
    signal: () => AbortSignal,
  ) {
    checkBatch(steps, runner.database.configuration.batchStepsMax)
    this.#runner = runner
    this.#observer = observer
    this.#steps = steps
    this.#options = options
    this.#rows = new RowsBudget(options.rowsBytesMax ?? Infinity)
    this.#signal = signal
    this.#classes = steps.map(({ statement }) => this.#classOf(statement.sql))
  }

  async *events(): Events {
    while (this.#fates.length < this.#steps.length) {
      const at = this.#fates.length
      const { condition } = this.#steps[at] as BatchStep
      if (condition !== null && !isMet(condition, this.#fates, () => this.#runner.isAutocommit)) {
        this.#fates.push('skipped')
        continue
      }
      const { refusal } = this.#rows
      if (refusal !== null) {
        yield* this.#classes[at]?.kind === 'control' ? this.#single(at) : this.#failed(at, refusal)
        continue
      }
      const shape = await this.#atomicShape(at)
      yield* shape === null ? this.#single(at) : this.#atomic(shape)
    }
  }

  /** Null where the text is wrong: the step itself reports that when it runs. */
  #classOf(sql: string): StatementClass | null {
    try {
      return this.#runner.database.reader.classify(sql)
    } catch {
      return null
    }
  }

  async *#single(at: number): Events {
    const { statement, wantRows } = this.#steps[at] as BatchStep
    const startMs = performance.now()
    const heldBefore = this.#rows.bytes
    const { streamedSizeBytesMax } = this.#runner.database.configuration
    try {
      const answer = await this.#runner.run(statement, this.#options, streamedSizeBytesMax, this.#signal)
      yield* this.#eventsOf(at, answer, wantRows !== false, startMs)
      this.#fates.push('ok')
    } catch (error) {
      this.#rows.letGo(heldBefore)
      yield* this.#failed(at, toHarmonyError(error))
    }
  }

  *#failed(step: number, error: HarmonyError): Generator<BatchEvent, void, void> {
    this.#fates.push('error')
    yield { type: 'step_error', step, error }
  }

  async *#eventsOf(at: number, answer: Answer, wantRows: boolean, startMs: number): Events {
    if (answer.kind === 'result') {
      const durationMs = performance.now() - startMs
      this.#observer.statementDone(answer.effect, durationMs)
      yield* this.#resultEvents(at, answer.result, wantRows, durationMs, answer.index)
      return
    }
    for await (const { columns, rows } of answer.pages) {
      if (columns !== null) yield { type: 'step_begin', step: at, columns }
      if (!wantRows || rows.length === 0) continue
      this.#rows.holdOrStop(rows)
      yield { type: 'rows', rows }
    }
    const durationMs = performance.now() - startMs
    this.#observer.statementDone('read', durationMs)
    const { lastInsertRowid } = this.#runner.state
    yield { type: 'step_end', step: at, changes: 0n, lastInsertRowid, durationMs, index: answer.index() }
  }

  *#resultEvents(
    step: number,
    { columns, rows, changes, lastInsertRowid }: StatementResult,
    wantRows: boolean,
    durationMs: number,
    index: bigint,
  ): Generator<BatchEvent, void, void> {
    yield { type: 'step_begin', step, columns }
    if (wantRows) this.#rows.hold(rows)
    if (wantRows && rows.length > 0) yield { type: 'rows', rows }
    yield { type: 'step_end', step, changes, lastInsertRowid, durationMs, index }
  }

  /**
   * The shape at `at`, if running it as one transaction can't be told from running it step by step. Reads do not belong
   * on the writer: without a statement that writes, it is left alone.
   */
  async #atomicShape(at: number): Promise<AtomicShape | null> {
    if (!this.#runner.isAutocommit || !this.#runner.mayWrite) return null
    const shape = atomicShapeAt(this.#steps, this.#classes, at)
    if (shape === null) return null
    for (let step = shape.begin + 1; step < shape.commit; step++) if (await this.#mayWrite(step)) return shape
    return null
  }

  /** What SQLite does not know yet may be created by a step before it: it counts as a write. */
  async #mayWrite(at: number): Promise<boolean> {
    if (this.#classes[at]?.kind === 'write') return true
    const { sql } = (this.#steps[at] as BatchStep).statement
    return !(await this.#runner.isReadOnly(sql, this.#options).catch(() => false))
  }

  async *#atomic(shape: AtomicShape): Events {
    const startMs = performance.now()
    const { lastInsertRowid } = this.#runner.state
    let outcome: TransactionOutcome
    try {
      this.#runner.takeEnded()
      const inner = this.#steps.slice(shape.begin + 1, shape.commit)
      const { reader, core } = this.#runner.database
      for (const { statement } of inner) await reader.vet(statement.sql, core.appliedIndex)
      outcome = await this.#runner.submit(
        inner.map(({ statement }) => statement),
        this.#options,
      )
    } catch (error) {
      yield* this.#notSubmitted(shape, toHarmonyError(error))
      return
    }
    const durationMs = performance.now() - startMs
    this.#observer.statementDone('write', durationMs)
    yield* this.#outcomeEvents(shape, outcome, durationMs, lastInsertRowid)
  }

  /** As if the steps had run one after another. */
  *#outcomeEvents(
    { begin, commit }: AtomicShape,
    outcome: TransactionOutcome,
    durationMs: number,
    rowidBefore: bigint | null,
  ): Generator<BatchEvent, void, void> {
    const index = outcome.kind === 'committed' ? outcome.index : this.#runner.state.lastIndex
    yield* this.#controlEvents(begin, index, rowidBefore)
    // Where every statement has a result, what failed is COMMIT itself (deferred foreign keys).
    const failedAt = begin + 1 + outcome.results.length
    for (let at = begin + 1; at < commit && at < failedAt; at++) {
      const result = outcome.results[at - begin - 1] as StatementResult
      this.#fates.push('ok')
      yield* this.#resultEvents(at, result, this.#steps[at]?.wantRows !== false, durationMs, index)
    }
    if (outcome.kind === 'committed') {
      yield* this.#controlEvents(commit, index, this.#runner.state.lastInsertRowid)
      this.#fates.push('skipped')
      return
    }
    this.#fates.push('error')
    yield { type: 'step_error', step: failedAt, error: fromErrorData(outcome.error) }
    while (this.#fates.length <= commit) this.#fates.push('skipped')
    yield* this.#controlEvents(commit + 1, index, this.#runner.state.lastInsertRowid)
  }

  *#controlEvents(
    step: number,
    index: bigint,
    lastInsertRowid: bigint | null,
  ): Generator<BatchEvent, void, void> {
    this.#fates.push('ok')
    yield { type: 'step_begin', step, columns: [] }
    yield { type: 'step_end', step, changes: 0n, lastInsertRowid, durationMs: 0, index }
  }

  /** Nothing was done, or nobody knows: as if BEGIN had failed, so that no step of it counts as done. */
  *#notSubmitted({ begin, commit }: AtomicShape, error: HarmonyError): Generator<BatchEvent, void, void> {
    this.#fates.push('error')
    yield { type: 'step_error', step: begin, error }
    while (this.#fates.length <= commit) this.#fates.push('skipped')
    this.#fates.push('error')
    const none = new HarmonyError('NO_TRANSACTION', 'cannot rollback - no transaction is active')
    yield { type: 'step_error', step: commit + 1, error: none }
  }
}
