/**
 * Transactions on their way to leaders elsewhere. Those that come in the same turn of the event loop for the same database travel in one
 * call: the leader runs what waits as one batch anyway, so that nobody waits longer for it, and a call costs a frame, a timer and a promise on
 * both sides. Each of them has an outcome of its own.
 */

import type { TransactionRequest } from '../../base/transaction.ts'
import type { Clock } from '../../host/clock.ts'
import { SubmitEncoder } from './call-codec.ts'
import type { Carrier } from './carrier.ts'
import type { RoutingLimits } from './limits.ts'
import type { RoutingAnswer, SubmitAnswer } from './message.ts'
import type { LocalReplica } from './parts.ts'
import type { Reply } from './reply.ts'
import { unlessSuperseded } from './superseded.ts'

/** Whoever waits without a promise: a lone write has little else that costs as much. One of the two is called, once. */
export interface ReplyReceiver {
  resolve(reply: Reply<SubmitAnswer>): void
  /** Only with TRANSACTION_TOO_LARGE. */
  reject(error: Error): void
}

interface Waiting {
  readonly request: TransactionRequest
  readonly receiver: ReplyReceiver
}

/** For one database on one member. */
interface Bundle {
  readonly member: number
  /** The one here, which hears who leads. */
  readonly replica: LocalReplica
  readonly waiting: Waiting[]
}

/** A call with this many bytes is sent, and another one begun: small enough that a heartbeat does not notice. */
const CALL_SIZE_BYTES = 256 * 1024

export class SubmitCalls {
  readonly #carrier: Carrier
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  #bundles: Bundle[] = []
  calls = 0

  constructor(carrier: Carrier, clock: Clock, limits: RoutingLimits) {
    this.#carrier = carrier
    this.#clock = clock
    this.#limits = limits
  }

  /** Given up when another member has led for a while: then the answer of `member` may never come. */
  submit(receiver: ReplyReceiver, member: number, replica: LocalReplica, request: TransactionRequest): void {
    const waiting = { request, receiver }
    // There are few: most often one.
    const bundle = this.#bundles.find((one) => one.member === member && one.replica === replica)
    if (bundle !== undefined) bundle.waiting.push(waiting)
    else this.#bundles.push({ member, replica, waiting: [waiting] })
    if (bundle === undefined && this.#bundles.length === 1) this.#clock.soon(() => this.#flush())
  }

  #flush(): void {
    const bundles = this.#bundles
    this.#bundles = []
    for (const bundle of bundles) this.#send(bundle)
  }

  #send(bundle: Bundle): void {
    const { waiting } = bundle
    const encoder = new SubmitEncoder(bundle.replica.group)
    let first = 0
    for (let at = 0; at < waiting.length; at++) {
      const sizeBytes = encoder.sizeBytes
      encoder.add((waiting[at] as Waiting).request)
      // A large one goes alone: it travels in parts, and the others would wait for them.
      if (encoder.count > 1 && encoder.sizeBytes > this.#limits.partSizeBytes) {
        this.#call(bundle, encoder.finish(encoder.count - 1, sizeBytes), waiting.slice(first, at))
        first = at
        encoder.add((waiting[at] as Waiting).request)
      }
      const isFull = encoder.count === this.#limits.submitsPerCallMax || encoder.sizeBytes >= CALL_SIZE_BYTES
      if (!isFull && at < waiting.length - 1) continue
      this.#call(bundle, encoder.finish(), waiting.slice(first, at + 1))
      first = at + 1
    }
  }

  #call({ member, replica }: Bundle, payload: Uint8Array, waiting: readonly Waiting[]): void {
    this.calls++
    const { answerTimeoutMs, supersededGraceMs } = this.#limits
    const reply = this.#carrier.send(member, payload, this.#clock.nowMs() + answerTimeoutMs)
    unlessSuperseded(replica, this.#clock, supersededGraceMs, { member, reply }).then(
      (heard) => settle(member, heard, waiting),
      (error: Error) => {
        for (const { receiver } of waiting) receiver.reject(error)
      },
    )
  }
}

function settle(member: number, reply: Reply<RoutingAnswer>, waiting: readonly Waiting[]): void {
  for (const [at, { receiver }] of waiting.entries())
    receiver.resolve(replyOf(member, reply, waiting.length, at))
}

/** Of the transaction at `at`. */
function replyOf(
  member: number,
  reply: Reply<RoutingAnswer>,
  count: number,
  at: number,
): Reply<SubmitAnswer> {
  if (reply.kind !== 'answered') return reply
  const { answer } = reply
  if (answer.kind === 'rejected') return { kind: 'answered', answer }
  const one = answer.kind === 'submitted' && answer.answers.length === count ? answer.answers[at] : undefined
  if (one !== undefined) return { kind: 'answered', answer: one }
  return {
    kind: 'unknown',
    detail: `member ${member} gave an answer of kind ${answer.kind} to ${count} transactions`,
  }
}
