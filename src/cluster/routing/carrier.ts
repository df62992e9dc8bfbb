/** Sends calls to other members and brings their answers, in parts where they are large. */

import { DecodeError } from '../../base/bytes.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { Clock } from '../../host/clock.ts'
import { sleep } from '../../host/clock.ts'
import { ROUTING_KIND_FIRST } from '../call-kinds.ts'
import { decodeAnswer } from './answer-codec.ts'
import { encodeCall } from './call-codec.ts'
import type { RoutingLimits } from './limits.ts'
import type { RoutingAnswer, RoutingCall } from './message.ts'
import type { MemberCalls } from './parts.ts'
import { failureOf } from './reply.ts'
import type { CallFailure, Reply } from './reply.ts'

export const ROUTING_KIND: number = ROUTING_KIND_FIRST

/** How often the same part of an answer is asked for: the answer itself is certain, only the way is not. */
const FETCHES_MAX = 5

export class Carrier {
  readonly #calls: MemberCalls
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  #lastParcel: number

  /** `firstParcel` differs from one start of the member to the next, so that parts of both never meet. */
  constructor(calls: MemberCalls, clock: Clock, limits: RoutingLimits, firstParcel: number) {
    this.#calls = calls
    this.#clock = clock
    this.#limits = limits
    this.#lastParcel = firstParcel
  }

  /** Rejects only with TRANSACTION_TOO_LARGE, before anything is sent. */
  ask(member: number, call: RoutingCall, deadlineMs: number): Promise<Reply<RoutingAnswer>> {
    return this.send(member, encodeCall(call), deadlineMs)
  }

  /** The same for a call in bytes. */
  async send(member: number, payload: Uint8Array, deadlineMs: number): Promise<Reply<RoutingAnswer>> {
    if (payload.length > this.#limits.partSizeBytes) {
      const parcel = await this.#sendParts(member, payload, deadlineMs)
      if (typeof parcel !== 'number') return parcel
      return this.#sendWhole(member, encodeCall({ type: 'parcel', parcel }), deadlineMs)
    }
    return this.#sendWhole(member, payload, deadlineMs)
  }

  async #sendWhole(member: number, payload: Uint8Array, deadlineMs: number): Promise<Reply<RoutingAnswer>> {
    const reply = await this.#exchange(member, payload, deadlineMs)
    if (reply.kind !== 'answered' || reply.answer.kind !== 'parcel') return reply
    return this.#fetch(member, reply.answer.parcel, reply.answer.sizeBytes, deadlineMs)
  }

  async #exchange(member: number, payload: Uint8Array, deadlineMs: number): Promise<Reply<RoutingAnswer>> {
    const outcome = await this.#calls.call(member, { kind: ROUTING_KIND, payload, deadlineMs })
    if (outcome.kind !== 'answered') return failureOf(member, outcome) as CallFailure
    return decoded(member, outcome.payload)
  }

  /** The parcel's number, or why it did not get there: then nothing was done, because the call itself was not sent. */
  async #sendParts(member: number, payload: Uint8Array, deadlineMs: number): Promise<number | CallFailure> {
    const { messageSizeBytesMax, partSizeBytes } = this.#limits
    const sizeBytes = payload.length
    if (sizeBytes > messageSizeBytesMax) throw tooLarge(sizeBytes, messageSizeBytesMax)
    const parcel = ++this.#lastParcel
    for (let offset = 0; offset < sizeBytes; offset += partSizeBytes) {
      const bytes = payload.subarray(offset, offset + partSizeBytes)
      const part = encodeCall({ type: 'part', parcel, sizeBytes, offset, bytes })
      const reply = await this.#exchange(member, part, deadlineMs)
      const failure = partFailure(reply)
      if (failure !== null) return failure
    }
    return parcel
  }

  async #fetch(
    member: number,
    parcel: number,
    sizeBytes: number,
    deadlineMs: number,
  ): Promise<Reply<RoutingAnswer>> {
    if (sizeBytes > this.#limits.messageSizeBytesMax) return unreadable(member, 'is too large')
    const whole = new Uint8Array(sizeBytes)
    for (let offset = 0; offset < sizeBytes;) {
      const bytes = await this.#fetchPart(member, parcel, offset, deadlineMs)
      if (bytes === null) return unreadable(member, 'could not be fetched')
      if (bytes.length === 0 || offset + bytes.length > sizeBytes) return unreadable(member, 'is damaged')
      whole.set(bytes, offset)
      offset += bytes.length
    }
    // Only sets memory free over there.
    void this.#exchange(member, encodeCall({ type: 'fetch', parcel, offset: sizeBytes }), deadlineMs)
    return decoded(member, whole)
  }

  async #fetchPart(
    member: number,
    parcel: number,
    offset: number,
    deadlineMs: number,
  ): Promise<Uint8Array | null> {
    const call = encodeCall({ type: 'fetch', parcel, offset })
    for (let count = 1; ; count++) {
      const reply = await this.#exchange(member, call, deadlineMs)
      if (reply.kind === 'answered') return reply.answer.kind === 'part' ? reply.answer.bytes : null
      if (count === FETCHES_MAX || this.#clock.nowMs() >= deadlineMs) return null
      await sleep(this.#clock, this.#limits.retryMaxMs)
    }
  }
}

function decoded(member: number, payload: Uint8Array): Reply<RoutingAnswer> {
  try {
    return { kind: 'answered', answer: decodeAnswer(payload) }
  } catch (error) {
    if (error instanceof DecodeError) return unreadable(member, `can't be read: ${error.message}`)
    throw error
  }
}

function unreadable(member: number, what: string): CallFailure {
  return { kind: 'unknown', detail: `the answer of member ${member} ${what}` }
}

function partFailure(reply: Reply<RoutingAnswer>): CallFailure | null {
  if (reply.kind === 'not-done') return reply
  if (reply.kind === 'unknown') return { kind: 'not-done', code: 'NOT_LEADER', detail: reply.detail }
  const { answer } = reply
  if (answer.kind === 'done') return null
  const detail =
    answer.kind === 'rejected' ? answer.error.message : `an answer of kind ${answer.kind} to a part`
  const isFull = answer.kind === 'rejected' && answer.error.code === 'OVERLOADED'
  return { kind: 'not-done', code: isFull ? 'OVERLOADED' : 'NOT_LEADER', detail }
}

function tooLarge(sizeBytes: number, sizeBytesMax: number): HarmonyError {
  return new HarmonyError(
    'TRANSACTION_TOO_LARGE',
    `The transaction has ${sizeBytes} bytes, and ${sizeBytesMax} may be sent to the member that leads its database. ` +
      'Nothing was done; split it up.',
  )
}
