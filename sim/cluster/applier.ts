/**
 * The state machine's side of a simulated replica: applies committed entries in batches after some time, takes
 * checkpoints, and says when the log before one can be compacted.
 */

import { assert, must } from '../../src/base/assert.ts'
import type { Entry } from '../../src/raft/entry.ts'
import type { Random } from '../random.ts'
import type { DurableReplica } from './durable-replica.ts'
import { applyEntry } from './machine.ts'
import type { MachineImage } from './machine.ts'
import type { HostOptions } from './options.ts'

export interface ApplierHost {
  /** Calls `action` later in the life of the replica. */
  later(delayUs: number, action: () => void): void
  /** One entry has been applied; `seen` is what the client of a command is told. */
  applied(entry: Entry, image: MachineImage, seen: number | null): void
  /** A batch is over: the core may be told. */
  batchApplied(index: number): void
  /** `image` is durable in the state machine's own file. */
  checkpointed(image: MachineImage): void
}

export class Applier {
  readonly #host: ApplierHost
  readonly #durable: DurableReplica
  readonly #options: HostOptions
  readonly #random: Random
  #image: MachineImage
  #waiting: Entry[] = []
  #busy = false
  #checkpointIndex: number

  constructor(
    host: ApplierHost,
    durable: DurableReplica,
    image: MachineImage,
    options: HostOptions,
    random: Random,
  ) {
    this.#host = host
    this.#durable = durable
    this.#image = image
    this.#options = options
    this.#random = random
    this.#checkpointIndex = image.appliedIndex
  }

  get image(): MachineImage {
    return this.#image
  }

  get idle(): boolean {
    return !this.#busy && this.#waiting.length === 0
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) this.#waiting.push(entry)
    this.#start()
  }

  /** Replaces the state by that of a snapshot, which is durable. */
  install(image: MachineImage): void {
    assert(this.idle, 'a snapshot is installed while entries are being applied')
    this.#image = image
    this.#checkpointIndex = image.appliedIndex
    this.#durable.machineReplaced(image)
  }

  #start(): void {
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    this.#host.later(this.#random.exponential(this.#options.applyDelayMeanUs), () => this.#applyBatch())
  }

  #applyBatch(): void {
    const batch = this.#waiting.splice(0, this.#options.applyBatchMax)
    for (const entry of batch) this.#applyOne(entry)
    this.#busy = false
    this.#host.batchApplied(must(batch.at(-1)).index)
    this.#checkpointIfDue()
    this.#start()
  }

  #applyOne(entry: Entry): void {
    assert(entry.index === this.#image.appliedIndex + 1, () => {
      return `entry ${entry.index} is handed out for applying after ${this.#image.appliedIndex}`
    })
    const { image, seen } = applyEntry(this.#image, entry)
    this.#image = image
    this.#durable.machineChanged(image)
    this.#host.applied(entry, image, seen)
  }

  #checkpointIfDue(): void {
    const image = this.#image
    if (image.appliedIndex < this.#checkpointIndex + this.#options.checkpointEvery) return
    this.#checkpointIndex = image.appliedIndex
    this.#host.later(this.#random.exponential(2000), () => {
      if (image.appliedIndex < this.#checkpointIndex) return // replaced by a snapshot in the meantime
      this.#durable.machineCheckpointed(image)
      this.#host.checkpointed(image)
    })
  }
}
