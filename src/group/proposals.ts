/**
 * Group commit (DESIGN section 4): everything that waits becomes one batch, one entry, one sync. While a batch is on its way to the
 * disk, the next one collects, so batches grow by themselves under load and a lone request waits for nobody.
 */

import { type HistogramData, LatencyHistogram } from '../base/histogram.ts'
import { BoundedQueue } from '../base/queue.ts'
import { HarmonyError } from '../base/errors.ts'
import type { OutcomeReceiver, TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { BatchExecution, CommitResult, MoreRequests } from '../engine/engine.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { CommitLog } from './commit-log.ts'
import { newStamp } from './entry-stamp.ts'
import { Gathering } from './gathering.ts'
import type { GroupLimits } from './limits.ts'
import type { OnCertain, StateMachine } from './state-machine.ts'
import { WaitingRequest } from './waiting-request.ts'
import type { WriterQueue } from './writer-lease.ts'

/** A request that was interrupted so often for reasons of others gets the error, so that nobody waits for ever. */
const INTERRUPTIONS_MAX = 3

export interface ProposalsOptions {
  readonly database: string
  readonly clock: Clock
  readonly random: Random
  readonly limits: GroupLimits
  readonly writer: WriterQueue
  readonly machine: StateMachine
  readonly log: CommitLog
  /** Called when a batch is over and the writer is free again for a moment. */
  readonly onBatchDone: () => void
}

export interface ProposalStats {
  readonly waitingRequests: number
  readonly waitingBytes: number
  /** Batches executed, requests in them, and entries that came of them. */
  readonly batches: number
  readonly requests: number
  readonly entries: number
  readonly payloadBytes: number
  /** From `submit` to its answer. */
  readonly submitLatency: HistogramData
}

export class Proposals {
  readonly #options: ProposalsOptions
  readonly #queue: BoundedQueue<WaitingRequest>
  readonly #gathering: Gathering
  /** Taken from the queue for a batch that did not get to them, or was interrupted: the front of the next one. */
  #leftOver: WaitingRequest[] = []
  #waitingBytes = 0
  #running: Promise<void> | null = null
  /** Of the newest batch whose fate is known: whether the file has it. Resolves when its clients have their answers. */
  #answering: Promise<boolean> = Promise.resolve(true)
  #overdueTimer: Timer | null = null
  #batches = 0
  #requests = 0
  #entries = 0
  #payloadBytes = 0
  readonly #latency = new LatencyHistogram()

  constructor(options: ProposalsOptions) {
    this.#options = options
    this.#queue = new BoundedQueue(options.limits.waitingRequestsMax)
    this.#gathering = new Gathering(options.clock)
  }

  /** The receiver hears when the transaction is durable and visible, or nothing of it was done. */
  submit(request: TransactionRequest, receiver: OutcomeReceiver): void {
    const waiting = new WaitingRequest(request, receiver, this.#options.clock, this.#latency)
    const { sizeBytes } = waiting
    const isOver = this.#waitingBytes + sizeBytes > this.#options.limits.waitingSizeBytesMax
    // A single request of any size has a chance while nobody else waits; its own limit is the entry's.
    if ((isOver && this.#waitingBytes > 0) || this.#isLate(waiting.sinceMs) || !this.#queue.push(waiting))
      return waiting.reject(this.#overloaded())
    this.#waitingBytes += sizeBytes
    if (this.#running === null) {
      this.#gathering.arrived()
      this.#running = this.#start()
    }
  }

  #isLate(nowMs: number): boolean {
    const oldest = this.#peek()
    return oldest !== undefined && nowMs - oldest.sinceMs > this.#options.limits.waitingTimeMsMax
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** Rejects everything that is not in a batch yet. */
  rejectWaiting(error: Error): void {
    for (const waiting of this.#takeAll()) waiting.reject(error)
  }

  stats(): ProposalStats {
    return {
      waitingRequests: this.#waitingCount,
      waitingBytes: this.#waitingBytes,
      batches: this.#batches,
      requests: this.#requests,
      entries: this.#entries,
      payloadBytes: this.#payloadBytes,
      submitLatency: this.#latency.data(),
    }
  }

  #start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const run = (): void => void this.#run().finally(resolve)
    // What else arrives in this turn of the event loop joins the first batch, if there are others.
    if (this.#gathering.isAlone) queueMicrotask(run)
    else this.#options.clock.soon(run)
    return promise
  }

  async #run(): Promise<void> {
    const { writer, onBatchDone } = this.#options
    while (this.#waitingCount > 0) {
      if (writer.isHeld) this.#watchOverdue()
      const lease = await writer.acquire(null)
      this.#overdueTimer?.cancel()
      try {
        await this.#runBatches()
      } finally {
        lease.release()
      }
      onBatchDone()
    }
    this.#running = null
  }

  /**
   * Batch after batch, while nobody else wants the writer. Where many wait, the next one is sent to the engine right behind the commit of the
   * one before, so that the engine is at it while the answers travel: one round trip between processes for each batch, not two.
   */
  async #runBatches(): Promise<void> {
    const { writer, machine } = this.#options
    let isGathering = false
    do {
      await this.#runBatch(isGathering)
      isGathering = await this.#gather()
    } while (
      this.#peek() !== undefined &&
      writer.waitingCount === 0 &&
      machine.isAwake &&
      !machine.wantsCheckpoint
    )
    await this.#answering
  }

  /** Where few wait, those who are answered now may be back in a moment. Whether others of them may come behind the first. */
  async #gather(): Promise<boolean> {
    if (this.#options.writer.waitingCount > 0 || !this.#gathering.isWorthATry()) return false
    await this.#answering
    await this.#gathering.begin(() => this.#waitingCount)
    if (this.#waitingCount === 0) this.#gathering.end()
    return this.#waitingCount > 0
  }

  /** Those who come while the others of a batch are executed, which they join; null when it is to be closed. */
  async #more(batch: WaitingRequest[]): Promise<readonly TransactionRequest[] | null> {
    const thereCount = (): number => batch.length + this.#waitingCount
    while (await this.#gathering.goOn(thereCount)) {
      if (this.#options.writer.waitingCount > 0) break
      const before = batch.length
      this.#fill(batch)
      if (batch.length > before) return batch.slice(before).map(({ request }) => request)
    }
    return null
  }

  /** From the front, as many as a batch may have. */
  #fill(batch: WaitingRequest[]): void {
    const { batchRequestsMax } = this.#options.limits
    let sizeBytes = batch.reduce((sum, waiting) => sum + waiting.sizeBytes, 0)
    for (
      let next = this.#peek();
      next !== undefined && batch.length < batchRequestsMax;
      next = this.#peek()
    ) {
      if (batch[0] !== undefined && !this.#mayJoin(batch[0], next, sizeBytes)) break
      batch.push(next)
      sizeBytes += next.sizeBytes
      if (this.#leftOver.shift() === undefined) this.#queue.shift()
    }
  }

  get #waitingCount(): number {
    return this.#queue.length + this.#leftOver.length
  }

  #peek(): WaitingRequest | undefined {
    return this.#leftOver[0] ?? this.#queue.peek()
  }

  #mayJoin(first: WaitingRequest, next: WaitingRequest, sizeBytes: number): boolean {
    const isInSize = sizeBytes + next.sizeBytes <= this.#options.limits.batchSizeBytesMax
    return isInSize && !first.isSuspect && !next.isSuspect
  }

  async #runBatch(isGathering: boolean): Promise<void> {
    const batch: WaitingRequest[] = []
    this.#fill(batch)
    // Those that waited too long were rejected while the writer was held.
    if (batch.length === 0) return
    let execution: BatchExecution & { readonly term: number }
    try {
      execution = await this.#execute(batch, isGathering ? () => this.#more(batch) : undefined).finally(
        () => {
          if (isGathering) this.#gathering.end()
        },
      )
    } catch (error) {
      await this.#options.machine.noteEngineError(error)
      if (await this.#fellWithTheOneBefore()) this.#leftOver = [...batch, ...this.#leftOver]
      else if (error instanceof EngineEndedError) this.#interrupted(batch, error)
      else this.#rejectAll(batch, error as Error)
      return
    }
    const taken = batch.slice(0, execution.taken)
    this.#leftOver = [...batch.slice(execution.taken), ...this.#leftOver]
    this.#forget(taken)
    const answeredAtMs = await this.#finish(taken, execution)
    this.#gathering.committed(taken.length, this.#waitingCount, answeredAtMs)
  }

  /** The engine executes nothing behind a commit that failed. What was sent there already runs on the next engine. */
  async #fellWithTheOneBefore(): Promise<boolean> {
    const isApplied = await this.#answering
    this.#answering = Promise.resolve(true)
    return !isApplied
  }

  /**
   * The engine's process ended, so nothing of the batch was done, and it can run again. If one of the batch may be the reason, each runs alone,
   * so that only the one that is gets the error.
   */
  #interrupted(batch: readonly WaitingRequest[], error: EngineEndedError): void {
    const again: WaitingRequest[] = []
    for (const waiting of batch) {
      waiting.interruptions++
      // The time that the lost process took is not for want of the writer.
      waiting.sinceMs = this.#options.clock.nowMs()
      // Late and alone, it is the reason. A process may end by itself for many reasons; the second time is no chance.
      const isReason = batch.length === 1 && error.isSuspect && (error.end === 'timeout' || waiting.isSuspect)
      if (isReason || error.end === 'stopped' || waiting.interruptions > INTERRUPTIONS_MAX) {
        this.#rejectAll([waiting], error)
      } else {
        waiting.isSuspect ||= error.isSuspect
        again.push(waiting)
      }
    }
    this.#leftOver = [...again, ...this.#leftOver]
  }

  #rejectAll(batch: readonly WaitingRequest[], error: Error): void {
    this.#forget(batch)
    for (const waiting of batch) waiting.reject(error)
  }

  async #execute(
    batch: readonly WaitingRequest[],
    more: MoreRequests | undefined,
  ): Promise<BatchExecution & { readonly term: number }> {
    const { machine, clock, random } = this.#options
    const { engine, term } = machine.leadNow() ?? (await machine.lead())
    const stamp = newStamp(clock, random)
    const requests = batch.map((waiting) => waiting.request)
    return { ...(await engine.executeBatch(requests, stamp, more)), term }
  }

  /** Resolves when the next batch may be sent, with when clients heard of this one, if that was before its COMMIT. */
  async #finish(
    taken: readonly WaitingRequest[],
    execution: BatchExecution & { readonly term: number },
  ): Promise<number | null> {
    this.#batches++
    this.#requests += taken.length
    // Its clients hear that; the batch waits for its fate all the same.
    const onOverdue = (error: Error): void => {
      for (const waiting of taken) waiting.reject(error)
    }
    let answeredAtMs: number | null = null
    const onCertain = (outcomes: readonly TransactionOutcome[]): boolean => {
      if (!tellEarly(taken, outcomes)) return false
      answeredAtMs = this.#options.clock.nowMs()
      return true
    }
    try {
      const isForFew = this.#gathering.isOfFew
      const { applied } = await this.#settle(execution, onOverdue, isForFew ? onCertain : undefined)
      this.#answering = this.#answer(taken, applied)
      // An engine that knows its answers before its COMMIT takes nothing else before it.
      if (answeredAtMs !== null) await this.#answering
    } catch (error) {
      for (const waiting of taken) waiting.reject(error as Error)
    }
    return answeredAtMs
  }

  /** Resolves when the fate of the batch is known; `applied` when its effects can be seen. */
  async #settle(
    execution: BatchExecution & { readonly term: number },
    onOverdue: (error: Error) => void,
    onCertain: OnCertain | undefined,
  ): Promise<{ readonly applied: Promise<Pick<CommitResult, 'outcomes'>> }> {
    const { machine, log } = this.#options
    if (execution.kind === 'settled') {
      // What it read may be old if another member leads by now.
      await log.confirmLeadership(execution.term)
      return { applied: Promise.resolve(execution) }
    }
    const settled = await machine.commitOpen(execution.payload, execution.term, onOverdue, onCertain)
    this.#entries++
    this.#payloadBytes += execution.payload.length
    return settled
  }

  /** Never rejects. Answers come in the order of the batches, because the engine's do. */
  async #answer(
    taken: readonly WaitingRequest[],
    applied: Promise<Pick<CommitResult, 'outcomes'>>,
  ): Promise<boolean> {
    try {
      const { outcomes } = await applied
      for (const [at, waiting] of taken.entries()) waiting.resolve(outcomes[at] as TransactionOutcome)
      return true
    } catch (error) {
      for (const waiting of taken) waiting.reject(error as Error)
      return false
    }
  }

  /** While an interactive transaction holds the writer, those that wait too long get their answer: nothing was done. */
  #watchOverdue(): void {
    const oldest = this.#peek()
    if (oldest === undefined) return
    const { clock, limits } = this.#options
    const dueMs = oldest.sinceMs + limits.batchWaitTimeoutMs - clock.nowMs()
    this.#overdueTimer?.cancel()
    this.#overdueTimer = clock.after(Math.max(dueMs, 1), () => this.#rejectOverdue())
  }

  #rejectOverdue(): void {
    const { clock, limits, database } = this.#options
    const error = new HarmonyError(
      'TRANSACTION_BUSY',
      `Another transaction holds the writer of the database ${database} for more than ` +
        `${limits.batchWaitTimeoutMs} ms. Nothing was done; try again.`,
    )
    const isOverdue = (waiting: WaitingRequest) =>
      clock.nowMs() - waiting.sinceMs >= limits.batchWaitTimeoutMs
    const waiting = this.#takeAll()
    const firstInTime = waiting.findIndex((one) => !isOverdue(one))
    const overdue = firstInTime < 0 ? waiting : waiting.slice(0, firstInTime)
    for (const one of overdue) one.reject(error)
    for (const one of waiting.slice(overdue.length)) this.#putBack(one)
    this.#watchOverdue()
  }

  #takeAll(): WaitingRequest[] {
    const all = [...this.#leftOver.splice(0), ...this.#queue.drain()]
    this.#forget(all)
    return all
  }

  #putBack(waiting: WaitingRequest): void {
    this.#queue.push(waiting)
    this.#waitingBytes += waiting.sizeBytes
  }

  #forget(gone: readonly WaitingRequest[]): void {
    for (const waiting of gone) this.#waitingBytes -= waiting.sizeBytes
  }

  #overloaded(): HarmonyError {
    return new HarmonyError(
      'OVERLOADED',
      `${this.#queue.length} transactions (${this.#waitingBytes} bytes) wait for the writer of the database ` +
        `${this.#options.database}; it takes no more. Nothing was done; try again later.`,
    )
  }
}

/** Tells those who may hear before the file has it. Whether there were any. */
function tellEarly(taken: readonly WaitingRequest[], outcomes: readonly TransactionOutcome[]): boolean {
  let isAny = false
  for (const [at, waiting] of taken.entries()) {
    if (!waiting.isEarly) continue
    isAny = true
    waiting.resolve(outcomes[at] as TransactionOutcome)
  }
  return isAny
}
