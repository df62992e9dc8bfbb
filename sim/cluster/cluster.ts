/**
 * The simulated cluster: members, the network between them, and what the outside knows.
 */

import { must } from '../../src/base/assert.ts'
import { initialConfiguration } from '../../src/raft/membership.ts'
import type { Configuration } from '../../src/raft/membership.ts'
import { INITIAL_GENERATION } from '../../src/raft/entry.ts'
import type { ReplicaId } from '../../src/raft/entry.ts'
import type { Checkers } from '../checkers/checker.ts'
import type { EventQueue } from '../event-queue.ts'
import { SimulatedNetwork } from '../network.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import type { DurableReplica } from './durable-replica.ts'
import type { JournalState } from './journal.ts'
import { configurationsInForce } from './configurations.ts'
import type { Ledger } from './ledger.ts'
import { Member } from './member.ts'
import type { ClusterOptions } from './options.ts'
import type { Packet } from './packet.ts'

export class Cluster {
  readonly queue: EventQueue
  readonly trace: Trace
  readonly options: ClusterOptions
  readonly ledger: Ledger
  readonly members: readonly Member[]
  readonly network: SimulatedNetwork<Packet>
  readonly initial: Configuration
  readonly #random: Random
  /** What was durable of the replicas that were destroyed. */
  readonly #graves = new Map<string, JournalState>()

  constructor(
    options: ClusterOptions,
    queue: EventQueue,
    trace: Trace,
    ledger: Ledger,
    checkers: Checkers,
    random: Random,
  ) {
    this.options = options
    this.queue = queue
    this.trace = trace
    this.ledger = ledger
    this.#random = random.fork('cluster')
    this.network = new SimulatedNetwork(queue, random.fork('network'), options.network, (from, to, packet) =>
      this.member(to).receive(from, packet),
    )
    const send = (from: number, to: number, packet: Packet): void => this.#send(from, to, packet)
    const buried = ({ replica }: DurableReplica, state: JournalState): void => {
      this.#graves.set(`${replica.id}.${replica.generation}`, state)
    }
    const environment = {
      queue,
      trace,
      options,
      checkers,
      send,
      buried: (durable: DurableReplica) => buried(durable, durable.surviving()),
    }
    this.members = Array.from(
      { length: options.members },
      (_, at) => new Member(at + 1, environment, random.fork(`member ${at + 1}`)),
    )
    const founders = this.members.slice(0, options.voters + options.learners).map(({ id }): ReplicaId => {
      return { id, generation: INITIAL_GENERATION }
    })
    this.initial = initialConfiguration(founders.slice(0, options.voters), founders.slice(options.voters))
    for (const founder of founders) this.member(founder.id).found(this.initial, founder)
  }

  member(id: number): Member {
    return must(this.members[id - 1], `there is no member ${id}`)
  }

  /** Whether the replica is not destroyed: its disk is there, or it is still to be created. */
  isIntact(replica: ReplicaId): boolean {
    const member = this.member(replica.id)
    return replica.generation > member.tombstone
  }

  /** What is durable of a replica, or was when it was destroyed; null if there never was anything. */
  survivingOn(replica: ReplicaId): JournalState | null {
    const { durable } = this.member(replica.id)
    if (durable?.replica.generation === replica.generation) return durable.surviving()
    return this.#graves.get(`${replica.id}.${replica.generation}`) ?? null
  }

  configurationsInForce(): Configuration[] {
    return configurationsInForce(this.initial, this.ledger, this.members)
  }

  note(kind: Parameters<Trace['note']>[0], text: () => string): void {
    this.trace.note(kind, 0, 0, 0, 0, text)
  }

  noteMember(kind: Parameters<Trace['note']>[0], member: Member, text: () => string, index = 0): void {
    this.trace.note(kind, member.id, 0, 0, index, text)
  }

  /** The process of `lost` has ended, or is silent for long: all others lose their connections to it. */
  loseConnections(lost: Member): void {
    for (const member of this.members) if (member !== lost) member.connectionLost(lost.id)
  }

  #send(from: number, to: number, packet: Packet): void {
    if (to < 1 || to > this.members.length) throw new Error(`member ${from} sends to a member ${to}`)
    this.network.send(from, to, packet)
    const { unreachableProbability } = this.options.host
    if (!this.network.isCut(from, to) || !this.#random.chance(unreachableProbability)) return
    const sender = this.member(from)
    const life = sender.replica
    this.queue.after(0, () => {
      sender.whenAwake(() => {
        if (sender.replica === life) life?.call((raft) => raft.reportUnreachable(to))
      })
    })
  }
}
