/**
 * One database on this member: what a gateway uses (it implements `DatabaseCore` of the gateway by structure). It only passes on; the duties
 * have files of their own, and `DESIGN.md` tells how they fit.
 */

import { HarmonyError } from '../base/errors.ts'
import type {
  IndexReceiver,
  OutcomeReceiver,
  TransactionOutcome,
  TransactionRequest,
} from '../base/transaction.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { Random } from '../host/random.ts'
import type { EngineOpener } from '../engine/engine.ts'
import type { MembershipResult, TransferResult } from '../raft/api.ts'
import type { SnapshotMetadata } from '../raft/entry.ts'
import type { Configuration, MembershipChange } from '../raft/membership.ts'
import { Applier } from './applier.ts'
import { AppliedIndex } from './applied-index.ts'
import { Checkpoints } from './checkpoints.ts'
import { removeDataFiles } from './data-files.ts'
import type { GroupStatus } from './group-status.ts'
import { describeReplication } from './group-status.ts'
import { handOver } from './hand-over.ts'
import type { InteractiveTransaction } from './interactive-transaction.ts'
import type { GroupLeadership } from './leadership.ts'
import { NotLeaderError } from './leadership.ts'
import type { GroupLimits } from './limits.ts'
import type { ProposalStats } from './proposals.ts'
import { Proposals } from './proposals.ts'
import type { RaftLog } from './raft-log.ts'
import type { ReadPositionListener } from './read-positions.ts'
import { ReadPositions } from './read-positions.ts'
import type { IncomingPeerStream, PeerStreamSink } from './peers.ts'
import type { Pull, Transfer } from './snapshot/copy-codec.ts'
import { damageOf, snapshotHostOf } from './snapshot-host.ts'
import type { SnapshotMover, SnapshotMoverFactory, SnapshotStats } from './snapshot-mover.ts'
import { StateMachine } from './state-machine.ts'
import type { BeginOptions } from './transactions.ts'
import { Transactions } from './transactions.ts'
import { WriterQueue } from './writer-lease.ts'

export interface DatabaseGroupOptions {
  readonly group: number
  readonly name: string
  readonly dataFile: string
  readonly log: RaftLog
  readonly disk: Disk
  readonly openEngine: EngineOpener
  readonly snapshots: SnapshotMoverFactory
  readonly clock: Clock
  readonly random: Random
  readonly limits: GroupLimits
  /** Of one statement on the writer. */
  readonly statementTimeoutMs: number
  /** The group went on without this member: its replica here is gone, with its files. */
  readonly onRemoved: (group: DatabaseGroup) => void
  /** Closed, dropped or removed: nothing can reach it any more. */
  readonly onGone: () => void
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
  /** How often the replica here became the leader. */
  readonly electionsWon: number
  readonly snapshots: SnapshotStats
  /** Why the database can't be used; null if it can. */
  readonly failure: string | null
}

type State =
  | { readonly kind: 'open' }
  /** Takes nothing new. */
  | { readonly kind: 'closed'; readonly reason: HarmonyError }

const READ_INDEX_TIMEOUT_MS = 10_000

export class DatabaseGroup {
  readonly name: string
  readonly dataFile: string
  readonly #options: DatabaseGroupOptions
  readonly #log: RaftLog
  readonly #applied: AppliedIndex
  readonly #readPositions: ReadPositions
  #electionsWon = 0
  readonly #writer: WriterQueue
  readonly #machine: StateMachine
  readonly #proposals: Proposals
  readonly #transactions: Transactions
  readonly #checkpoints: Checkpoints
  readonly #applier: Applier
  readonly #snapshots: SnapshotMover
  readonly #leadershipListeners = new Set<(leadership: GroupLeadership) => void>()
  readonly #replacedListeners = new Set<() => void>()
  readonly #damageListeners = new Set<(error: HarmonyError) => void>()
  #lastUseMs: number
  #state: State = { kind: 'open' }

