/**
 * A member of the simulated cluster: a machine that runs one replica of the group, or none. It can crash,
 * pause and come back; its replica can be destroyed, which leaves a tombstone.
 */

import { assert, must } from '../../src/base/assert.ts'
import { EMPTY_CONFIGURATION } from '../../src/raft/membership.ts'
import type { Configuration } from '../../src/raft/membership.ts'
import type { ReplicaId, SnapshotMetadata } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import { admit } from '../../src/raft/tombstone.ts'
import type { Checkers } from '../checkers/checker.ts'
import type { EventQueue, ScheduledEvent } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import { DurableReplica } from './durable-replica.ts'
import { MemberClock } from './member-clock.ts'
import { emptyImage } from './machine.ts'
import type { ClusterOptions } from './options.ts'
import { describeMessage } from './packet.ts'
import type { Packet } from './packet.ts'
import { Replica } from './replica.ts'

/** Where the log of a replica begins that joins an existing group. */
const EMPTY_BASE: SnapshotMetadata = { index: 0, term: 0, configuration: EMPTY_CONFIGURATION }

export interface MemberEnvironment {
  readonly queue: EventQueue
  readonly trace: Trace
  readonly options: ClusterOptions
  readonly checkers: Checkers
  send(from: number, to: number, packet: Packet): void
  /** A replica is about to be destroyed with its disk. */
  buried(durable: DurableReplica): void
}

export class Member {
  readonly id: number
  readonly clock: MemberClock
  readonly #environment: MemberEnvironment
  readonly #random: Random
  #durable: DurableReplica | null = null
  #replica: Replica | null = null
  /** The newest generation that was destroyed here: none up to it may come back. Durable. */
  #tombstone = 0
  #up = true
  #paused = false
  #inbox: (() => void)[] = []
  #starts = 0
  #nextTick: ScheduledEvent | null = null

  constructor(id: number, environment: MemberEnvironment, random: Random) {
    this.id = id
    this.#environment = environment
    this.#random = random
    this.clock = new MemberClock(
      () => environment.queue.nowUs,
      this.#drawRate(),
      random.integer(0, 1_000_000),
    )
  }

  get up(): boolean {
    return this.#up
  }

  get paused(): boolean {
    return this.#paused
  }

  /** The running replica; null when the member is down or has none. */
  get replica(): Replica | null {
    return this.#replica
  }

