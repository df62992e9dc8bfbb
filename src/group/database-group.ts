/**
 * One database on this member: what a gateway uses (it implements `DatabaseCore` of the gateway by structure). It only passes on; the duties
 * have files of their own, and `DESIGN.md` tells how they fit.
 */

import { HarmonyError } from '../base/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { HistogramData } from '../base/histogram.ts'
import type { MembershipResult, TransferResult } from '../raft/api.ts'
import type { Configuration, MembershipChange } from '../raft/membership.ts'
import { initialConfiguration } from '../raft/membership.ts'
import { LatencyHistogram } from '../base/histogram.ts'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { EngineOpener } from '../engine/engine.ts'
import { AppliedIndex } from './applied-index.ts'
import { Checkpoints } from './checkpoints.ts'
import type { CommitLog } from './commit-log.ts'
import type { GroupStatus } from './group-status.ts'
import type { InteractiveTransaction } from './interactive-transaction.ts'
import type { GroupLeadership } from './leadership.ts'
import type { GroupLimits } from './limits.ts'
import type { ProposalStats } from './proposals.ts'
import { Proposals } from './proposals.ts'
import { StateMachine } from './state-machine.ts'
import type { BeginOptions } from './transactions.ts'
import { Transactions } from './transactions.ts'
import { WriterQueue } from './writer-lease.ts'

export interface DatabaseGroupOptions {
  readonly group: number
  readonly name: string
  readonly dataFile: string
  readonly log: CommitLog
  readonly openEngine: EngineOpener
  readonly clock: Clock
  readonly random: Random
  readonly limits: GroupLimits
  /** Of one statement on the writer. */
  readonly statementTimeoutMs: number
}

export interface GroupStats extends ProposalStats {
  readonly group: number
  readonly database: string
  readonly appliedIndex: number
  readonly commitIndex: number
  /** Entries that the log still keeps begin after it. */
  readonly baseIndex: number
  readonly isAwake: boolean
  readonly openTransactions: number
  readonly waitingTransactions: number
  /** Interactive transactions begun. */
  readonly transactions: number
  readonly checkpoints: number
  /** From `submit` to its answer. */
  readonly submitLatency: HistogramData
  /** Why the database can't be used; null if it can. */
  readonly failure: string | null
}

type State =
  | { readonly kind: 'open' }
  /** Takes nothing new. */
  | { readonly kind: 'closed'; readonly reason: HarmonyError }

export class DatabaseGroup {
  readonly name: string
  readonly dataFile: string
  readonly #options: DatabaseGroupOptions
  readonly #applied: AppliedIndex
  readonly #writer: WriterQueue
  readonly #machine: StateMachine
  readonly #proposals: Proposals
  readonly #transactions: Transactions
  readonly #checkpoints: Checkpoints
  readonly #submitLatency = new LatencyHistogram()
  #lastUseMs: number
  #state: State = { kind: 'open' }

  constructor(options: DatabaseGroupOptions) {
    const { name, dataFile, clock } = options
    this.name = name
    this.dataFile = dataFile
    this.#options = options
    this.#lastUseMs = clock.nowMs()
    this.#applied = new AppliedIndex(name, clock)
    this.#writer = new WriterQueue(name, clock)
    this.#machine = new StateMachine({ ...options, database: name, applied: this.#applied })
    this.#checkpoints = new Checkpoints(this.#machine, this.#writer)
    const shared = {
      ...options,
      database: name,
      writer: this.#writer,
      machine: this.#machine,
      applied: this.#applied,
    }
    const poke = () => this.#checkpoints.poke()
    this.#proposals = new Proposals({ ...shared, onBatchDone: poke })
    this.#transactions = new Transactions({ ...shared, onEnd: poke })
  }

  get group(): number {
    return this.#options.group
  }

  get appliedIndex(): bigint {
    return this.#applied.index
  }

  /** Index up to which this member knows entries to be committed; `appliedIndex` gets there. */
  get commitIndex(): number {
    return this.#options.log.commitIndex
  }

  /** Since when nobody has written or begun to read; milliseconds. */
  get idleMs(): number {
    return this.#options.clock.nowMs() - this.#lastUseMs
  }

  onApplied(listener: (appliedIndex: bigint) => void): () => void {
    return this.#applied.onAdvance(listener)
  }

  async submit(request: TransactionRequest): Promise<TransactionOutcome> {
    this.#use()
    const startMs = this.#lastUseMs
    try {
      return await this.#proposals.submit(request)
    } finally {
      this.#submitLatency.record(this.#options.clock.nowMs() - startMs)
    }
  }

  async begin(options: BeginOptions): Promise<InteractiveTransaction> {
    this.#use()
    return this.#transactions.begin(options)
  }