  /** Throws DATA_CORRUPT or FORMAT_TOO_NEW if the journal's log of the group can't be read. */
  constructor(options: DatabaseGroupOptions) {
    const { name, dataFile, clock, log } = options
    this.name = name
    this.dataFile = dataFile
    this.#options = options
    this.#log = log
    this.#lastUseMs = clock.nowMs()
    this.#applied = new AppliedIndex(name, clock)
    this.#readPositions = new ReadPositions(this.#applied, () => this.#commitIndexAlone())
    this.#writer = new WriterQueue(name, clock)
    const onDamaged = (error: HarmonyError): void => this.#tellDamaged(error)
    this.#machine = new StateMachine({ ...options, database: name, applied: this.#applied, onDamaged })
    this.#checkpoints = new Checkpoints(this.#machine, this.#writer)
    const shared = {
      ...options,
      database: name,
      writer: this.#writer,
      machine: this.#machine,
      applied: this.#applied,
    }
    const onFree = (): void => {
      this.#applier.poke()
      this.#checkpoints.poke()
    }
    const onApplied = (): void => {
      // A database that follows is not idle, and its engine need not be opened again for each write.
      this.#lastUseMs = clock.nowMs()
      this.#checkpoints.poke()
    }
    this.#applier = new Applier({ ...shared, onApplied })
    this.#proposals = new Proposals({ ...shared, onBatchDone: onFree })
    this.#transactions = new Transactions({ ...shared, onEnd: onFree })
    const replaceFile = (index: number, work: () => Promise<void>): Promise<void> =>
      this.#replaceFile(index, work)
    this.#snapshots = options.snapshots(snapshotHostOf({ ...shared, replaceFile }))
    log.start({
      committing: () => this.#readPositions.tell(),
      committed: () => this.#applier.poke(),
      leadershipChanged: (now, before) => this.#leadershipChanged(now, before),
      installSnapshot: (snapshot, replaceLog) => this.#installSnapshot(snapshot, replaceLog),
      offerSnapshot: () => this.#snapshots.offer(),
      retainedFrom: () => this.#snapshots.retainedFrom,
      sendSnapshot: (request) => this.#snapshots.send(request),
      installedSnapshot: () => this.#snapshots.installed(),
      // If it fails the member is about to stop, and hears again after its start that it was removed.
      removed: () => void this.#leave().catch(() => {}),
    })
    this.#machine.begin()
  }

  get group(): number {
    return this.#options.group
  }

  get appliedIndex(): bigint {
    return this.#applied.index
  }

  /** Index up to which this member knows entries to be committed; `appliedIndex` gets there. */
  get commitIndex(): number {
    return this.#log.commitIndex
  }

  /** Its engine is open. One that sleeps applies what is committed when it is woken. */
  get isAwake(): boolean {
    return this.#machine.isAwake
  }

  /** Since when nobody has written or begun to read; milliseconds. */
  get idleMs(): number {
    return this.#options.clock.nowMs() - this.#lastUseMs
  }

  onApplied(listener: (appliedIndex: bigint) => void): () => void {
    return this.#applied.onAdvance(listener)
  }

  /** Rejects with NOT_LEADER where this member does not lead: nothing was done. */
  submit(request: TransactionRequest): Promise<TransactionOutcome> {
    return new Promise((resolve, reject) => this.submitTo({ resolve, reject }, request))
  }

  /** The same for who waits without a promise. Throws SHUTTING_DOWN and what else ended the database. */
  submitTo(receiver: OutcomeReceiver, request: TransactionRequest): void {
    this.#use()
    const refusal = this.#log.refusal()
    if (refusal !== null) return receiver.reject(refusal)
    this.#proposals.submit(request, receiver)
  }

  /** Rejects with NOT_LEADER where this member does not lead: nothing was done. */
  async begin(options: BeginOptions): Promise<InteractiveTransaction> {
    this.#use()
    return this.#transactions.begin(options)
  }

  // Consensus.

  /** Who leads, as this member knows it. */
  get leadership(): GroupLeadership {
    return this.#log.leadership
  }

  /** Number of the member that leads; null while that is not known. */
  get leader(): number | null {
    return this.#log.leader
  }

  /** Whether this member leads and knows everything that was committed before. */
  get isLeading(): boolean {
    return this.#log.leadingFrom !== null
  }

  /** Calls `listener` after `leadership` has changed; returns a function that stops it. */
  onLeadership(listener: (leadership: GroupLeadership) => void): () => void {
    this.#leadershipListeners.add(listener)
    return () => void this.#leadershipListeners.delete(listener)
  }

  /** Calls `listener` when another file has taken the place of `dataFile`: connections to it see the old one. */
  onFileReplaced(listener: () => void): () => void {
    this.#replacedListeners.add(listener)
    return () => void this.#replacedListeners.delete(listener)
  }

  /** Calls `listener` when the SQLite file can't become what the log says (DATA_CORRUPT, REPLICA_DIVERGED): it has to be replaced. */
  onDamaged(listener: (error: HarmonyError) => void): () => void {
    this.#damageListeners.add(listener)
    return () => void this.#damageListeners.delete(listener)
  }

  /** In force: the newest in the log, committed or not. */
  get configuration(): Configuration {
    return this.#log.configuration
  }

  /** Only where this member leads; one change at a time. */
  proposeMembership(change: MembershipChange): MembershipResult {
    return this.#log.proposeMembership(change)
  }

  /** Interactive transactions are open here, or wait for the writer: a change of the leader would end them. */
  get hasTransactions(): boolean {
    return this.#transactions.openCount > 0 || this.#transactions.waitingCount > 0
  }

