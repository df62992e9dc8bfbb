/** Several `TestReplica`s and the messages between them, driven step by step. */

import { assert, must } from '../../base/assert.ts'
import { DEFAULT_RAFT_CONFIG } from '../config.ts'
import type { RaftConfig } from '../config.ts'
import { EMPTY_CONFIGURATION, initialConfiguration } from '../membership.ts'
import type { Message } from '../message.ts'
import type { Ready } from '../ready.ts'
import { admit } from '../tombstone.ts'
import { describeMessage, describeReady } from './describe.ts'
import { TestReplica } from './test-replica.ts'

const ROUNDS_MAX = 200

const first = (id: number): { id: number; generation: number } => ({ id, generation: 1 })

export class TestCluster {
  readonly config: RaftConfig
  readonly #replicas = new Map<number, TestReplica>()
  readonly #tombstones = new Map<number, number>()
  readonly #isolated = new Set<number>()
  /** On their way, oldest first. */
  messages: Message[] = []
  /** What happened, one line each. */
  readonly #log: string[] = []

  constructor(voters: readonly number[], learners: readonly number[] = [], config: Partial<RaftConfig> = {}) {
    this.config = { ...DEFAULT_RAFT_CONFIG, ...config }
    const configuration = initialConfiguration(voters.map(first), learners.map(first))
    for (const id of [...voters, ...learners])
      this.#replicas.set(id, new TestReplica(first(id), configuration, this.config))
  }

  replica(id: number): TestReplica {
    return must(this.#replicas.get(id), `no replica ${id}`)
  }

  get replicas(): readonly TestReplica[] {
    return [...this.#replicas.values()].sort((left, right) => left.id.id - right.id.id)
  }

  get leaders(): readonly TestReplica[] {
    return this.replicas.filter(({ isUp, raft }) => isUp && raft.role === 'leader')
  }

  /** Lines since the last call. */
  takeLog(): string[] {
    return this.#log.splice(0)
  }

  note(line: string): void {
    this.#log.push(line)
  }

  /** Takes a replica's `Ready` and puts its messages on their way. */
  processReady(id: number): Ready {
    const ready = this.replica(id).takeReady()
    for (const line of describeReady(ready)) this.note(`${id}> ${line}`)
    this.messages.push(...ready.messages)
    return ready
  }

  /** A member is cut off: messages to and from it are lost. */
  isolate(id: number): void {
    this.#isolated.add(id)
  }

  heal(): void {
    this.#isolated.clear()
  }

  /** Takes the messages on their way that `matches` picks. */
  take(matches: (message: Message) => boolean): Message[] {
    const taken = this.messages.filter(matches)
    this.messages = this.messages.filter((message) => !matches(message))
    return taken
  }

  /** Delivers what is on its way to `id`. How many messages that was. */
  deliverTo(id: number, matches: (message: Message) => boolean = () => true): number {
    const messages = this.take((message) => message.to === id && matches(message))
    for (const message of messages) this.deliver(message)
    return messages.length
  }

  deliver(message: Message): void {
    if (this.#isolated.has(message.from) || this.#isolated.has(message.to)) return
    const replica = this.#admitted(message)
    if (replica === null || !replica.isUp) return
    const before = replica.raft.status().dropped
    replica.raft.step(message)
    const after = replica.raft.status().dropped
    const reason = Object.keys(after).find((key) => after[key] !== before[key])
    this.note(`${describeMessage(message)}${reason === undefined ? '' : ` (dropped: ${reason})`}`)
  }

  /** Creates replicas as a host does (`tombstone.ts`). */
  #admitted(message: Message): TestReplica | null {
    const local = this.#replicas.get(message.to)
    const tombstone = this.#tombstones.get(message.to) ?? 0
    const admission = admit(message, { generation: local?.id.generation ?? 0, tombstone })
    if (admission === 'ignore') return null
    if (admission === 'deliver') return must(local)
    if (local !== undefined) this.destroy(message.to)
    const id = { id: message.to, generation: message.toGeneration }
    const created = new TestReplica(id, EMPTY_CONFIGURATION, this.config)
    this.#replicas.set(message.to, created)
    return created
  }

  /** The replica goes for good; its tombstone stays. */
  destroy(id: number): void {
    this.#tombstones.set(id, this.replica(id).id.generation)
    this.#replicas.delete(id)
  }

  /** One round of work at one replica: whether there was any. */
  #work(replica: TestReplica): boolean {
    const { id } = replica.id
    let worked = false
    if (replica.raft.hasReady()) {
      this.processReady(id)
      worked = true
    }
    if (!replica.holdsWrites && replica.writes.length > 0) {
      replica.completeWrites(replica.writes.length)
      worked = true
    }
    if (!replica.holdsApplies && replica.applies.length > 0) {
      replica.apply()
      worked = true
    }
    return worked
  }

  /** Lets everything happen that can, until nothing is left to do, at all replicas or at some. */
  stabilize(some?: readonly number[]): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const ids = some ?? this.replicas.map(({ id }) => id.id)
      let worked = false
      for (const id of ids) {
        const replica = this.#replicas.get(id)
        if (replica?.isUp !== true) continue
        worked = this.#work(replica) || worked
      }
      for (const id of this.#receivers(ids)) worked = this.deliverTo(id) > 0 || worked
      if (!worked) return
    }
    assert(false, 'the cluster does not come to rest')
  }

  /** Those of `ids`, and members that a message may create a replica on. */
  #receivers(ids: readonly number[]): Set<number> {
    const absent = this.messages.map(({ to }) => to).filter((to) => !this.#replicas.has(to))
    return new Set([...ids, ...absent])
  }

  /** Ticks one replica, with everything that follows from it. */
  tick(id: number, count: number): void {
    for (let tick = 0; tick < count; tick += 1) this.replica(id).raft.tick()
  }

  /** Makes `id` the leader of a healthy cluster. */
  elect(id: number): void {
    this.replica(id).raft.campaign()
    this.stabilize()
    assert(this.replica(id).raft.role === 'leader', `${id} was not elected`)
  }
}
