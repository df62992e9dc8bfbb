/**
 * One life of a simulated replica, from a start to a crash: the core, and the host's loop around it, as
 * `src/raft/DESIGN.md` describes it. Inputs come in as events; some time later a turn takes `ready()` and
 * starts everything in it.
 *
 * Whatever is volatile lives here and dies with it; `DurableReplica` is what stays.
 */

import { must } from '../../src/base/assert.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { Entry, HardState, ReplicaId, SnapshotMetadata } from '../../src/raft/entry.ts'
import type { LogOutline } from '../../src/raft/log-storage.ts'
import type { Message, SnapshotRequest } from '../../src/raft/message.ts'
import type { ProposeResult } from '../../src/raft/raft.ts'
import type { Ready, StorageWrite } from '../../src/raft/ready.ts'
import type { Checkers } from '../checkers/checker.ts'
import type { EventQueue } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import { Applier } from './applier.ts'
import type { DurableReplica } from './durable-replica.ts'
import { compactionRecords, recordsOf } from './journal.ts'
import type { MachineImage } from './machine.ts'
import type { MemberClock } from './member-clock.ts'
import type { MemoryLog } from './memory-log.ts'
import type { ClusterOptions } from './options.ts'
import { describeMessage, messageIndex } from './packet.ts'
import type { Packet, SnapshotChunk } from './packet.ts'
import { SnapshotReceiver, SnapshotSender } from './snapshot-transfer.ts'
import { ReplicaStorage } from './storage.ts'
import { Waiting } from './waiting.ts'
import type { ProposalOutcome, ReadOutcome } from './waiting.ts'

/** What a replica needs from the member that it runs on. */
export interface ReplicaHost {
  readonly queue: EventQueue
  readonly trace: Trace
  readonly options: ClusterOptions
  readonly checkers: Checkers
  readonly clock: MemberClock
  send(to: number, packet: Packet): void
  /** Runs `action` now, or when the member's pause is over. */
  whenAwake(action: () => void): void
  /** The core says that the replica is not part of its group any more. */
  removed(): void
}

export const GROUP = 1

export class Replica {
  readonly id: ReplicaId
  readonly raft: Raft
  readonly durable: DurableReplica
  /** The log as the core has handed it out: what it would be on disk if all writes were done. */
  readonly log: MemoryLog
  /** The hard state as handed out. */
  hardState: HardState
  /** The hard state that this life started from. */
  readonly recovered: HardState
  /** The core's applied index when this life started. */
  readonly recoveredApplied: number
  readonly #host: ReplicaHost
  readonly #random: Random
  readonly #storage: ReplicaStorage
  readonly #applier: Applier
  readonly #waiting = new Waiting()
  readonly #sender: SnapshotSender
  readonly #receiver = new SnapshotReceiver()
  readonly #overdue = new Set<number>()
  #accepted: SnapshotMetadata | null = null
  #readContexts = 0
  #turnPending = false
  #ended = false