  /** Hands the leadership to the voter on that member, or gives up after an election timeout. */
  transferLeadership(member: number): TransferResult {
    return this.#log.transferLeadership(member)
  }

  /** 0 to 3: a replica waits one more election timeout for each step below 3 before it campaigns. */
  setElectionPriority(priority: number): void {
    this.#log.setElectionPriority(priority)
  }

  status(): GroupStatus {
    const { log } = this.#options
    return {
      ...describeReplication(log),
      group: this.group,
      database: this.name,
      appliedIndex: Math.max(this.#machine.position, Number(this.#applied.index)),
      failure: (log.failure ?? this.#machine.failure)?.message ?? null,
    }
  }

  // Reading.

  /**
   * An index such that a read at it sees every write acknowledged before this call. On every member: a follower asks the leader, again and
   * again while there is none. Rejects with NOT_LEADER (nothing was done) after `timeoutMs`; default 10 s.
   */
  readIndex(timeoutMs: number = READ_INDEX_TIMEOUT_MS): Promise<bigint> {
    return new Promise((resolve, reject) => this.readIndexFor({ resolve, reject }, timeoutMs))
  }

  /** The same for who waits without a promise. Throws why the database can't be read any more. */
  readIndexFor(receiver: IndexReceiver, timeoutMs: number): void {
    this.#useToRead()
    const now = this.readIndexNow()
    if (now !== null) return receiver.resolve(now)
    // Also at the leader: what is committed and not applied here yet may have been read at another member already.
    const resolve = (index: number): void => receiver.resolve(BigInt(index))
    this.#log.readIndexFor({ resolve, reject: (error) => receiver.reject(error) }, timeoutMs)
  }

  /**
   * The same where no other member has to be asked, because there is none: the only replica, once it leads. No read there has to wait for
   * what is on its way: either it is applied before it is acknowledged, or known as `acknowledged`. Null elsewhere.
   */
  readIndexNow(): bigint | null {
    this.#useToRead()
    const { leadingFrom } = this.#log
    if (leadingFrom === null || !this.#isAlone) return null
    const known = Math.max(leadingFrom, this.#machine.acknowledged)
    const { index } = this.#applied
    return index >= known ? index : BigInt(known)
  }

  /** For readers in other processes: tells `listener` now and whenever it changes, before anything can have been acknowledged or seen that is newer. */
  onReadPosition(listener: ReadPositionListener): () => void {
    return this.#readPositions.watch(listener)
  }

  get #isAlone(): boolean {
    const { isSoleVoter, configuration } = this.#log
    return isSoleVoter && configuration.learners.length === 0
  }

  /** What `readIndexNow` tells, not sharpened by what is known of acknowledgements; null where that throws, too. */
  #commitIndexAlone(): number | null {
    const isReadable = this.#state.kind === 'open' && this.damage === null
    return isReadable && this.#isAlone && this.#log.leadingFrom !== null ? this.#log.commitIndex : null
  }

  /** Rejects with STATEMENT_TIMEOUT, or with REPLICA_DIVERGED or DATA_CORRUPT while the file here can't be relied on. */
  async waitApplied(index: bigint, timeoutMs: number): Promise<void> {
    this.#useToRead()
    // Nothing is applied to a file that was not opened since the start. If it can't be, the wait ends by its time.
    if (!this.#machine.isCurrent) this.wake().catch(() => {})
    return this.#applied.wait(index, timeoutMs)
  }

  /**
   * Resolves when the file may be read: it has everything that was committed when it was last opened, and on a single member all that was
   * acknowledged. Rejects with why it can't.
   */
  async wake(): Promise<void> {
    this.#use()
    if (this.#machine.isCurrent) return
    if (this.#log.isSoleVoter) await this.#log.lead()
    if (this.#log.isJoining) throw new NotLeaderError(this.name, this.leader, ' It has no copy yet.')
    await this.#machine.wake()
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

  // The end.

  /**
   * Takes nothing new, ends the open interactive transaction, finishes what waits, hands the leadership over, closes the engine. The member goes
   * on receiving messages for its groups until all are closed.
   */
  async close(): Promise<void> {
    const reason = new HarmonyError('SHUTTING_DOWN', `The member is stopping. Nothing was done; try again.`)
    await this.#stop(reason)
    const { limits, clock } = this.#options
    await handOver(this.#log, clock, limits.handOverTimeoutMs, (listener) => this.onLeadership(listener))
    await this.#applier.stop()
    this.#applied.rejectAll(reason)
    await this.#snapshots.close()
    await this.#machine.close()
    this.#log.stop(reason)
    this.#options.onGone()
  }

  /** Ends everything with DATABASE_NOT_FOUND and forgets the log. The caller deletes the files afterwards. */
  async drop(): Promise<void> {
    await this.#discard(new HarmonyError('DATABASE_NOT_FOUND', `The database ${this.name} was dropped.`))
    await this.#log.destroy()
  }

  stats(): GroupStats {
    return {
      ...this.#proposals.stats(),
      group: this.group,
      database: this.name,
      appliedIndex: Math.max(this.#machine.position, Number(this.#applied.index)),
      commitIndex: this.commitIndex,
      baseIndex: this.#log.base.index,
      isAwake: this.#machine.isAwake,
      openTransactions: this.#transactions.openCount,
      waitingTransactions: this.#transactions.waitingCount,
      transactions: this.#transactions.begunCount,
      checkpoints: this.#machine.checkpointCount,
      electionsWon: this.#electionsWon,
      snapshots: this.#snapshots.stats(),
      failure: (this.#log.failure ?? this.#machine.failure)?.message ?? null,
    }
  }

  /** The group goes on without this member. The files go first: a log without its file is found out, a file without its log is not. */
  async #leave(): Promise<void> {
    if (this.#state.kind === 'closed') return
    await this.#discard(new NotLeaderError(this.name, null, ' Its replica was moved to other members.'))
    await removeDataFiles(this.#options.disk, this.dataFile)
    await this.#log.destroy()
    this.#options.onRemoved(this)
  }

  async #discard(reason: HarmonyError): Promise<void> {
    this.#proposals.rejectWaiting(reason)
    this.#log.abandonPending()
    await this.#stop(reason)
    await this.#applier.stop()
    this.#applied.rejectAll(reason)
    await this.#snapshots.close()
    await this.#machine.abandon()
    this.#log.stop(reason)
    this.#options.onGone()
  }

  async #stop(reason: HarmonyError): Promise<void> {
    this.#state = { kind: 'closed', reason }
    this.#readPositions.tell()
    if (!this.isLeading) this.#log.abandonPending()
    await this.#transactions.refuse(reason)
    await this.#proposals.drain()
    await this.#checkpoints.settled()
  }

  #leadershipChanged(now: GroupLeadership, before: GroupLeadership): void {
    this.#readPositions.tell()
    if (now.role === 'leader' && before.role !== 'leader') this.#electionsWon++
    const isLost = before.role === 'leader' && (now.role !== 'leader' || now.term !== before.term)
    if (isLost) this.#leadershipLost()
    for (const listener of this.#leadershipListeners) listener(now)
  }

  #leadershipLost(): void {
    this.#proposals.rejectWaiting(this.#log.failure ?? new NotLeaderError(this.name, this.leader))
    this.#transactions.leadershipLost()
    if (this.#state.kind === 'closed') this.#log.abandonPending()
  }

  async #installSnapshot(snapshot: SnapshotMetadata, replaceLog: () => Promise<void>): Promise<void> {
    if (!this.#snapshots.claim(snapshot)) {
      throw new HarmonyError('INTERNAL', `The copy of the database ${this.name} that was accepted is gone.`)
    }
    await this.#replaceFile(snapshot.index, () => this.#snapshots.install(snapshot, replaceLog))
  }

  async #replaceFile(index: number, work: () => Promise<void>): Promise<void> {
    const lease = await this.#writer.acquire(null)
    try {
      await this.#machine.replaceFile(index, work)
    } finally {
      lease.release()
    }
    for (const listener of this.#replacedListeners) listener()
    this.#applier.retryNow()
  }

  /** Why the file can't become what the log says, as far as that is known; null if it can. */
  get damage(): HarmonyError | null {
    return damageOf(this.#machine)
  }

  /** Another member sends a copy of the database. */
  receiveCopy(stream: IncomingPeerStream, transfer: Transfer): Promise<PeerStreamSink> {
    if (this.#state.kind === 'closed') return Promise.reject(this.#state.reason)
    return this.#snapshots.receive(stream, transfer)
  }

  /** Another member asks for a copy of the database. Throws NOT_LEADER. */
  pulled(from: number, pull: Pull): Uint8Array {
    if (this.#state.kind === 'closed') throw this.#state.reason
    return this.#snapshots.pulled(from, pull)
  }

  #tellDamaged(error: HarmonyError): void {
    this.#readPositions.tell()
    this.#applied.rejectAll(error)
    this.#snapshots.damaged(error)
    for (const listener of this.#damageListeners) listener(error)
  }

  #useToRead(): void {
    this.#use()
    if (this.damage !== null) throw this.damage
  }

  #use(): void {
    if (this.#state.kind === 'closed') throw this.#state.reason
    this.#lastUseMs = this.#options.clock.nowMs()
  }
}
