/**
 * One life of a replica: the Raft core and what drives it, from its start to a crash of its own or the end of the member.
 *
 *     input (message, tick, proposal, durable write) ──▶ core ──▶ ready(): messages out, one write, commit index, answers
 *                ▲                                                                │
 *                └──────────────────── appended ◀── journal ◀─────────────────────┘
 *
 * The pump runs right behind each input, in the same turn of the event loop: a proposal is on its way to the journal and to the followers
 * before `propose` returns. Batching needs no help from here: messages that arrive together are stepped together, the transport sends
 * together what one turn brings, and so does the journal with the writes of all groups.
 *
 * A write that the journal refuses ends the life. It is as if the member had crashed right before it: nothing that depended on it was
 * ever promised, because the core waits for the write itself.
 */

import { assert } from '../base/assert.ts'
import type { HarmonyError } from '../base/errors.ts'
import { toHarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { LogBase } from '../journal/format.ts'
import type { GroupLog, LogWrite } from '../journal/group-log.ts'
import type { RaftStatus } from '../raft/api.ts'
import type { RaftConfig } from '../raft/config.ts'
import type { HardState, ReplicaId, SnapshotMetadata } from '../raft/entry.ts'
import type { Message, SnapshotRequest } from '../raft/message.ts'
import { Raft } from '../raft/raft.ts'
import type { Leadership, ReadFailure, ReadState, Ready, StorageWrite } from '../raft/ready.ts'
import { encodeOrigin } from './log-origin.ts'
import { RaftStorage } from './raft-storage.ts'

/** What a replica tells while it lives. Whoever hears it may give it input at once. */
export interface ReplicaEvents {
  send(message: Message): void
  sendSnapshot(request: SnapshotRequest): void
  offerSnapshot(): SnapshotMetadata | null
  /** Puts a received snapshot in place, and calls `replaceLog` when that is durable. */
  installSnapshot(snapshot: SnapshotMetadata, replaceLog: () => Promise<void>): Promise<void>
  /** `commitIndex` has moved. */
  committed(): void
  readAnswered(state: ReadState): void
  readFailed(failure: ReadFailure): void
  leadershipChanged(leadership: Leadership): void
  /** After every input: whether the clock has to tick may have changed. */
  pumped(): void
  /** The life is over: the journal refused a write, or does not give what it has. Another one may begin where that can help. */
  ended(error: HarmonyError, isCurable: boolean): void
}

export interface ReplicaOptions {
  readonly group: number
  readonly id: ReplicaId
  readonly log: GroupLog
  /** Where the log begins. Its record is in the journal, or on its way there before anything else. */
  readonly base: SnapshotMetadata
  readonly config: RaftConfig
  readonly clock: Clock
  readonly random: Random
  readonly events: ReplicaEvents
}

const TWO_32 = 2 ** 32

export class Replica {
  readonly id: ReplicaId
  readonly #options: ReplicaOptions
  readonly #raft: Raft
  #commitIndex: number
  /** As last handed to the journal. */
  #hardState: HardState
  readonly #rejectionsBefore: number
  /** Writes behind a snapshot that is being installed wait for it. */
  #installing: Promise<void> | null = null
  /** As of the last input. */
  #status: RaftStatus | null = null
  #isPumping = false
  #isInputPending = false
  #isOver = false

  constructor(options: ReplicaOptions) {
    const { group, id, log, base, config, random, events } = options
    this.#options = options
    this.id = id
    this.#rejectionsBefore = log.rejectionCount
    this.#hardState = log.hardState
    const storage = new RaftStorage(log, base, {
      onRead: () => {
        if (!this.#isOver) this.input(() => {})
      },
      onReadFailed: (error) => this.end(error),
      offerSnapshot: () => events.offerSnapshot(),
    })
    // The journal holds what is committed, and the state machine takes it from there: for the core it is applied.
    this.#commitIndex = Math.max(base.index, Math.min(log.hardState.commit, storage.lastIndex()))
    this.#raft = new Raft({
      group,
      replica: id,
      config,
      storage,
      outline: log.outline(),
      hardState: log.hardState,
      appliedIndex: this.#commitIndex,
      random: () => random.integer(TWO_32),
    })
  }

  /** To be read only; whatever changes it goes through `input`. */
  get raft(): Raft {
    return this.#raft
  }

  /** For those who watch. Thousands of groups that sleep are looked at again and again, so it is made once. */
  describe(): RaftStatus {
    this.#status ??= this.#raft.status()
    return this.#status
  }

  /** Committed and durable here. */
  get commitIndex(): number {
    return this.#commitIndex
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether this replica alone decides. */
  get isSoleVoter(): boolean {
    const { voters, votersOutgoing } = this.#raft.configuration
    return votersOutgoing.length === 0 && voters.length === 1 && voters[0]?.id === this.id.id
  }

  /** Whether there is no other replica. */
  get isAlone(): boolean {
    return this.isSoleVoter && this.#raft.configuration.learners.length === 0
  }

  /** Whether time means anything to it at the moment. */
  get needsTicks(): boolean {
    if (this.#isOver || this.#raft.quiesced) return false
    return this.#raft.role !== 'leader' || !this.isAlone
  }

  /** What a copy of the SQLite file at `index` covers; null if there can be none at the moment. */
  snapshotMetadata(index: number): SnapshotMetadata | null {
    return index > this.#commitIndex ? null : this.#raft.snapshotMetadata(index)
  }

  /** Calls the core, and carries out what comes of it before it returns. */
  input<T>(call: (raft: Raft) => T): T {
    assert(!this.#isOver, 'a replica gets input after its end')
    this.#status = null
    const result = call(this.#raft)
    this.#pump()
    return result
  }

  /** Gives up the leadership to the follower that is furthest, if there is one, because nothing can be written here any more. */
  retire(): void {
    if (this.#isOver) return
    this.#status = null
    this.#raft.reportDiskStalled()
    for (const message of this.#raft.ready(this.#options.clock.nowMs()).messages) this.#send(message)
  }

  /** Nothing of this life has an effect any more. */
  stop(): void {
    this.#isOver = true
  }

  /**
   * Writes down how far the log is committed, so that a start after this knows without asking anyone. Usually that rides along with
   * other writes.
   */
  async noteCommit(): Promise<void> {
    if (this.#isOver || this.#installing !== null || this.#hardState.commit >= this.#commitIndex) return
    const hardState = { ...this.#hardState, commit: this.#commitIndex }
    this.#hardState = hardState
    await this.#options.log.write({ hardState }).catch((error: unknown) => this.end(toHarmonyError(error)))
  }

  /** Forgets entries up to `index` at most: they are in a file that survives a crash. */
  async compact(index: number): Promise<void> {
    if (this.#isOver || this.#installing !== null) return
    const base = this.input((raft) => raft.compact(Math.min(index, this.#commitIndex)))
    if (base === null) return
    await this.#options.log
      .compact(this.baseOf(base))
      .catch((error: unknown) => this.end(toHarmonyError(error)))
  }

  #pump(): void {
    this.#isInputPending = true
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#isInputPending && !this.#isOver) {
      this.#isInputPending = false
      this.#status = null
      if (this.#raft.hasReady()) this.#carryOut(this.#raft.ready(this.#options.clock.nowMs()))
    }
    this.#isPumping = false
    this.#options.events.pumped()
  }

  #carryOut(ready: Ready): void {
    const { events } = this.#options
    for (const message of ready.messages) this.#send(message)
    if (ready.write !== null) this.#store(ready.write)
    const last = ready.committed.at(-1)
    if (last !== undefined) {
      // There may be more to hand out now.
      this.#isInputPending = true
      this.#raft.applied(last.index)
      this.#commitTo(last.index)
    }
    if (ready.leadership !== null) events.leadershipChanged(ready.leadership)
    for (const state of ready.readStates) events.readAnswered(state)
    for (const failure of ready.readFailures) events.readFailed(failure)
  }

  #send(message: Message): void {
    if (message.type === 'snapshot-request') this.#options.events.sendSnapshot(message)
    else this.#options.events.send(message)
  }

  #commitTo(index: number): void {
    if (index <= this.#commitIndex) return
    this.#commitIndex = index
    this.#options.events.committed()
  }

  #store(write: StorageWrite): void {
    if (write.hardState !== null) this.#hardState = write.hardState
    const stored =
      write.snapshot === null && this.#installing === null ? this.#append(write) : this.#afterInstall(write)
    void stored.then(
      () => this.#stored(write),
      (error: unknown) => this.end(toHarmonyError(error)),
    )
  }

  #stored({ number, snapshot }: StorageWrite): void {
    if (this.#isOver) return
    this.input((raft) => raft.appended(number))
    if (snapshot !== null) this.#commitTo(snapshot.index)
  }

  #append({ snapshot, entries, hardState }: StorageWrite): Promise<void> {
    const { log } = this.#options
    // Writes of other groups may have been refused together with one of ours of which this life has not heard yet.
    if (log.rejectionCount !== this.#rejectionsBefore) return new Promise(() => {})
    const write: LogWrite = {
      entries,
      ...(snapshot !== null && { replacedBy: this.baseOf(snapshot) }),
      ...(hardState !== null && { hardState }),
    }
    return log.write(write)
  }

  #afterInstall(write: StorageWrite): Promise<void> {
    const { snapshot } = write
    const before = this.#installing ?? Promise.resolve()
    const stored = before.then(() => {
      if (this.#isOver) return new Promise<void>(() => {})
      if (snapshot === null) return this.#append(write)
      return this.#install(snapshot, write)
    })
    this.#installing = stored
    const forget = (): void => {
      if (this.#installing === stored) this.#installing = null
    }
    void stored.finally(forget).catch(() => {})
    return stored
  }

  /** If the file can't be put in place, nothing was written: the log is as it was, and the leader may send another copy. */
  async #install(snapshot: SnapshotMetadata, write: StorageWrite): Promise<void> {
    let isInPlace = false
    try {
      await this.#options.events.installSnapshot(snapshot, () => {
        isInPlace = true
        return this.#append(write)
      })
    } catch (error) {
      if (!isInPlace) this.end(toHarmonyError(error), true)
      throw error
    }
  }

  /** As the journal keeps it. */
  baseOf({ index, term, configuration }: SnapshotMetadata): LogBase {
    const origin = encodeOrigin({ generation: this.id.generation, configuration })
    return { index, term, configuration: origin }
  }

  /** The journal refused something, or lost it: a new life begins with what it has. */
  end(error: HarmonyError, isCurable: boolean = error.code === 'DISK_FULL'): void {
    if (this.#isOver) return
    this.retire()
    this.#isOver = true
    this.#options.events.ended(error, isCurable)
  }
}
