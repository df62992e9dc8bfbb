/**
 * A database as gateways use it on any member: reads come from the replica here, changes go to the leader, wherever that is. It
 * implements `DatabaseCore` of the gateway by structure. DESIGN.md tells what becomes of a request when something fails.
 */

import { HarmonyError } from '../../base/errors.ts'
import type {
  IndexReceiver,
  OutcomeReceiver,
  ReadPosition,
  TransactionOutcome,
  TransactionRequest,
} from '../../base/transaction.ts'
import type { SubmitAnswer } from './message.ts'
import type { SubmitCalls } from './submit-calls.ts'
import type { TakeBacks } from './take-backs.ts'
import { LeaderSearch, NOBODY_KNOWN } from './leader-search.ts'
import type { FailedTry, SearchParts } from './leader-search.ts'
import type { BeginOptions, LocalReplica, OpenTransaction } from './parts.ts'
import { RemoteTransaction } from './remote-transaction.ts'
import { toErrorData } from '../../base/error-data.ts'
import type { Reply } from './reply.ts'
import { outcomeUnknown, resultsLost, verdictOfFailure, verdictOfRejection } from './retry-policy.ts'
import type { Tried, Verdict } from './retry-policy.ts'
import { unlessSuperseded } from './superseded.ts'

export interface RoutedDatabaseParts extends SearchParts {
  /** This member's number. */
  readonly own: number
  readonly submits: SubmitCalls
  readonly takeBacks: TakeBacks
  /** Numbers for transactions, never the same twice. */
  readonly nextTransaction: () => number
  readonly counts: RoutingCounts
}

/** What routing counts, for metrics. */
export interface RoutingCounts {
  /** Transactions and BEGINs that were sent to another member. */
  forwarded: number
  /** Tries after a first one that was certainly not done. */
  repeated: number
  /** Of which clients were told OUTCOME_UNKNOWN. */
  unknown: number
}

/** A try: what it gave, or what is to be done about its failure. */
type Try<T> = { readonly kind: 'done'; readonly value: T } | Verdict

export class RoutedDatabase {
  readonly #replica: LocalReplica
  readonly #parts: RoutedDatabaseParts

  constructor(replica: LocalReplica, parts: RoutedDatabaseParts) {
    this.#replica = replica
    this.#parts = parts
  }

  get name(): string {
    return this.#replica.name
  }

  get dataFile(): string {
    return this.#replica.dataFile
  }

  get appliedIndex(): bigint {
    return this.#replica.appliedIndex
  }

  onApplied(listener: (appliedIndex: bigint) => void): () => void {
    return this.#replica.onApplied(listener)
  }

  onFileReplaced(listener: () => void): () => void {
    return this.#replica.onFileReplaced(listener)
  }

  readIndex(timeoutMs?: number): Promise<bigint> {
    return this.#replica.readIndex(timeoutMs)
  }

  /** False with nothing done where the replica can't. Throws why it can't be used any more. */
  readIndexFor(receiver: IndexReceiver, timeoutMs: number): boolean {
    if (this.#replica.readIndexFor === undefined) return false
    this.#replica.readIndexFor(receiver, timeoutMs)
    return true
  }

  readIndexNow(): bigint | null {
    return this.#replica.readIndexNow?.() ?? null
  }

  onReadPosition(listener: (position: ReadPosition) => void): () => void {
    return this.#replica.onReadPosition?.(listener) ?? (() => {})
  }

  waitApplied(index: bigint, timeoutMs: number): Promise<void> {
    return this.#replica.waitApplied(index, timeoutMs)
  }

  /**
   * Rejects with what the leader rejects with; with NOT_LEADER if none took it in time, nothing done; with OUTCOME_UNKNOWN if the leader did not
   * answer and the request has no idempotency key.
   */
  submit(request: TransactionRequest): Promise<TransactionOutcome> {
    return this.#submitAfter(null, request)
  }

  /** `failed`: the try before, of which nothing was done for certain. */
  #submitAfter(failed: FailedTry | null, request: TransactionRequest): Promise<TransactionOutcome> {
    const attempt = (leader: number): Promise<Try<TransactionOutcome>> =>
      leader === this.#parts.own ? this.#submitHere(request) : this.#submitTo(leader, request)
    return this.#route(attempt, failed)
  }