  /** Who leads, as this member knows it. */
  get leadership(): GroupLeadership {
    return { role: 'leader', term: 1, leader: 1 }
  }

  /** Number of the member that leads; null while that is not known. */
  get leader(): number | null {
    return this.leadership.leader
  }

  /** Calls `listener` after `leadership` has changed; returns a function that stops it. */
  onLeadership(_listener: (leadership: GroupLeadership) => void): () => void {
    return () => {}
  }

  /** Calls `listener` when another file has taken the place of `dataFile`: connections to it see the old one. */
  onFileReplaced(_listener: () => void): () => void {
    return () => {}
  }

  /** In force: the newest in the log, committed or not. */
  get configuration(): Configuration {
    return initialConfiguration([{ id: 1, generation: 1 }])
  }

  /** Only where this member leads; one change at a time. */
  proposeMembership(_change: MembershipChange): MembershipResult {
    return { accepted: false, reason: 'not-leader', detail: 'there is one member', leader: null }
  }

  /** Hands the leadership to the voter on that member, or gives up after an election timeout. */
  transferLeadership(_member: number): TransferResult {
    return { accepted: false, reason: 'not-voter' }
  }

  /** 0 to 3: a replica waits one more election timeout for each step below 3 before it campaigns. */
  setElectionPriority(_priority: number): void {}

  status(): GroupStatus {
    const { index } = this.#options.log.base
    return {
      ...this.leadership,
      group: this.group,
      database: this.name,
      generation: 1,
      configuration: this.configuration,
      commitIndex: this.commitIndex,
      appliedIndex: Number(this.#applied.index),
      lastIndex: this.commitIndex,
      baseIndex: index,
      isAsleep: false,
      followers: [],
      failure: this.#machine.failure?.message ?? null,
    }
  }

  /**
   * An index such that a read at it sees every write acknowledged before this call. On every member: a follower asks the leader, again and
   * again while there is none. Rejects with NOT_LEADER (nothing was done) after `timeoutMs`; default 10 s.
   */
  async readIndex(_timeoutMs?: number): Promise<bigint> {
    this.#use()
    const index = this.#applied.index
    await this.#options.log.confirmLeadership()
    return index
  }

  async waitApplied(index: bigint, timeoutMs: number): Promise<void> {
    this.#use()
    return this.#applied.wait(index, timeoutMs)
  }

  /** Resolves when the file has everything that is acknowledged, so that it may be read. Rejects with why it can't. */
  async wake(): Promise<void> {
    this.#use()
    if (!this.#machine.isCurrent) await this.#machine.wake()
  }

  /** Closes the engine of a database that nobody uses; the next write opens it again. Nothing happens while it is busy. */
  async rest(): Promise<void> {
    if (this.#writer.isHeld || this.#state.kind === 'closed') return
    const lease = await this.#writer.acquire(null)
    try {
      await this.#machine.rest()
    } finally {
      lease.release()
    }
  }

  /** Takes nothing new, ends the open interactive transaction, finishes what waits, closes the engine. */
  async close(): Promise<void> {
    const reason = new HarmonyError('SHUTTING_DOWN', `The member is stopping. Nothing was done; try again.`)
    await this.#stop(reason)
    await this.#machine.close()
  }

  /** Ends everything with DATABASE_NOT_FOUND and forgets the log. The caller deletes the files afterwards. */
  async drop(): Promise<void> {
    const reason = new HarmonyError('DATABASE_NOT_FOUND', `The database ${this.name} was dropped.`)
    this.#proposals.rejectWaiting(reason)
    await this.#stop(reason)
    await this.#machine.abandon()
    await this.#options.log.destroy()
  }

  stats(): GroupStats {
    return {
      ...this.#proposals.stats(),
      group: this.group,
      database: this.name,
      appliedIndex: Number(this.#applied.index),
      commitIndex: this.commitIndex,
      baseIndex: this.#options.log.base.index,
      isAwake: this.#machine.isAwake,
      openTransactions: this.#transactions.openCount,
      waitingTransactions: this.#transactions.waitingCount,
      transactions: this.#transactions.begunCount,
      checkpoints: this.#machine.checkpointCount,
      submitLatency: this.#submitLatency.data(),
      failure: this.#machine.failure?.message ?? null,
    }
  }

  async #stop(reason: HarmonyError): Promise<void> {
    this.#state = { kind: 'closed', reason }
    await this.#transactions.refuse(reason)
    await this.#proposals.drain()
    await this.#checkpoints.settled()
    this.#applied.rejectAll(reason)
  }

  #use(): void {
    if (this.#state.kind === 'closed') throw this.#state.reason
    this.#lastUseMs = this.#options.clock.nowMs()
  }
}
