/** A transaction that waits for its batch, or for the fate of the batch. */

import type { LatencyHistogram } from '../base/histogram.ts'
import type { OutcomeReceiver, TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { Clock } from '../host/clock.ts'
import { requestSizeBytes } from './request-size.ts'

export class WaitingRequest {
  readonly request: TransactionRequest
  readonly sizeBytes: number
  /** Since when it waits for the writer. */
  sinceMs: number
  /** How often the engine's process ended while it had this request, for whatever reason. */
  interruptions = 0
  /** The process ended while it had this request among others. It runs alone next time, which tells. */
  isSuspect = false
  readonly #clock: Clock
  readonly #submittedAtMs: number
  readonly #latency: LatencyHistogram
  /** Null when it has heard: who was told that the outcome is not known hears nothing more when it is. */
  #receiver: OutcomeReceiver | null

  /** `latency`: how long it takes to the answer. */
  constructor(
    request: TransactionRequest,
    receiver: OutcomeReceiver,
    clock: Clock,
    latency: LatencyHistogram,
  ) {
    this.request = request
    this.sizeBytes = requestSizeBytes(request)
    this.sinceMs = clock.nowMs()
    this.#submittedAtMs = this.sinceMs
    this.#receiver = receiver
    this.#clock = clock
    this.#latency = latency
  }

  /** Whether to tell it before the file has it. */
  get isEarly(): boolean {
    return this.#receiver?.isEarly === true
  }

  resolve(outcome: TransactionOutcome): void {
    this.#told()?.resolve(outcome)
  }

  reject(error: Error): void {
    this.#told()?.reject(error)
  }

  #told(): OutcomeReceiver | null {
    const receiver = this.#receiver
    if (receiver === null) return null
    this.#receiver = null
    this.#latency.record(this.#clock.nowMs() - this.#submittedAtMs)
    return receiver
  }
}