  constructor(host: ReplicaHost, durable: DurableReplica, random: Random) {
    const { options } = host
    const recovered = durable.recover()
    this.#host = host
    this.#random = random
    this.id = durable.replica
    this.durable = durable
    this.log = recovered.log
    this.hardState = recovered.hardState
    this.recovered = recovered.hardState
    this.recoveredApplied = recovered.image.appliedIndex
    this.#storage = new ReplicaStorage(
      recovered.log.copy(),
      random.fork('storage'),
      options.host.storageBusyProbability,
      options.host.snapshotBusyProbability,
    )
    this.#applier = new Applier(this.#applierHost(), durable, recovered.image, options.host, random)
    this.#sender = new SnapshotSender(this.#senderHost(), options.host.snapshotChunks)
    const dice = random.fork('core')
    this.raft = new Raft({
      group: GROUP,
      replica: this.id,
      config: options.raft,
      storage: this.#storage,
      hardState: recovered.hardState,
      appliedIndex: recovered.image.appliedIndex,
      random: () => dice.uint32(),
      ...(random.chance(0.5) ? { outline: outlineOf(recovered.log) } : {}),
    })
    this.#storage.constructed()
    if (recovered.image.appliedIndex > 0) this.#offerSnapshot(recovered.image)
    this.#note('start', recovered.hardState.term, recovered.log.lastIndex, () => {
      const { hardState, log, image } = recovered
      return `starts as generation ${this.id.generation}, ${describeHardState(hardState)}, log ${log.base.index + 1}..${log.lastIndex}, applied ${image.appliedIndex}`
    })
    host.checkers.started(this)
    this.#scheduleTurn()
  }

  /** True after a crash: nothing of this life may have an effect any more. */
  get isOver(): boolean {
    return this.#ended
  }

  get image(): MachineImage {
    return this.#applier.image
  }

  /** Whether a client waits for the outcome of a command whose index is applied. */
  get hasStrandedClients(): boolean {
    return this.#waiting.isStranded(this.image.appliedIndex)
  }

  /** Everything that was only in memory is gone; clients that waited never learn more. */
  end(): void {
    this.#ended = true
    this.#waiting.abandon()
    this.#host.checkers.ended(this)
  }

  // Inputs.

  tick(): void {
    this.#input(() => this.raft.tick())
  }

  message(message: Message): void {
    this.#note('receive', message.term, messageIndex(message), () => describeMessage(message), message.from)
    this.#input(() => this.raft.step(message))
    if (message.type === 'snapshot-request') this.#noteAccepted(message)
  }

  /** Whether the core has accepted a snapshot, so that its commit index is ahead of `log`, which is still the old one. */
  get awaitsSnapshot(): boolean {
    return this.#accepted !== null
  }

  #noteAccepted({ snapshot }: SnapshotRequest): void {
    const { index, term } = snapshot
    const isNews = index > this.log.base.index && this.log.term(index) !== term
    if (isNews && this.raft.commit === index) this.#accepted = snapshot
  }

  chunk(from: number, chunk: SnapshotChunk): void {
    const { missing, completed } = this.#receiver.take(chunk)
    this.#host.send(from, { kind: 'chunk-received', transfer: chunk.transfer, missing })
    if (completed) this.message(chunk.request)
  }

  chunkReceived(from: number, packet: Packet & { kind: 'chunk-received' }): void {
    this.#sender.received(from, packet)
  }

  /** Proposes `commands`; each of `done` hears how its command ended, if the core takes them. */
  propose(
    commands: readonly Uint8Array[],
    done: readonly ((outcome: ProposalOutcome) => void)[],
  ): ProposeResult {
    let result: ProposeResult | null = null
    this.#input(() => {
      result = this.raft.propose(commands)
      if (!result.accepted) return
      const { firstIndex, term } = result
      done.forEach((callback, at) => this.#waiting.proposed(firstIndex + at, term, callback))
    })
    return must<ProposeResult>(result)
  }

  /** False if the core refused. */
  read(done: (outcome: ReadOutcome) => void): boolean {
    this.#readContexts += 1
    const context = this.#readContexts
    let accepted = false
    this.#input(() => {
      accepted = this.raft.requestRead(context, this.#host.clock.nowMs).accepted
      if (accepted) this.#waiting.reading(context, done)
    })
    return accepted
  }

  /** Any other call of the core. */
  call<Result>(action: (raft: Raft) => Result): Result {
    let result: { value: Result } | null = null
    this.#input(() => {
      result = { value: action(this.raft) }
    })
    return must<{ value: Result }>(result).value
  }

  #input(action: () => void): void {
    action()
    this.#host.checkers.stepped(this)
    this.#scheduleTurn()
  }

  // Outputs.

  #scheduleTurn(): void {
    if (this.#turnPending || this.#ended || !this.raft.hasReady()) return
    this.#turnPending = true
    const { turnDelayMeanUs } = this.#host.options.host
    this.#later(turnDelayMeanUs === 0 ? 0 : this.#random.exponential(turnDelayMeanUs), () => this.#turn())
  }

  #turn(): void {
    this.#turnPending = false
    if (!this.raft.hasReady()) return
    const ready = this.raft.ready(this.#host.clock.nowMs)
    if (this.#host.options.freeze) freezeReady(ready)
    this.#mirror(ready.write)
    this.#host.checkers.handedOut(this, ready)
    this.#host.checkers.stepped(this)
    this.#noteReady(ready)
    for (const message of ready.messages) this.#send(message)
    if (ready.write !== null) this.#store(ready.write)
    if (ready.committed.length > 0) this.#applier.add(ready.committed)
    for (const { context, index } of ready.readStates) this.#waiting.readIndexKnown(context, index)
    for (const { context } of ready.readFailures) this.#waiting.readFailed(context)
    if (ready.readStates.length > 0) this.#waiting.serveReads(this.image)
    if (ready.leadership?.removed === true) this.#host.removed()
    this.#scheduleTurn()
  }

  #mirror(write: StorageWrite | null): void {
    if (write === null) return
    if (write.snapshot !== null) this.log.install(write.snapshot)
    this.log.write(write.entries)
    if (this.#accepted !== null && this.log.term(this.#accepted.index) === this.#accepted.term) {
      this.#accepted = null
    }
    if (write.hardState !== null) this.hardState = write.hardState
  }

  #send(message: Message): void {
    this.#note('send', message.term, messageIndex(message), () => describeMessage(message), message.to)
    if (message.type === 'snapshot-request') this.#sendSnapshot(message)
    else this.#host.send(message.to, { kind: 'message', message })
  }

  #sendSnapshot(request: SnapshotRequest): void {
    const stored = this.#storage.snapshotAt(request.snapshot.index)
    if (stored !== null) {
      this.#sender.begin(request, stored.image)
      return
    }
    this.#later(0, () => this.#input(() => this.raft.reportSnapshot(request.to, 'failed')))
  }

  #store(write: StorageWrite): void {
    const { snapshot, number } = write
    const image =
      snapshot === null
        ? null
        : must(this.#receiver.image(snapshot.index, snapshot.term), 'the core installs what it was not sent')
    const early = this.#random.chance(this.#host.options.host.showWritesEarlyProbability)
    this.#storage.handed(write, early)
    this.#note('write', write.hardState?.term ?? 0, write.entries.at(-1)?.index ?? 0, () => {
      return `write ${number}: ${describeWrite(write)}`
    })
    const watch = this.#watchWrite(number)
    this.durable.disk.write(
      recordsOf(write, image),
      () => this.#host.whenAwake(() => this.#stored(write, image, watch)),
      // The state machine must not get ahead of the journal that will be found after a crash.
      image === null ? 'any-order' : 'in-order',
    )
  }

  #stored(write: StorageWrite, image: MachineImage | null, watch: () => void): void {
    if (this.#ended) return
    watch()
    this.#note('durable', write.hardState?.term ?? 0, write.entries.at(-1)?.index ?? 0, () => {
      return `write ${write.number} is durable`
    })
    this.#storage.durable(write.number)
    if (image !== null && write.snapshot !== null) this.#install(write.snapshot, image)
    this.#input(() => this.raft.appended(write.number))
  }

  #install(metadata: SnapshotMetadata, image: MachineImage): void {
    this.#applier.install(image)
    this.#storage.addSnapshot({ metadata, image })
    this.#receiver.installed(image.appliedIndex)
    this.#waiting.skippedTo(image.appliedIndex)
    this.#note('snapshot', image.appliedTerm, image.appliedIndex, () => {
      return `installs a snapshot of ${image.appliedIndex}.${image.appliedTerm}`
    })
    this.#host.checkers.installed(this, image)
    this.#waiting.serveReads(image)
  }

  /** Tells the core when a write takes too long, and when no late write is left. */
  #watchWrite(number: number): () => void {
    let isDone = false
    this.#later(this.#host.options.host.diskStallAfterUs, () => {
      if (isDone) return
      this.#overdue.add(number)
      if (this.#overdue.size > 1) return
      this.#note('stall', this.raft.term, 0, () => `reports a stalled disk: write ${number} is overdue`)
      this.#input(() => this.raft.reportDiskStalled())
    })
    return () => {
      isDone = true
      if (!this.#overdue.delete(number) || this.#overdue.size > 0) return
      this.#note('stall', this.raft.term, 0, () => 'reports that the disk works again')
      this.#input(() => this.raft.reportDiskRecovered())
    }
  }

  #applierHost(): ConstructorParameters<typeof Applier>[0] {
    return {
      later: (delayUs, action) => this.#later(delayUs, action),
      applied: (entry, image, seen) => this.#applied(entry, image, seen),
      batchApplied: (index) => {
        this.#input(() => this.raft.applied(index))
        this.#waiting.serveReads(this.image)
      },
      checkpointed: (image) => this.#checkpointed(image),
    }
  }

  #applied(entry: Entry, image: MachineImage, seen: number | null): void {
    this.#note('apply', entry.term, entry.index, () => `applies ${entry.kind} ${entry.index}.${entry.term}`)
    this.#host.checkers.applied(this, entry, image)
    this.#waiting.applied(entry, seen)
  }

  #checkpointed(image: MachineImage): void {
    this.#offerSnapshot(image)
    const index = image.appliedIndex - this.#host.options.host.keepEntries
    if (!(index > this.log.base.index)) return
    const base = this.call((raft) => raft.compact(index))
    if (base === null) return
    this.#note('compact', base.term, base.index, () => `compacts its log up to ${base.index}.${base.term}`)
    this.#storage.compact(base)
    this.log.compact(base)
    this.durable.disk.write(compactionRecords(base), () => {}, 'unsynced')
  }

  #offerSnapshot(image: MachineImage): void {
    const metadata = this.raft.snapshotMetadata(image.appliedIndex)
    if (metadata !== null) this.#storage.addSnapshot({ metadata, image })
  }

  #senderHost(): ConstructorParameters<typeof SnapshotSender>[0] {
    return {
      later: (delayUs, action) => this.#later(delayUs, action),
      send: (to, packet) => this.#host.send(to, packet),
      ended: (to, outcome) => {
        this.#note('snapshot', this.raft.term, 0, () => `sending a snapshot to member ${to}: ${outcome}`, to)
        this.#input(() => this.raft.reportSnapshot(to, outcome))
      },
    }
  }

  #later(delayUs: number, action: () => void): void {
    this.#host.queue.after(delayUs, () => {
      if (this.#ended) return
      this.#host.whenAwake(() => {
        if (!this.#ended) action()
      })
    })
  }

  #note(kind: Parameters<Trace['note']>[0], term: number, index: number, text: () => string, peer = 0): void {
    this.#host.trace.note(kind, this.id.id, peer, term, index, text)
  }

  #noteReady({ leadership, write }: Ready): void {
    if (leadership !== null) {
      const { role, term, leader, removed } = leadership
      this.#note('role', term, 0, () => {
        const led = leader === null ? 'no leader' : `leader ${leader.id}`
        return `is ${role} of term ${term}, ${led}${removed ? ', and removed' : ''}`
      })
    }
    if (write?.hardState) {
      const { hardState } = write
      this.#note('commit', hardState.term, hardState.commit, () => describeHardState(hardState))
    }
  }
}