  /** For those who have made sure that there is one. */
  get running(): Replica {
    return must(this.#replica, 'the member runs no replica')
  }

  /** What is on the disk; null if the member has no replica. */
  get durable(): DurableReplica | null {
    return this.#durable
  }

  get tombstone(): number {
    return this.#tombstone
  }

  /** Makes the replica that a group starts with. */
  found(configuration: Configuration, replica: ReplicaId): void {
    this.#create(replica, { index: 0, term: 0, configuration })
  }

  receive(from: number, packet: Packet): void {
    if (!this.#up) return
    this.whenAwake(() => this.#receive(from, packet))
  }

  whenAwake(action: () => void): void {
    if (this.#paused) this.#inbox.push(action)
    else action()
  }

  /** What its host notices. Nobody else wakes a replica that sleeps, and whose leader was there (`quiescence.ts`). */
  connectionLost(to: number): void {
    this.whenAwake(() =>
      this.#replica?.call((raft) => {
        if (raft.quiesced && raft.leader?.id === to) raft.wake()
      }),
    )
  }

  // Faults.

  /** Loses power. What was not synced may be lost. */
  crash(): void {
    if (!this.#up) return
    this.#note('crash', () => 'crashes')
    this.#nextTick?.cancel()
    this.#up = false
    this.#paused = false
    this.#inbox = []
    this.#replica?.end()
    this.#replica = null
    this.#durable?.crash()
  }

  restart(): void {
    if (this.#up) return
    this.#note('restart', () => 'restarts')
    this.#up = true
    if (this.#durable !== null) this.#start(this.#durable)
  }

  /** Stops doing anything, as a process does that the operating system does not run. */
  pause(): void {
    if (!this.#up || this.#paused) return
    this.#note('pause', () => 'pauses')
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#note('resume', () => 'goes on')
    this.#paused = false
    const inbox = this.#inbox
    this.#inbox = []
    for (const action of inbox) this.whenAwake(action)
  }

  /** The clock begins to run at another rate. */
  drift(): void {
    this.clock.setRate(this.#drawRate())
    this.#note('clock', () => `its clock runs at ${this.clock.rate.toFixed(3)} of the true speed`)
  }

  /** The replica and its disk are gone for good; a tombstone stays. */
  destroyReplica(reason: string): void {
    const durable = this.#durable
    if (durable === null) return
    this.#note('destroy', () => `destroys its replica of generation ${durable.replica.generation}: ${reason}`)
    this.#tombstone = Math.max(this.#tombstone, durable.replica.generation)
    this.#replica?.end()
    this.#replica = null
    this.#environment.buried(durable)
    durable.disk.crash()
    this.#durable = null
  }

  #receive(from: number, packet: Packet): void {
    if (!this.#up) return
    switch (packet.kind) {
      case 'message':
        this.#admit(packet.message)?.message(packet.message)
        break
      case 'snapshot-chunk':
        this.#admit(packet.request)?.chunk(from, packet)
        break
      case 'chunk-received':
        this.#replica?.chunkReceived(from, packet)
        break
    }
  }

  /** The replica that a message is for; created if need be, null if the message must be ignored. */
  #admit(message: Message): Replica | null {
    const local = { generation: this.#replica?.id.generation ?? 0, tombstone: this.#tombstone }
    const { toGeneration } = message
    const admission = admit(message, local)
    switch (admission) {
      case 'deliver':
        break
      case 'replace':
        this.destroyReplica(`generation ${toGeneration} takes its place`)
        this.#create({ id: this.id, generation: toGeneration }, EMPTY_BASE)
        break
      case 'create':
        this.#create({ id: this.id, generation: toGeneration }, EMPTY_BASE)
        break
      case 'ignore':
        this.#environment.trace.note('drop', this.id, message.from, message.term, 0, () => {
          return `ignores ${describeMessage(message)} for generation ${toGeneration}`
        })
        return null
    }
    return this.#replica
  }

  #create(replica: ReplicaId, base: SnapshotMetadata): void {
    assert(this.#durable === null, 'a member has one replica at most')
    assert(replica.generation > this.#tombstone, () => `generation ${replica.generation} was destroyed`)
    const { queue, options } = this.#environment
    this.#durable = new DurableReplica(
      replica,
      base,
      emptyImage(options.workload.keys),
      queue,
      this.#random.fork(`durable ${replica.generation}`),
      options.disk,
    )
    this.#start(this.#durable)
  }

  #start(durable: DurableReplica): void {
    this.#starts += 1
    this.#startTicks()
    const { queue, trace, options, checkers } = this.#environment
    this.#replica = new Replica(
      {
        queue,
        trace,
        options,
        checkers,
        clock: this.clock,
        send: (to, packet) => this.#environment.send(this.id, to, packet),
        whenAwake: (action) => this.whenAwake(action),
        removed: () => this.destroyReplica('it is not part of the group any more'),
      },
      durable,
      this.#random.fork(`start ${this.#starts}`),
    )
  }

  /** Begins a new row of ticks, a whole tick from now: no tick may come early (`LeaseConfig`). */
  #startTicks(): void {
    this.#nextTick?.cancel()
    const { queue, options } = this.#environment
    this.#nextTick = queue.after(this.clock.truthOf(options.host.tickUs), () => {
      this.#tick()
      this.#startTicks()
    })
  }

  #tick(): void {
    if (this.#paused && !this.#environment.options.host.tickBursts) return
    if (this.#up) this.whenAwake(() => this.#replica?.tick())
  }

  #drawRate(): number {
    const { clockDrift } = this.#environment.options.host
    return 1 + this.#random.between(-clockDrift, clockDrift)
  }

  #note(kind: Parameters<Trace['note']>[0], text: () => string): void {
    this.#environment.trace.note(kind, this.id, 0, 0, 0, text)
  }
}
