/**
 * Linearizable reads at a follower (thesis 6.4): it asks the leader for a read index.
 *
 * Reads of one turn share a request. Its number is never used twice, not even by the same replica after a
 * restart (it starts at random): an answer to an older request must not pass for one to a newer. A
 * request may be sent again with its own number, because any answer to it was made after its reads began.
 */

import type { ReadState } from './ready.ts'

interface Request {
  readonly request: number
  readonly contexts: readonly number[]
  ageTicks: number
}

const TWO_19 = 2 ** 19

export class FollowerReads {
  #nextRequest: number
  #arrived: number[] = []
  #requests: Request[] = []
  #count = 0

  /** `random` gives integers from 0 to 2^32 - 1; 2^51 starting points, so that two starts hardly ever meet. */
  constructor(random: () => number) {
    this.#nextRequest = random() * TWO_19 + (random() % TWO_19)
  }

  get count(): number {
    return this.#count
  }

  get hasArrived(): boolean {
    return this.#arrived.length > 0
  }

  arrive(context: number): void {
    this.#arrived.push(context)
    this.#count += 1
  }

  /** Makes one request of all reads that have arrived. Its number. */
  startRequest(): number {
    const request = this.#nextRequest
    this.#nextRequest += 1
    this.#requests.push({ request, contexts: this.#arrived, ageTicks: 0 })
    this.#arrived = []
    return request
  }

  /** The leader answered. Empty if nobody asked, or not any more. */
  answer(request: number, index: number): readonly ReadState[] {
    const at = this.#requests.findIndex((candidate) => candidate.request === request)
    if (at === -1) return []
    const [answered] = this.#requests.splice(at, 1)
    this.#count -= answered!.contexts.length
    return answered!.contexts.map((context) => ({ context, index }))
  }

  /** A tick passed. The requests to send again, and the reads that waited for too long. */
  tick(resendEveryTicks: number, timeoutTicks: number): { resend: number[]; expired: number[] } {
    const resend: number[] = []
    const expired: number[] = []
    for (const request of this.#requests) {
      request.ageTicks += 1
      if (request.ageTicks >= timeoutTicks) expired.push(...request.contexts)
      else if (request.ageTicks % resendEveryTicks === 0) resend.push(request.request)
    }
    if (expired.length > 0) {
      this.#requests = this.#requests.filter((request) => request.ageTicks < timeoutTicks)
      this.#count -= expired.length
    }
    return { resend, expired }
  }

  /** Everything that is not answered. */
  takeAll(): readonly number[] {
    const contexts = [...this.#requests.flatMap((request) => request.contexts), ...this.#arrived]
    this.#requests = []
    this.#arrived = []
    this.#count = 0
    return contexts
  }
}