/** What a host that recovers its files could tell the core of the log. */
function outlineOf(log: MemoryLog): LogOutline {
  const entries = log.all()
  return {
    terms: entries.filter(({ term }, at) => at === 0 || entries[at - 1]?.term !== term),
    memberships: entries.filter(({ kind }) => kind === 'membership'),
  }
}

function describeHardState({ term, votedFor, commit }: HardState): string {
  const vote = votedFor === null ? 'no vote' : `vote for ${votedFor.id}`
  return `term ${term}, ${vote}, commit ${commit}`
}

function describeWrite({ hardState, snapshot, entries }: StorageWrite): string {
  const parts: string[] = []
  if (snapshot !== null) parts.push(`snapshot ${snapshot.index}.${snapshot.term}`)
  const first = entries[0]
  const last = entries.at(-1)
  if (first !== undefined && last !== undefined) {
    parts.push(`entries ${first.index}.${first.term} to ${last.index}.${last.term}`)
  }
  if (hardState !== null) parts.push(describeHardState(hardState))
  return parts.join('; ')
}

/** So that a core which changes what it has shared throws. Typed arrays can't be frozen; their holders can. */
function freezeReady(ready: Ready): void {
  for (const message of ready.messages) {
    Object.freeze(message)
    if (message.type === 'append-request') message.entries.forEach((entry) => Object.freeze(entry))
    if (message.type === 'append-request') Object.freeze(message.entries)
  }
  if (ready.write !== null) Object.freeze(ready.write.entries)
  ready.committed.forEach((entry) => Object.freeze(entry))
}
