/** A session as protocols hold it: one call at a time, and an end that may come at any moment. */

import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import { NO_ARGUMENTS, type SqlStatement } from '../base/value.ts'
import { type Answer, collect } from './answer.ts'
import { BatchRunner } from './batch-runner.ts'
import type { StatementClass } from './reader.ts'
import type {
  BatchEvent,
  BatchOptions,
  BatchStep,
  Consistency,
  ExecuteOptions,
  ExecuteResult,
  ResultReceiver,
  Session,
  StatementDescription,
} from './session.ts'
import { fromErrorData } from '../base/error-data.ts'
import type { StatementRunner } from './statement-runner.ts'
import type { SessionObserver } from './statistics.ts'
import { turnEnded } from './turn.ts'

type Events = AsyncGenerator<BatchEvent, void, void>

export class ClientSession implements Session {
  readonly database: string
  readonly #runner: StatementRunner
  readonly #observer: SessionObserver
  readonly #onClosed: () => void
  #isBusy = false
  #onIdle: (() => void) | null = null
  #isClosed = false
  /** Stops what runs; made when first needed, because most statements are over before, and replaced after it was used. */
  #abort: AbortController | null = null
  readonly #signal = (): AbortSignal => this.#aborter().signal
  #openBatch: Events | null = null

  constructor(runner: StatementRunner, observer: SessionObserver, onClosed: () => void) {
    this.database = runner.database.core.name
    this.#runner = runner
    this.#observer = observer
    this.#onClosed = onClosed
  }

  get isAutocommit(): boolean {
    return this.#runner.isAutocommit
  }

  get lastIndex(): bigint {
    return this.#runner.state.lastIndex
  }

  get consistency(): Consistency {
    return this.#runner.state.consistency
  }

  set consistency(consistency: Consistency) {
    this.#runner.state.consistency = consistency
  }

  async execute(statement: SqlStatement, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    const startMs = performance.now()
    this.#begin()
    try {
      const { resultSizeBytesMax } = this.#runner.database.configuration
      const answer = await this.#runner.run(statement, options, resultSizeBytesMax, this.#signal)
      return answer.kind === 'result'
        ? this.#toResult(answer, options, startMs)
        : await this.#collect(answer, options, startMs)
    } finally {
      this.#end()
    }
  }

  executeNow(statement: SqlStatement): ExecuteResult | null {
    this.#begin()
    try {
      return this.#runner.runNow(statement, this.#runner.database.configuration.resultSizeBytesMax)
    } finally {
      this.#end()
    }
  }

  executeHere(receiver: ResultReceiver, statement: SqlStatement): boolean {
    this.#begin()
    const resolve = (result: ExecuteResult): void => {
      this.#end()
      receiver.resolve(result)
    }
    const reject = (error: Error): void => {
      this.#end()
      receiver.reject(error)
    }
    const notHere = (): void => {
      this.#end()
      receiver.notHere?.()
    }
    const here = { resolve, reject, notHere }
    let isTaken = false
    try {
      isTaken = this.#runner.writeHere(statement, here)
      if (!isTaken && receiver.notHere !== undefined) isTaken = this.#runner.readHere(statement, here)
    } finally {
      if (!isTaken) this.#end()
    }
    return isTaken
  }

  async executeAtomic(
    statements: readonly SqlStatement[],
    options: ExecuteOptions = {},
  ): Promise<readonly ExecuteResult[]> {
    this.#begin()
    try {
      this.#runner.takeEnded()
      this.#runner.checkAutocommit()
      return await this.#runAtomic(statements, options)
    } finally {
      this.#end()
    }
  }

