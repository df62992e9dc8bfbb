/**
 * An interactive transaction on the leader: statement by statement, as SQLite would do it, and one entry at its end.
 *
 * A statement that fails is rolled back by SQLite alone and the transaction goes on. It is logged all the same, because
 * `OR FAIL` keeps what it did before it failed, and `changes()` tells of it.
 */

import { toErrorData } from '../base/error-data.ts'
import { HarmonyError } from '../base/errors.ts'
import type { SessionContext } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import type { BeginRequest, DescribeOutcome, EngineLimits, EntryStamp, StatementOutcome } from './engine.ts'
import { EntryEncoder } from './entry-codec.ts'
import type { LoggedStatement } from './entry-codec.ts'
import type { EntryRun } from './entry-run.ts'
import { transactionTooLarge } from './leader-batch.ts'
import { parametersOf, valuesOf } from './parameters.ts'
import type { PendingEntry } from './pending-entry.ts'
import { RandomRowidError } from './rowid-watch.ts'
import { classify } from './sql-text.ts'
import { fromSqlite, isMachineFailure } from './sqlite-errors.ts'
import type { PreparedStatement } from './statement-cache.ts'
import { loggedSize, mayViolateAtCommit, mustBeLogged } from './statement-rules.ts'

export type Prepared =
  | { readonly kind: 'settled'; readonly context: SessionContext }
  | { readonly kind: 'pending'; readonly entry: PendingEntry; readonly payload: Uint8Array }

/** SQLite carries some PRAGMAs out when it compiles them, so that they can't just be described. */
const PRAGMA_DESCRIPTION: DescribeOutcome = {
  kind: 'ok',
  description: { parameters: [], columns: [], isExplain: false, isReadOnly: false },
}

function failed(error: HarmonyError, isEnded: boolean): StatementOutcome {
  return { kind: 'failed', error: toErrorData(error), isEnded }
}

function endedBySqlite(error: HarmonyError): HarmonyError {
  return new HarmonyError(
    'TRANSACTION_ABORTED',
    `The database rolled the transaction back: ${error.message}`,
    {
      cause: error,
    },
  )
}

function conflict(): HarmonyError {
  return new HarmonyError(
    'TRANSACTION_CONFLICT',
    'A table has got the largest possible rowid in this transaction, which needs more care than was taken: retry it',
  )
}

export class InteractiveRun {
  readonly #run: EntryRun
  readonly #limits: EngineLimits
  readonly #stamp: EntryStamp
  readonly #request: BeginRequest
  readonly #logged: LoggedStatement[] = []
  #loggedBytes = 0
  #position = 0
  #mayFailAtCommit = false

  constructor(run: EntryRun, limits: EngineLimits, request: BeginRequest, stamp: EntryStamp) {
    this.#run = run
    this.#limits = limits
    this.#request = request
    this.#stamp = stamp
    run.start(stamp, request.context.foreignKeys, 'leader')
    run.beginTransaction(request.context, 0)
  }

  /** Throws what the machine did; then the transaction is lost. */
  execute({ sql, args }: SqlStatement, resultSizeBytesMax: number): StatementOutcome {
    const position = this.#position++
    try {
      // Compiling a PRAGMA may carry it out: then nothing may keep it from the log any more.
      if (classify(sql).kind === 'pragma') valuesOf(parametersOf(sql), args)
      const prepared = this.#run.prepare(sql)
      const values = valuesOf(prepared.layout, args)
      this.#loggedBytes += loggedSize(prepared.sql, values)
      if (this.#loggedBytes > this.#limits.entryLengthBytesMax) throw transactionTooLarge(this.#limits)
      if (!prepared.facts.isWrite) return this.#read(prepared, values, position, resultSizeBytesMax)
      return this.#write(prepared, values, position, resultSizeBytesMax)
    } catch (cause) {
      const error = fromSqlite(cause)
      if (isMachineFailure(error)) throw error
      return failed(error, error instanceof RandomRowidError)
    }
  }

  /** Compiled only: nothing of it is logged. */
  describe(sql: string): DescribeOutcome {
    try {
      const kind = classify(sql)
      if (kind.kind === 'pragma' && kind.argument !== null) return PRAGMA_DESCRIPTION
      const { layout, columns, facts } = this.#run.prepare(sql)
      const isExplain = kind.kind === 'explain'
      const description = { parameters: layout.names, columns, isExplain, isReadOnly: !facts.isWrite }
      return { kind: 'ok', description }
    } catch (cause) {
      return { kind: 'failed', error: toErrorData(fromSqlite(cause)) }
    }
  }

  /** The effect is complete: the payload to propose. The SQLite transaction stays open. */
  prepareCommit(previousDigest: Uint8Array): Prepared {
    if (this.#logged.length === 0) {
      const context = this.#run.endTransaction(false)
      this.#run.undo()
      return { kind: 'settled', context }
    }
    const context = this.#run.endTransaction(true)
    if (this.#run.mayHaveRandomRowids()) throw conflict()
    const encoder = new EntryEncoder()
    const { idempotencyKey } = this.#request
    encoder.add({ context: this.#request.context, idempotencyKey, statements: this.#logged })
    const effects = this.#run.effect.finish()
    const digest = this.#run.effect.digest(previousDigest)
    const mayFailAtCommit = this.#mayFailAtCommit
    const payload = encoder.finish(this.#stamp, mayFailAtCommit, effects, digest)
    const outcome = { kind: 'survivor', results: [], context, idempotencyKey } as const
    const entry = { outcomes: [outcome], digest, timeMs: this.#stamp.timeMs, mayFailAtCommit }
    return { kind: 'pending', entry, payload }
  }

  #read(
    prepared: PreparedStatement,
    values: LoggedStatement['values'],
    position: number,
    sizeBytesMax: number,
  ): StatementOutcome {
    const { run, mode } = this.#run.run(prepared, values, position, null, sizeBytesMax, false)
    if (mustBeLogged(prepared.facts, this.#logged.length > 0, this.#run.schema)) {
      this.#logged.push({ position, ...mode, failure: null, isRead: true, sql: prepared.sql, values })
    }
    if (run.kind === 'failed') return failed(run.error, false)
    return { kind: 'ok', result: this.#run.result(prepared, run) }
  }

  /** A result that is too large must leave no effect: such statements get a savepoint of their own. */
  #write(
    prepared: PreparedStatement,
    values: LoggedStatement['values'],
    position: number,
    sizeBytesMax: number,
  ): StatementOutcome {
    const isGuarded = prepared.columns.length > 0 && prepared.facts.isRowWrite
    this.#mayFailAtCommit ||= mayViolateAtCommit(prepared.facts, this.#request.context, this.#run.schema)
    const { run, mode } = this.#run.run(prepared, values, position, null, sizeBytesMax, isGuarded)
    if (run.kind === 'failed' && !this.#run.isOpen) return failed(endedBySqlite(run.error), true)
    // Depends on this member's limit, so that it can't be logged as a failure that all members have.
    if (run.kind === 'failed' && run.error.code === 'SQLITE_TOOBIG') return failed(run.error, true)
    const failure = run.kind === 'failed' ? run.error.code : null
    this.#logged.push({ position, ...mode, failure, isRead: false, sql: prepared.sql, values })
    if (run.kind === 'failed') return failed(run.error, false)
    return { kind: 'ok', result: this.#run.result(prepared, run) }
  }
}
