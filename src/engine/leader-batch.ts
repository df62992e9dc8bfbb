/** Executes requests on the leader: as many as can share an entry, each in a savepoint (DESIGN.md, "From requests to an entry"). */

import { toErrorData } from '../base/error-data.ts'
import { must } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { StatementResult } from '../base/value.ts'
import type { EngineLimits, EntryStamp } from './engine.ts'
import type { EntryEncoder, LoggedStatement } from './entry-codec.ts'
import type { EntryRun } from './entry-run.ts'
import type { IdempotencyKeys } from './idempotency.ts'
import { valuesOf } from './parameters.ts'
import type { PendingEntry, PendingOutcome } from './pending-entry.ts'
import { outcomeAt } from './pending-entry.ts'
import { fromSqlite, isMachineFailure } from './sqlite-errors.ts'
import { loggedSize, mayViolateAtCommit, mustBeLogged, needsOwnEntry } from './statement-rules.ts'

/** An entry is closed when it has this much: more would only make everyone wait. */
const ENTRY_BYTES_ENOUGH = 4 * 1024 * 1024

export type BatchResult =
  | { readonly kind: 'settled'; readonly outcomes: readonly TransactionOutcome[] }
  | { readonly kind: 'pending'; readonly entry: PendingEntry; readonly payload: Uint8Array }

type TransactionRun =
  | {
      readonly kind: 'done'
      readonly results: readonly StatementResult[]
      readonly logged: readonly LoggedStatement[]
      readonly isAlone: boolean
      readonly mayFailAtCommit: boolean
    }
  | { readonly kind: 'failed'; readonly outcome: TransactionOutcome }
  /** It must be the first of an entry. */
  | { readonly kind: 'postponed' }

/** What one attempt at a batch has so far. */
interface Attempt {
  /** Of the requests, the next one. */
  at: number
  /** The next one has to wait for another entry. */
  isFull: boolean
  readonly outcomes: PendingOutcome[]
  readonly keys: Set<string>
  logged: number
  mayFailAtCommit: boolean
}

export interface BatchParts {
  readonly run: EntryRun
  readonly keys: IdempotencyKeys
  readonly limits: EngineLimits
  /** Used again for each batch. */
  readonly encoder: EntryEncoder
}

export class LeaderBatch {
  readonly #parts: BatchParts
  readonly #run: EntryRun
  readonly #requests: TransactionRequest[] = []
  readonly #stamp: EntryStamp
  readonly #encoder: EntryEncoder
  /** Requests whose failure undid the whole entry: the others are run again without them. */
  readonly #failed = new Map<number, TransactionOutcome>()
  #takenMax = Number.POSITIVE_INFINITY
  #attempt: Attempt | null = null

  constructor(parts: BatchParts, stamp: EntryStamp) {
    this.#parts = parts
    this.#run = parts.run
    this.#encoder = parts.encoder
    this.#stamp = stamp
  }

  /** Runs requests behind those that it has, as long as they can share the entry. */
  take(requests: readonly TransactionRequest[]): void {
    for (const request of requests) this.#requests.push(request)
    this.#runAll()
  }

  /** `outcomes` are those of the requests that share the entry, from the first one on. */
  finish(appliedIndex: bigint, digest: Uint8Array): BatchResult {
    for (;;) {
      const attempt = this.#runAll()
      if (this.#run.mayHaveRandomRowids()) {
        this.#undo()
        continue
      }
      if (attempt.logged === 0) {
        this.#run.undo()
        return {
          kind: 'settled',
          outcomes: attempt.outcomes.map((pending) => outcomeAt(pending, appliedIndex)),
        }
      }
      return this.#finish(attempt, digest)
    }
  }

  #finish(attempt: Attempt, previousDigest: Uint8Array): BatchResult {
    const { outcomes, mayFailAtCommit } = attempt
    const effects = this.#run.effect.finish()
    const digest = this.#run.effect.digest(previousDigest)
    const payload = this.#encoder.finish(this.#stamp, mayFailAtCommit, effects, digest)
    const entry = { outcomes, digest, timeMs: this.#stamp.timeMs, mayFailAtCommit }
    return { kind: 'pending', entry, payload }
  }