  batch(steps: readonly BatchStep[], options: BatchOptions = {}): Events {
    const events = this.#batch(steps, options)
    const stop = (): Promise<IteratorResult<BatchEvent, void>> => {
      // The `return` of a generator waits for the step that runs; whoever leaves must not.
      if (this.#openBatch === events) this.#aborter().abort()
      return events.return()
    }
    const wrapped: Events = {
      next: async () => {
        this.#openBatch ??= events
        return events.next()
      },
      return: stop,
      throw: (error) => events.throw(error),
      [Symbol.asyncIterator]: () => wrapped,
      [Symbol.asyncDispose]: async () => {
        await stop()
      },
    }
    return wrapped
  }

  async sequence(sql: string, options: ExecuteOptions = {}): Promise<void> {
    const { reader, configuration } = this.#runner.database
    const statements: string[] = []
    for (const text of reader.split(sql)) {
      if (statements.push(text) > configuration.batchStepsMax)
        throw new HarmonyError(
          'REQUEST_INVALID',
          `A script may have ${configuration.batchStepsMax} statements; this one has more.`,
        )
      await turnEnded()
    }
    for (const text of statements)
      await this.execute({ sql: text, args: NO_ARGUMENTS }, { ...options, wantRows: false })
  }

  async describe(sql: string): Promise<StatementDescription> {
    this.#begin()
    try {
      this.#runner.database.reader.classify(sql)
      return await this.#runner.describe(sql, {})
    } finally {
      this.#end()
    }
  }

  cancel(): void {
    if (this.#isBusy) this.#aborter().abort()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // Not where nothing runs: an abort costs more than all the rest of closing a session over HTTP.
    this.cancel()
    await this.#openBatch?.return().catch(() => undefined)
    if (this.#isBusy) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    await this.#runner.close()
    this.#onClosed()
  }

  #aborter(): AbortController {
    this.#abort ??= new AbortController()
    return this.#abort
  }

  #begin(): void {
    assert(!this.#isBusy, 'calls on one session must not overlap')
    if (this.#isClosed) throw new HarmonyError('STREAM_NOT_OPEN', 'The session is closed.')
    this.#isBusy = true
  }

  #end(): void {
    this.#isBusy = false
    if (this.#abort?.signal.aborted === true && !this.#isClosed) this.#abort = null
    this.#onIdle?.()
  }

  #toResult(
    { effect, result, index }: Extract<Answer, { kind: 'result' }>,
    { wantRows }: ExecuteOptions,
    startMs: number,
  ): ExecuteResult {
    const durationMs = performance.now() - startMs
    this.#observer.statementDone(effect, durationMs)
    const { columns, changes, lastInsertRowid } = result
    return {
      columns,
      rows: wantRows === false ? [] : result.rows,
      changes,
      lastInsertRowid,
      durationMs,
      index,
    }
  }

  async #collect(
    { pages, index }: Extract<Answer, { kind: 'pages' }>,
    { wantRows }: ExecuteOptions,
    startMs: number,
  ): Promise<ExecuteResult> {
    const { columns, rows } = await collect(pages)
    const durationMs = performance.now() - startMs
    this.#observer.statementDone('read', durationMs)
    const { lastInsertRowid } = this.#runner.state
    return {
      columns,
      rows: wantRows === false ? [] : rows,
      changes: 0n,
      lastInsertRowid,
      durationMs,
      index: index(),
    }
  }

  async #runAtomic(
    statements: readonly SqlStatement[],
    options: ExecuteOptions,
  ): Promise<readonly ExecuteResult[]> {
    const startMs = performance.now()
    const { reader, core } = this.#runner.database
    this.#checkCount(statements.length)
    const classes: StatementClass[] = []
    for (const { sql } of statements) {
      classes.push(reader.classify(sql))
      await turnEnded()
    }
    if (classes.some(({ kind }) => kind === 'control'))
      throw new HarmonyError(
        'STATEMENT_REFUSED',
        'Statements that are sent together are one transaction: leave BEGIN, COMMIT, SAVEPOINT and settings out.',
      )
    const mayWrite = this.#runner.mayWrite && classes.some(({ kind }) => kind === 'write')
    if (!mayWrite && (await this.#onlyRead(statements, options)))
      return this.#runner.readTogether(statements, options, this.#signal, (answer) => {
        assert(answer.kind === 'pages', 'a read of a transaction comes in pages')
        return this.#collect(answer, options, performance.now())
      })
    for (const { sql } of statements) await reader.vet(sql, core.appliedIndex)
    const outcome = await this.#runner.submit(statements, options)
    if (outcome.kind === 'failed') throw fromErrorData(outcome.error)
    const { index } = outcome
    return outcome.results.map((result) =>
      this.#toResult({ kind: 'result', effect: 'write', result, index }, options, startMs),
    )
  }

  #checkCount(count: number): void {
    const { batchStepsMax } = this.#runner.database.configuration
    if (count <= batchStepsMax) return
    throw new HarmonyError(
      'REQUEST_INVALID',
      `One call may have ${batchStepsMax} statements; this one has ${count}. Send them in several calls.`,
    )
  }

  /** What SQLite does not know yet may be created by a statement before it: it counts as a write. */
  async #onlyRead(statements: readonly SqlStatement[], options: ExecuteOptions): Promise<boolean> {
    for (const { sql } of statements) {
      await turnEnded()
      const isKnown = this.#runner.isReadOnly(sql, options)
      if (!(await (this.#runner.mayWrite ? isKnown.catch(() => false) : isKnown))) return false
    }
    return true
  }

  async *#batch(steps: readonly BatchStep[], options: BatchOptions): Events {
    this.#begin()
    try {
      yield* new BatchRunner(this.#runner, this.#observer, steps, options, this.#signal).events()
    } finally {
      this.#openBatch = null
      this.#end()
    }
  }
}
