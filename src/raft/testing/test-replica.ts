/**
 * One replica with a host that does nothing on its own: writes, applies and messages wait until a test lets them
 * happen. What is "on disk" survives a crash; what waits does not.
 */

import { must } from '../../base/assert.ts'
import type { RaftConfig } from '../config.ts'
import type { Entry, ReplicaId } from '../entry.ts'
import { MemoryLogStorage } from '../memory-log-storage.ts'
import type { Configuration } from '../membership.ts'
import { Raft } from '../raft.ts'
import type { Ready, StorageWrite } from '../ready.ts'
import { seededRandom } from './seeded-random.ts'

export class TestReplica {
  readonly id: ReplicaId
  readonly storage: MemoryLogStorage
  readonly #config: RaftConfig
  raft: Raft
  isUp = true
  holdsWrites = false
  holdsApplies = false
  /** Handed out and not on disk. */
  writes: StorageWrite[] = []
  /** Handed out and not applied. */
  applies: Entry[] = []
  /** What the state machine applied, and up to where: survives a crash. */
  readonly applied: Entry[] = []
  appliedIndex = 0
  #starts = 0

  constructor(id: ReplicaId, configuration: Configuration, config: RaftConfig) {
    this.id = id
    this.#config = config
    this.storage = new MemoryLogStorage(configuration)
    this.raft = this.#start()
  }

  #start(): Raft {
    this.#starts += 1
    return new Raft({
      group: 1,
      replica: this.id,
      config: this.#config,
      storage: this.storage,
      hardState: this.storage.hardState,
      appliedIndex: this.appliedIndex,
      random: seededRandom(this.id.id * 1000 + this.#starts),
    })
  }

  /** Takes a `Ready`; what is in it waits. */
  takeReady(): Ready {
    const ready = this.raft.ready()
    if (ready.write !== null) this.writes.push(ready.write)
    this.applies.push(...ready.committed)
    return ready
  }

  /** The oldest `count` waiting writes reach the disk and are reported, oldest or newest first. */
  completeWrites(count: number, newestFirst = false): StorageWrite[] {
    const completed = this.writes.splice(0, count)
    for (const write of completed) this.#perform(write)
    const order = newestFirst ? completed.toReversed() : completed
    for (const write of order) this.raft.appended(write.number)
    return completed
  }

  #perform(write: StorageWrite): void {
    this.storage.perform(write)
    if (write.snapshot !== null) this.appliedIndex = write.snapshot.index
  }

  /** Everything that waits to be applied is applied. */
  apply(): void {
    const applied = this.applies.splice(0)
    if (applied.length === 0) return
    this.applied.push(...applied)
    this.appliedIndex = must(applied.at(-1)).index
    this.raft.applied(this.appliedIndex)
  }

  /** The first `keep` of the waiting writes made it to disk, unreported; everything else is lost. */
  crash(keep = 0): void {
    for (const write of this.writes.splice(0, keep)) this.#perform(write)
    this.writes = []
    this.applies = []
    this.isUp = false
  }

  restart(): void {
    this.raft = this.#start()
    this.isUp = true
  }

  compact(index: number): void {
    const base = this.raft.compact(index)
    if (base !== null) this.storage.compact(base)
  }

  offerSnapshot(): void {
    this.storage.offerSnapshot(must(this.raft.snapshotMetadata(this.appliedIndex)))
  }
}