  #undo(): void {
    this.#run.undo()
    this.#attempt = null
  }

  #runAll(): Attempt {
    for (;;) {
      const attempt = this.#attempt ?? this.#begin()
      if (this.#runOn(attempt)) return attempt
      this.#undo()
    }
  }

  #begin(): Attempt {
    const first = must(this.#requests[0], 'a batch has a request')
    this.#run.start(this.#stamp, first.context.foreignKeys, 'leader')
    this.#encoder.reset()
    const keys = new Set<string>()
    this.#attempt = { at: 0, isFull: false, outcomes: [], keys, logged: 0, mayFailAtCommit: false }
    return this.#attempt
  }

  /** False if the entry must be undone and begun again, with what was learnt. */
  #runOn(attempt: Attempt): boolean {
    const { foreignKeys } = must(this.#requests[0]).context
    while (!attempt.isFull && attempt.at < Math.min(this.#requests.length, this.#takenMax)) {
      const request = this.#requests[attempt.at] as TransactionRequest
      attempt.isFull =
        request.context.foreignKeys !== foreignKeys || this.#encoder.lengthBytes >= ENTRY_BYTES_ENOUGH
      if (attempt.isFull) break
      const next = this.#take(attempt, request, attempt.at)
      if (next === 'restart') return false
      attempt.isFull = next === 'stop'
      attempt.at++
    }
    return true
  }

  #take(attempt: Attempt, request: TransactionRequest, at: number): 'next' | 'stop' | 'restart' {
    const key = request.idempotencyKey
    if (key !== null && attempt.keys.has(key)) return 'stop'
    const known = this.#failed.get(at) ?? this.#knownOutcome(key)
    if (known !== null) {
      attempt.outcomes.push({ kind: 'final', outcome: known })
      return 'next'
    }
    const done = this.#transaction(request, attempt.logged)
    if (done.kind === 'postponed') {
      this.#takenMax = at
      return this.#run.undoTransaction() ? 'stop' : 'restart'
    }
    if (done.kind === 'failed') {
      if (!this.#run.undoTransaction()) {
        // What comes after waits for the next entry: else each such failure would run the whole batch again.
        this.#failed.set(at, done.outcome)
        this.#takenMax = at + 1
        return 'restart'
      }
      attempt.outcomes.push({ kind: 'final', outcome: done.outcome })
      return 'next'
    }
    this.#survive(attempt, request, done)
    return done.isAlone ? 'stop' : 'next'
  }

  #knownOutcome(key: string | null): TransactionOutcome | null {
    return key === null ? null : this.#parts.keys.find(key, this.#stamp.timeMs)
  }

  #survive(attempt: Attempt, request: TransactionRequest, done: TransactionRun & { kind: 'done' }): void {
    const isLogged = done.logged.some((statement) => !statement.isRead)
    const context = this.#run.endTransaction(isLogged)
    const idempotencyKey = isLogged ? request.idempotencyKey : null
    attempt.outcomes.push({ kind: 'survivor', results: done.results, context, idempotencyKey })
    if (!isLogged) return
    attempt.logged++
    attempt.mayFailAtCommit ||= done.mayFailAtCommit
    if (idempotencyKey !== null) attempt.keys.add(idempotencyKey)
    this.#encoder.add({ context: request.context, idempotencyKey, statements: done.logged })
  }

  /** Leaves the transaction open: the caller keeps or undoes it. */
  #transaction(request: TransactionRequest, ordinal: number): TransactionRun {
    this.#run.beginTransaction(request.context, ordinal, request.statements.length === 1 ? 'lone' : 'several')
    const statements = new StatementsRun(this.#parts, request, ordinal)
    return statements.all(this.#encoder.lengthBytes)
  }
}

/** The statements of one request, one after the other. */
class StatementsRun {
  readonly #parts: BatchParts
  readonly #run: EntryRun
  readonly #request: TransactionRequest
  readonly #ordinal: number
  readonly #results: StatementResult[] = []
  readonly #logged: LoggedStatement[] = []
  #sizeBytes = 0
  #loggedBytes = 0
  #isAlone = false
  #mayFailAtCommit = false

  constructor(parts: BatchParts, request: TransactionRequest, ordinal: number) {
    this.#parts = parts
    this.#run = parts.run
    this.#request = request
    this.#ordinal = ordinal
  }

  /** `entryBytes`: how much the entry has already. */
  all(entryBytes: number): TransactionRun {
    const statements = this.#request.statements
    for (let position = 0; position < statements.length; position++) {
      try {
        if (!this.#one(position, entryBytes)) return { kind: 'postponed' }
      } catch (cause) {
        const error = fromSqlite(cause)
        if (isMachineFailure(error)) throw error
        return this.#failure(error, position)
      }
    }
    return {
      kind: 'done',
      results: this.#results,
      logged: this.#logged,
      isAlone: this.#isAlone,
      mayFailAtCommit: this.#mayFailAtCommit,
    }
  }

  #failure(error: HarmonyError, failedStatement: number): TransactionRun {
    const outcome: TransactionOutcome = {
      kind: 'failed',
      error: toErrorData(error),
      failedStatement,
      results: this.#results,
    }
    return { kind: 'failed', outcome }
  }

  /** False if the request must be the first of an entry, and is not. */
  #one(position: number, entryBytes: number): boolean {
    const { sql, args } = must(this.#request.statements[position])
    const prepared = this.#run.prepare(sql)
    const values = valuesOf(prepared.layout, args)
    const { facts } = prepared
    this.#mayFailAtCommit ||= mayViolateAtCommit(facts, this.#request.context, this.#run.schema)
    this.#isAlone ||= this.#mayFailAtCommit || needsOwnEntry(facts)
    if (this.#isAlone && this.#ordinal > 0) return false
    const hasWritten = this.#logged.some((statement) => !statement.isRead)
    const isLogged =
      mustBeLogged(facts, hasWritten, this.#run.schema) || this.#request.idempotencyKey !== null
    if (isLogged) this.#loggedBytes += loggedSize(prepared.sql, values)
    if (this.#loggedBytes > this.#parts.limits.entryLengthBytesMax)
      throw transactionTooLarge(this.#parts.limits)
    if (entryBytes + this.#loggedBytes > this.#parts.limits.entryLengthBytesMax) return false
    const sizeBytesMax = this.#request.resultSizeBytesMax - this.#sizeBytes
    const { run, mode } = this.#run.run(prepared, values, position, null, sizeBytesMax, false)
    if (run.kind === 'failed') throw run.error
    this.#sizeBytes += run.sizeBytes
    this.#results.push(this.#run.result(prepared, run))
    if (isLogged) {
      const isRead = !facts.isWrite
      this.#logged.push({ position, ...mode, failure: null, isRead, sql: prepared.sql, values })
    }
    return true
  }
}

export function transactionTooLarge(limits: EngineLimits): HarmonyError {
  return new HarmonyError(
    'TRANSACTION_TOO_LARGE',
    `The statements and values of the transaction are longer than the limit of ${limits.entryLengthBytesMax} bytes: split it`,
  )
}
