/**
 * What other members ask of this one: transactions on the databases that it leads. It never passes a call on, so calls can't go round in circles:
 * who does not lead says who does.
 */

import { unreachable } from '../../base/assert.ts'
import { DecodeError } from '../../base/bytes.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { TransactionRequest } from '../../base/transaction.ts'
import type { IncomingCall } from '../transport/call-server.ts'
import { encodeAnswer, encodeSubmitted } from './answer-codec.ts'
import { decodeCall } from './call-codec.ts'
import type { HeldTransactions } from './held-transactions.ts'
import type { RoutingLimits } from './limits.ts'
import type { Rejection, RoutingAnswer, RoutingCall, SubmitAnswer } from './message.ts'
import type { Parcels } from './parcels.ts'
import type { LocalReplica } from './parts.ts'
import { toErrorData } from '../../base/error-data.ts'

export interface CallServiceParts {
  readonly replica: (group: number) => LocalReplica | null
  readonly held: HeldTransactions
  readonly parcels: Parcels
  readonly limits: RoutingLimits
}

type Caller = Pick<IncomingCall, 'from' | 'signal'>
type CallOf<T extends RoutingCall['type']> = Extract<RoutingCall, { type: T }>

export class CallService {
  readonly #parts: CallServiceParts

  constructor(parts: CallServiceParts) {
    this.#parts = parts
  }

  /** Rejects with REQUEST_INVALID, nothing done, at what can't be read. */
  async handle({ from, payload, signal }: IncomingCall): Promise<Uint8Array> {
    const caller = { from, signal }
    const call = decoded(payload)
    if (call.type !== 'parcel') return this.#answer(caller, call)
    const whole = decoded(this.#parts.parcels.take(from, call.parcel))
    if (whole.type === 'parcel')
      throw new HarmonyError('REQUEST_INVALID', 'A parcel in a parcel. Nothing was done.')
    return this.#answer(caller, whole)
  }

  async #answer(caller: Caller, call: Exclude<RoutingCall, { type: 'parcel' }>): Promise<Uint8Array> {
    if (call.type === 'submit') return this.#submit(caller, call)
    const answer = encodeAnswer(await this.#do(caller, call))
    if (answer.length <= this.#parts.parcels.roomBytes(caller.from)) return this.#inParts(caller, answer)
    if (call.type !== 'execute') throw responseTooLarge(answer.length)
    await this.#parts.held.abandon(caller.from, call.transaction)
    const error = toErrorData(responseTooLarge(answer.length))
    return encodeAnswer({ kind: 'statement-failed', error, ended: error })
  }

  async #do(
    caller: Caller,
    call: Exclude<RoutingCall, { type: 'parcel' | 'submit' }>,
  ): Promise<RoutingAnswer> {
    const { held, parcels } = this.#parts
    const { from } = caller
    switch (call.type) {
      case 'begin':
        return this.#begin(caller, call)
      case 'execute':
        return held.work(from, call.transaction, async (transaction) => {
          const result = await transaction.execute(call.statement, call.resultSizeBytesMax)
          return { kind: 'result', result }
        })
      case 'describe':
        return held.work(from, call.transaction, async (transaction) => {
          return { kind: 'description', description: await transaction.describe(call.sql) }
        })
      case 'commit':
        return held.commit(from, call.transaction)
      case 'rollback':
        return held.rollback(from, call.transaction)
      case 'part':
        parcels.add(from, call.parcel, call.sizeBytes, call.offset, call.bytes)
        return { kind: 'done' }
      case 'fetch':
        return { kind: 'part', bytes: parcels.read(from, call.parcel, call.offset) }
      case 'find-leader':
        return { kind: 'leader', leader: this.#parts.replica(call.group)?.leader ?? null }
      default:
        return unreachable(call)
    }
  }

  async #begin(
    { from, signal }: Caller,
    { group, transaction, options }: CallOf<'begin'>,
  ): Promise<RoutingAnswer> {
    const replica = this.#parts.replica(group)
    if (replica === null) return noReplica(group)
    try {
      return await this.#parts.held.begin(from, transaction, replica, options, signal)
    } catch (error) {
      return rejection(error, replica)
    }
  }

  async #submit(caller: Caller, { group, requests }: CallOf<'submit'>): Promise<Uint8Array> {
    const replica = this.#parts.replica(group)
    if (replica === null) return encodeAnswer(noReplica(group))
    const answers = await submitAll(replica, requests)
    const sizeBytesMax = Math.max(
      this.#parts.limits.partSizeBytes,
      this.#parts.parcels.roomBytes(caller.from),
    )
    return this.#inParts(caller, encodeSubmitted(answers, sizeBytesMax))
  }

  /** Itself, or where it can be fetched. */
  #inParts({ from }: Caller, answer: Uint8Array): Uint8Array {
    // A part of an answer has a few bytes more than the part.
    if (answer.length <= this.#parts.limits.partSizeBytes + PART_FRAME_BYTES) return answer
    const parcel = this.#parts.parcels.keep(from, answer)
    return encodeAnswer({ kind: 'parcel', parcel, sizeBytes: answer.length })
  }
}

const PART_FRAME_BYTES = 16

/** One promise for all of them. Never rejects. */
function submitAll(
  replica: LocalReplica,
  requests: readonly TransactionRequest[],
): Promise<readonly SubmitAnswer[]> {
  const { promise, resolve } = Promise.withResolvers<readonly SubmitAnswer[]>()
  const answers: (SubmitAnswer | null)[] = requests.map(() => null)
  let waitingCount = requests.length
  if (waitingCount === 0) resolve([])
  for (const [at, request] of requests.entries()) {
    const tell = (answer: SubmitAnswer): void => {
      answers[at] = answer
      if (--waitingCount === 0) resolve(answers as SubmitAnswer[])
    }
    submitTo(replica, request, tell)
  }
  return promise
}

function submitTo(
  replica: LocalReplica,
  request: TransactionRequest,
  tell: (answer: SubmitAnswer) => void,
): void {
  const reject = (error: Error): void => tell(rejection(error, replica))
  try {
    replica.submitTo({ resolve: tell, reject }, request)
  } catch (error) {
    reject(error as Error)
  }
}

function rejection(error: unknown, replica: LocalReplica): Rejection {
  return { kind: 'rejected', error: toErrorData(error), leader: replica.leader }
}

/** The catalog may not have told this member of it yet, or it was dropped. */
function noReplica(group: number): Rejection {
  const message = `There is no replica of group ${group} on this member. Nothing was done.`
  return { kind: 'rejected', error: { code: 'NOT_LEADER', message, offset: null }, leader: null }
}

function decoded(payload: Uint8Array): RoutingCall {
  try {
    return decodeCall(payload)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HarmonyError('REQUEST_INVALID', `The call can't be read: ${error.message}. Nothing was done.`)
  }
}

function responseTooLarge(sizeBytes: number): HarmonyError {
  return new HarmonyError(
    'RESPONSE_TOO_LARGE',
    `The result has ${sizeBytes} bytes, more than can be kept for the member that asked, so the transaction was rolled back. ` +
      'Ask for less at a time.',
  )
}
