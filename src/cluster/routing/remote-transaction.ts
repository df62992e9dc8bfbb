/**
 * An interactive transaction that another member holds, seen from the member whose client began it. Nothing of it is applied before COMMIT, so
 * whatever goes wrong before is certain: it is rolled back, and `ended` says so.
 *
 *            execute, describe: answered ─┐
 *                                ┌────────┴┐   commit: answered        ┌───────┐
 *              begun ──────────▶ │  open   │ ─────────────────────────▶│ over  │
 *                                └────┬────┘   rollback                └───────┘
 *                                     │ the leader says that it is over; a call was not answered
 *                                     ▼
 *                                   ended (`ended` tells why) ── commit unanswered: OUTCOME_UNKNOWN
 */

import { HarmonyError } from '../../base/errors.ts'
import type { SqlStatement, StatementResult } from '../../base/value.ts'
import type { Clock } from '../../host/clock.ts'
import { sleep } from '../../host/clock.ts'
import type { Carrier } from './carrier.ts'
import type { RoutingLimits } from './limits.ts'
import type { RoutingAnswer, RoutingCall } from './message.ts'
import type { Committed, OpenTransaction, StatementDescription } from './parts.ts'
import { outcomeUnknown } from './retry-policy.ts'
import { fromErrorData } from '../../base/error-data.ts'
import type { CallFailure, Reply } from './reply.ts'
import type { TakeBacks } from './take-backs.ts'

export interface RemoteTransactionOptions {
  readonly database: string
  /** The member that holds it. */
  readonly member: number
  readonly transaction: number
  readonly carrier: Carrier
  readonly takeBacks: TakeBacks
  readonly clock: Clock
  readonly limits: RoutingLimits
  readonly totalTimeoutMs: number
}

export class RemoteTransaction implements OpenTransaction {
  readonly #options: RemoteTransactionOptions
  /** After it the leader has certainly ended it, commit under way or not. */
  readonly #deadlineMs: number
  #state: 'open' | 'over' = 'open'
  #ended: HarmonyError | null = null

  constructor(options: RemoteTransactionOptions) {
    this.#options = options
    this.#deadlineMs = options.clock.nowMs() + options.totalTimeoutMs + options.limits.graceMs
  }

  get ended(): Error | null {
    return this.#ended
  }

  async execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult> {
    const { transaction } = this.#options
    const answer = await this.#work({ type: 'execute', transaction, statement, resultSizeBytesMax })
    if (answer.kind === 'result') return answer.result
    throw this.#strange(answer)
  }

  async describe(sql: string): Promise<StatementDescription> {
    const { transaction } = this.#options
    const answer = await this.#work({ type: 'describe', transaction, sql })
    if (answer.kind === 'description') return answer.description
    throw this.#strange(answer)
  }

  async commit(): Promise<Committed> {
    this.#checkOpen()
    const { transaction, database } = this.#options
    const reply = await this.#ask({ type: 'commit', transaction })
    if (reply.kind === 'unknown') {
      // Where COMMIT did not get there the transaction still holds the writer; where it did, this changes nothing.
      this.#takeBack()
      throw this.#end(outcomeUnknown(database, reply.detail))
    }
    if (reply.kind === 'not-done') throw this.#lose(reply)
    const { answer } = reply
    if (answer.kind !== 'committed') throw this.#end(this.#failureOf(answer))
    this.#state = 'over'
    return { index: answer.index, context: answer.context }
  }

  /** Over here in any case; where it can't be told now, it is told later. */
  async rollback(): Promise<void> {
    this.#checkOpen()
    this.#state = 'over'
    const reply = await this.#ask({ type: 'rollback', transaction: this.#options.transaction })
    if (reply.kind !== 'answered') this.#takeBack()
  }

  /** A statement or a description: an answer, or an error after which the transaction may go on. */
  async #work(call: RoutingCall): Promise<RoutingAnswer> {
    this.#checkOpen()
    const reply = await this.#ask(call)
    if (reply.kind === 'unknown') throw this.#lose(reply)
    if (reply.kind === 'not-done') throw reply.code === 'OVERLOADED' ? overloaded(reply) : this.#lose(reply)
    const { answer } = reply
    if (answer.kind === 'statement-failed') {
      if (answer.ended !== null) this.#end(fromErrorData(answer.ended))
      throw fromErrorData(answer.error)
    }
    if (answer.kind === 'no-transaction' || answer.kind === 'rejected')
      throw this.#end(this.#failureOf(answer))
    return answer
  }

  /** Full queues on the way are waited for: the transaction holds the writer, and others wait for its end. */
  async #ask(call: RoutingCall): Promise<Reply<RoutingAnswer>> {
    const { carrier, clock, limits, member } = this.#options
    const patientUntilMs = clock.nowMs() + limits.graceMs
    for (;;) {
      const reply = await carrier.ask(member, call, this.#deadlineMs)
      const isFull = reply.kind === 'not-done' && reply.code === 'OVERLOADED'
      if (!isFull || clock.nowMs() >= Math.min(patientUntilMs, this.#deadlineMs)) return reply
      await sleep(clock, limits.retryMinMs)
    }
  }

  /** The member that holds it can't be reached: it ends there too, as soon as that is noticed or told. */
  #lose({ detail }: CallFailure): HarmonyError {
    this.#takeBack()
    return this.#end(this.#gone(detail))
  }

  #takeBack(): void {
    const { takeBacks, member, transaction } = this.#options
    takeBacks.take(member, transaction, this.#deadlineMs)
  }

  #gone(detail: string): HarmonyError {
    return new HarmonyError(
      'TRANSACTION_CONFLICT',
      `The transaction on the database ${this.#options.database} was rolled back, because ${detail}. Nothing was done; begin it again.`,
    )
  }

  #failureOf(answer: RoutingAnswer): HarmonyError {
    if (answer.kind === 'statement-failed' || answer.kind === 'rejected') return fromErrorData(answer.error)
    if (answer.kind === 'no-transaction')
      return this.#gone(`member ${this.#options.member} does not hold it any more`)
    return this.#strange(answer)
  }

  #end(reason: HarmonyError): HarmonyError {
    this.#state = 'over'
    this.#ended = reason
    return reason
  }

  #strange({ kind }: RoutingAnswer): HarmonyError {
    return this.#end(
      new HarmonyError(
        'INTERNAL',
        `Member ${this.#options.member} gave an answer of kind ${kind} that does not fit.`,
      ),
    )
  }

  #checkOpen(): void {
    if (this.#ended !== null) throw this.#ended
    if (this.#state === 'over')
      throw new HarmonyError('NO_TRANSACTION', 'This transaction is over: it was committed or rolled back.')
  }
}

function overloaded({ detail }: CallFailure): HarmonyError {
  return new HarmonyError(
    'OVERLOADED',
    `The statement did not run, because ${detail}. The transaction is as it was; try again.`,
  )
}