  /**
   * Like `submit` without a promise, where a leader is known, here or elsewhere; false with nothing done where none is. What was
   * certainly not done goes the way of `submit` from there.
   */
  submitHere(receiver: OutcomeReceiver, request: TransactionRequest): boolean {
    const { leader } = this.#replica
    if (leader === null || request.idempotencyKey !== null) return false
    if (leader !== this.#parts.own) this.#forward(receiver, leader, request)
    else this.#handHere(receiver, request)
    return true
  }

  #handHere(receiver: OutcomeReceiver, request: TransactionRequest): void {
    const reject = (error: Error): void =>
      this.#settle(receiver, request, this.#rejectedHere(error, request.idempotencyKey))
    try {
      const resolve = (outcome: TransactionOutcome): void => receiver.resolve(outcome)
      this.#replica.submitTo({ resolve, reject, isEarly: receiver.isEarly === true }, request)
    } catch (error) {
      // The replica here has ended: moved away, or the member stops. `submit` judges that, too.
      reject(error as Error)
    }
  }

  #forward(receiver: OutcomeReceiver, leader: number, request: TransactionRequest): void {
    this.#parts.counts.forwarded++
    const resolve = (reply: Reply<SubmitAnswer>): void =>
      this.#settle(receiver, request, this.#judged(leader, request, reply))
    const reject = (error: Error): void => receiver.reject(error)
    this.#parts.submits.submit({ resolve, reject }, leader, this.#replica, request)
  }

  /** Tells what came of the first try, or goes on with the next. */
  #settle(receiver: OutcomeReceiver, request: TransactionRequest, tried: Try<TransactionOutcome>): void {
    if (tried.kind === 'done') return receiver.resolve(tried.value)
    if (tried.kind === 'tell') return receiver.reject(this.#counted(tried.error))
    this.#parts.counts.repeated++
    this.#submitAfter(tried.failed, request).then(
      (outcome) => receiver.resolve(outcome),
      (failure: Error) => receiver.reject(failure),
    )
  }

  /** Like `submit`; a BEGIN can be repeated whatever happened to it, because nothing is done before COMMIT. */
  begin(options: BeginOptions): Promise<OpenTransaction> {
    return this.#route((leader) =>
      leader === this.#parts.own ? this.#beginHere(options) : this.#beginAt(leader, options),
    )
  }

  async #route<T>(attempt: (leader: number) => Promise<Try<T>>, before: FailedTry | null = null): Promise<T> {
    const { clock, limits, counts } = this.#parts
    const deadlineMs = clock.nowMs() + limits.leaderTimeoutMs
    let search: LeaderSearch | null = null
    let leader = before === null ? this.#replica.leader : null
    let failed = before ?? NOBODY_KNOWN
    /** Why the outcome of a try is not known: whatever a later one fails with, that one may have been applied. */
    let unknown: string | null = null
    for (;;) {
      if (leader === null) {
        search ??= new LeaderSearch(this.#parts, this.#replica, deadlineMs)
        leader = await search.next(failed).catch((error: unknown) => this.#tell(error, unknown))
      }
      const tried = await attempt(leader)
      if (tried.kind === 'done') return tried.value
      if (tried.kind === 'tell') return this.#tell(tried.error, unknown)
      counts.repeated++
      failed = tried.failed
      if (failed.code === 'OUTCOME_UNKNOWN') unknown = failed.detail
      leader = null
    }
  }

  #tell(error: unknown, unknown: string | null): never {
    throw this.#counted(unknown === null ? error : outcomeUnknown(this.name, unknown, error))
  }

  #counted<E>(error: E): E {
    if (error instanceof HarmonyError && error.code === 'OUTCOME_UNKNOWN') this.#parts.counts.unknown++
    return error
  }

  #tried(asked: number, idempotencyKey: string | null): Tried {
    return { database: this.name, own: this.#parts.own, asked, hasIdempotencyKey: idempotencyKey !== null }
  }

  async #submitHere(request: TransactionRequest): Promise<Try<TransactionOutcome>> {
    try {
      return { kind: 'done', value: await this.#replica.submit(request) }
    } catch (error) {
      return this.#rejectedHere(error, request.idempotencyKey)
    }
  }

  #submitTo(leader: number, request: TransactionRequest): Promise<Try<TransactionOutcome>> {
    this.#parts.counts.forwarded++
    const { promise, resolve, reject } = Promise.withResolvers<Try<TransactionOutcome>>()
    const judge = (reply: Reply<SubmitAnswer>): void => resolve(this.#judged(leader, request, reply))
    this.#parts.submits.submit({ resolve: judge, reject }, leader, this.#replica, request)
    return promise
  }

  #judged(
    leader: number,
    { idempotencyKey }: TransactionRequest,
    reply: Reply<SubmitAnswer>,
  ): Try<TransactionOutcome> {
    if (reply.kind !== 'answered') return verdictOfFailure(this.#tried(leader, idempotencyKey), reply)
    const { answer } = reply
    if (answer.kind === 'rejected') return verdictOfRejection(this.#tried(leader, idempotencyKey), answer)
    if (answer.kind === 'results-lost') return { kind: 'tell', error: resultsLost(this.name, answer.index) }
    return { kind: 'done', value: answer }
  }

  async #beginHere(options: BeginOptions): Promise<Try<OpenTransaction>> {
    try {
      return { kind: 'done', value: await this.#replica.begin(options) }
    } catch (error) {
      return this.#rejectedHere(error, null)
    }
  }

  async #beginAt(leader: number, options: BeginOptions): Promise<Try<OpenTransaction>> {
    const { carrier, takeBacks, clock, limits, counts, nextTransaction } = this.#parts
    counts.forwarded++
    const transaction = nextTransaction()
    const { group } = this.#replica
    const deadlineMs = clock.nowMs() + options.waitTimeoutMs + limits.graceMs
    const sent = carrier.ask(leader, { type: 'begin', group, transaction, options }, deadlineMs)
    const reply = await this.#unlessSuperseded(leader, sent)
    const tried = this.#tried(leader, null)
    if (reply.kind === 'answered' && reply.answer.kind === 'done') {
      const { totalTimeoutMs } = options
      const { name: database } = this
      const value = new RemoteTransaction({
        database,
        member: leader,
        transaction,
        carrier,
        takeBacks,
        clock,
        limits,
        totalTimeoutMs,
      })
      return { kind: 'done', value }
    }
    if (reply.kind === 'answered' && reply.answer.kind === 'rejected')
      return verdictOfRejection(tried, reply.answer)
    if (reply.kind === 'not-done') return verdictOfFailure(tried, reply)
    // It may be open there and hold the writer: it must not wait for its idle timeout.
    takeBacks.take(leader, transaction, deadlineMs + options.totalTimeoutMs)
    const detail =
      reply.kind === 'unknown' ? reply.detail : `member ${leader} gave an answer of kind ${reply.answer.kind}`
    return { kind: 'repeat', failed: { asked: leader, hint: null, code: 'NOT_LEADER', detail } }
  }

  #unlessSuperseded<T>(member: number, reply: Promise<Reply<T>>): Promise<Reply<T>> {
    const { clock, limits } = this.#parts
    return unlessSuperseded(this.#replica, clock, limits.supersededGraceMs, { member, reply })
  }

  #rejectedHere(error: unknown, idempotencyKey: string | null): Verdict {
    const verdict = verdictOfRejection(this.#tried(this.#parts.own, idempotencyKey), {
      error: toErrorData(error),
      leader: this.#replica.leader,
    })
    // The error itself says more than its data: its cause.
    return verdict.kind === 'tell' && error instanceof HarmonyError ? { kind: 'tell', error } : verdict
  }
}
