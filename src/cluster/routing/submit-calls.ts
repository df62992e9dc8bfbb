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
import type { Reply } from './reply.ts'

interface Waiting {
  readonly request: TransactionRequest
  readonly resolve: (reply: Reply<SubmitAnswer>) => void
  readonly reject: (error: unknown) => void
}

/** For one database on one member. */
interface Bundle {
  readonly member: number
  readonly group: number
  readonly waiting: Waiting[]
}

/** A call with this many bytes is sent, and another one begun: small enough that a heartbeat does not notice. */
const CALL_SIZE_BYTES = 256 * 1024

export class SubmitCalls {
  readonly #carrier: Carrier
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  #bundles = new Map<string, Bundle>()
  calls = 0

  constructor(carrier: Carrier, clock: Clock, limits: RoutingLimits) {
    this.#carrier = carrier
    this.#clock = clock
    this.#limits = limits
  }

  /** Rejects only with TRANSACTION_TOO_LARGE. */
  submit(member: number, group: number, request: TransactionRequest): Promise<Reply<SubmitAnswer>> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply<SubmitAnswer>>()
    const key = `${member}/${group}`
    const bundle = this.#bundles.get(key) ?? { member, group, waiting: [] }
    if (this.#bundles.size === 0) this.#clock.soon(() => this.#flush())
    if (bundle.waiting.length === 0) this.#bundles.set(key, bundle)
    bundle.waiting.push({ request, resolve, reject })
    return promise
  }

  #flush(): void {
    const bundles = this.#bundles
    this.#bundles = new Map()
    for (const bundle of bundles.values()) this.#send(bundle)
  }

  #send({ member, group, waiting }: Bundle): void {
    const encoder = new SubmitEncoder(group)
    let first = 0
    for (let at = 0; at < waiting.length; at++) {
      const sizeBytes = encoder.sizeBytes
      encoder.add((waiting[at] as Waiting).request)
      // A large one goes alone: it travels in parts, and the others would wait for them.
      if (encoder.count > 1 && encoder.sizeBytes > this.#limits.partSizeBytes) {
        this.#call(member, encoder.finish(encoder.count - 1, sizeBytes), waiting.slice(first, at))
        first = at
        encoder.add((waiting[at] as Waiting).request)
      }
      const isFull = encoder.count === this.#limits.submitsPerCallMax || encoder.sizeBytes >= CALL_SIZE_BYTES
      if (!isFull && at < waiting.length - 1) continue
      this.#call(member, encoder.finish(), waiting.slice(first, at + 1))
      first = at + 1
    }
  }

  #call(member: number, payload: Uint8Array, waiting: readonly Waiting[]): void {
    this.calls++
    const deadlineMs = this.#clock.nowMs() + this.#limits.answerTimeoutMs
    this.#carrier.send(member, payload, deadlineMs).then(
      (reply) => settle(member, reply, waiting),
      (error: unknown) => {
        for (const { reject } of waiting) reject(error)
      },
    )
  }
}

function settle(member: number, reply: Reply<RoutingAnswer>, waiting: readonly Waiting[]): void {
  for (const [at, { resolve }] of waiting.entries()) resolve(replyOf(member, reply, waiting.length, at))
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
