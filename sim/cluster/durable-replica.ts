/**
 * What a member has on its disk for one replica: the journal, and the state machine's file.
 *
 * The state machine's file is like SQLite's in WAL mode with `synchronous=NORMAL`: consistent after a crash,
 * but as of some moment between the last checkpoint and now. So it is kept as the list of images since the
 * last checkpoint, and a crash picks one.
 */

import { INITIAL_HARD_STATE } from '../../src/raft/entry.ts'
import type { ReplicaId, SnapshotMetadata } from '../../src/raft/entry.ts'
import { must } from '../../src/base/assert.ts'
import { SimulatedDisk } from '../disk.ts'
import type { DiskOptions } from '../disk.ts'
import type { EventQueue } from '../event-queue.ts'
import type { Random } from '../random.ts'
import { JournalState, recoverJournal } from './journal.ts'
import type { JournalRecord } from './journal.ts'
import type { MachineImage } from './machine.ts'
import type { MemoryLog } from './memory-log.ts'
import type { HardState } from '../../src/raft/entry.ts'

/** What a replica starts from. */
export interface Recovered {
  readonly hardState: HardState
  readonly log: MemoryLog
  readonly image: MachineImage
}

export class DurableReplica {
  readonly replica: ReplicaId
  readonly disk: SimulatedDisk<JournalRecord>
  readonly #base: SnapshotMetadata
  readonly #random: Random
  #images: MachineImage[]
  /** The fold of what is durable now; goes on from where it was when asked again. */
  #surviving: JournalState
  #survivingCount = 0

  constructor(
    replica: ReplicaId,
    base: SnapshotMetadata,
    image: MachineImage,
    queue: EventQueue,
    random: Random,
    options: DiskOptions,
  ) {
    this.replica = replica
    this.#base = base
    this.#random = random
    this.disk = new SimulatedDisk(queue, random.fork('disk'), options)
    this.#images = [image]
    this.#surviving = new JournalState(base)
  }

  /** Hard state and log as they would be found if power were lost now and nothing else had been written back. */
  surviving(): JournalState {
    while (this.#survivingCount < this.disk.durableCount) {
      const record = this.disk.contents[this.#survivingCount]
      if (!record) break // torn in a crash: whoever opens the journal cuts it off here
      this.#surviving.add(record)
      this.#survivingCount += 1
    }
    return this.#surviving
  }

  /** The state machine has committed one more transaction. */
  machineChanged(image: MachineImage): void {
    this.#images.push(image)
  }

  /** The state machine's file up to `image` is durable. */
  machineCheckpointed(image: MachineImage): void {
    const at = this.#images.indexOf(image)
    if (at > 0) this.#images = this.#images.slice(at)
  }

  /** An installed snapshot is the only state there is. */
  machineReplaced(image: MachineImage): void {
    this.#images = [image]
  }

  /** Loses power. */
  crash(): void {
    this.disk.crash()
    this.#images = [this.#random.pick(this.#images)]
  }

  /** Opens what is there, cutting off what is torn or incomplete. */
  recover(): Recovered {
    const state = recoverJournal(this.disk.contents, this.#base)
    this.disk.truncate(state.completeCount)
    this.#surviving = new JournalState(this.#base)
    this.#survivingCount = 0
    let image = must(this.#images.at(-1))
    if (state.installed !== null && state.installed.appliedIndex > image.appliedIndex) image = state.installed
    this.#images = [image]
    return { hardState: state.hardState ?? INITIAL_HARD_STATE, log: state.log, image }
  }
}
