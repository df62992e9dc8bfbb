/**
 * A process of engines on a simulated machine. What runs in it is real (`EngineServer`, the engine, its upkeep of the WAL), and so is what its member knows
 * of it (`EngineProcess`, `EnginePool`, `SplitEngine` with its near connection). Simulated are the process and the channel between the two:
 *
 *     member ──▶ on its way ──▶ carried out, which takes time ──▶ on its way ──▶ member
 *                    ╎ killed: what was not carried out          ╎ killed: it was done, and the
 *                    ╎ yet never will be                         ╎ answer may still arrive or not
 *
 * - **It dies** at any moment: before a message arrives, while it is carried out, or when it is done and nobody knows. SQLite's open transaction is undone
 *   and its locks are free; the member is told a moment later, and goes on meanwhile, its near connection included.
 * - **It stands still** while its member goes on, until it is told to go on or is killed for being late (the timeout of statements).
 * - **It outlives its member** for a moment and carries out what was sent to it, as the owner of the file: the next member's engine has to wait for it.
 *
 * Messages are handed over as they are, without the copy that a real channel makes: the tests of real processes have that.
 */

import { must } from '../../src/base/assert.ts'
import { HarmonyError } from '../../src/base/errors.ts'
import type { EngineChild, EngineChildEvents } from '../../src/engine/engine-child.ts'
import { EngineServer } from '../../src/engine/engine-server.ts'
import type { FromWorker, ToWorker } from '../../src/engine/process-protocol.ts'
import type { WriterLock } from '../../src/engine/writer-lock.ts'
import { Violation } from '../checkers/checker.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import { MachineClock } from './machine-clock.ts'
import { callTimeUs, MachineEngine } from './machine-engine.ts'
import type { EngineTrouble } from './machine-engine.ts'
import type { SqliteFiles } from './sqlite-files.ts'
import { Process } from './world.ts'
import type { World } from './world.ts'

const START_US_MAX = 40 * MILLISECOND
/** How long the operating system takes to tell of an end. */
const TOLD_US_MAX = 5 * MILLISECOND
/** A watchdog looks as often. */
const OUTLIVES_US_MAX = 250 * MILLISECOND
const LOCK_POLL_US = 10 * MILLISECOND
const LOCK_WAIT_US = 10 * SECOND

/** Who may write to a file of one machine: as `writer-lock.ts`, but nobody waits in real time. */
export class WriterLocks {
  readonly #holders = new Map<string, EngineProcessHere>()
  readonly #writers = new Map<string, EngineProcessHere>()

  /** Whether they ask for the lock or not: throws a Violation while another process has the file open. */
  opening(dataFile: string, writer: EngineProcessHere): void {
    const before = this.#writers.get(dataFile)
    if (before !== undefined && before !== writer && before.paths.includes(dataFile))
      throw new Violation('one writer', `two processes have ${dataFile} open to write`)
    this.#writers.set(dataFile, writer)
  }

  take(dataFile: string, holder: EngineProcessHere): WriterLock | null {
    if (this.#holders.has(dataFile)) return null
    this.#holders.set(dataFile, holder)
    return { release: () => void this.#holders.delete(dataFile) }
  }

  releaseAll(holder: EngineProcessHere): void {
    for (const [dataFile, one] of this.#holders) if (one === holder) this.#holders.delete(dataFile)
  }
}

export interface EngineProcessParts {
  readonly world: World
  /** The member's. */
  readonly owner: Process
  readonly files: SqliteFiles
  readonly locks: WriterLocks
  readonly trouble: EngineTrouble
  readonly random: Random
  readonly ended: (child: EngineProcessHere) => void
}

export class EngineProcessHere implements EngineChild {
  readonly processId: undefined = undefined
  readonly #parts: EngineProcessParts
  readonly #events: EngineChildEvents
  readonly #process: Process
  readonly #server: EngineServer
  readonly #engines = new Set<MachineEngine>()
  /** What is sent later does not arrive earlier, whoever stands still meanwhile: an arrival takes the first one that is under way. */
  #arrivesThereUs: TimeUs
  #arrivesHereUs: TimeUs = 0
  readonly #calls: ToWorker[] = []
  readonly #answers: FromWorker[] = []

  constructor(parts: EngineProcessParts, events: EngineChildEvents) {
    const { world, owner, random } = parts
    this.#parts = parts
    this.#events = events
    this.#process = new Process(world, owner.machine)
    this.#arrivesThereUs = world.nowUs + random.between(1, START_US_MAX)
    this.#server = new EngineServer({
      clock: new MachineClock(world, this.#process, 1, 0),
      reply: (message) => this.#reply(message),
      lock: (dataFile) => this.#lock(dataFile),
      openEngine: async (options) => {
        const engine = await MachineEngine.open(options, parts.files, () => this.#pass())
        this.#checkAlone(options.dataFile)
        this.#engines.add(engine)
        return engine
      },
    })
  }

  get isAlive(): boolean {
    return this.#process.isAlive
  }

  /** The files that it has open. */
  get paths(): readonly string[] {
    return [...this.#engines].filter((engine) => engine.isOpen).map(({ dataFile }) => dataFile)
  }

  send(message: ToWorker): void {
    const { world } = this.#parts
    this.#arrivesThereUs = Math.max(this.#arrivesThereUs, world.nowUs + this.#wayUs())
    this.#calls.push(message)
    const arrive = (): void => this.#server.take(must(this.#calls.shift()))
    world.after(this.#process, this.#arrivesThereUs - world.nowUs, arrive)
  }

  /** Asked for by its member. */
  kill(): void {
    this.#parts.world.after(null, this.#wayUs(), () => this.die())
  }

  /** At once. */
  die(): void {
    if (!this.isAlive) return
    const { world, owner, random, locks, ended } = this.#parts
    this.#process.end()
    for (const engine of this.#engines) engine.die()
    locks.releaseAll(this)
    ended(this)
    world.after(owner, random.between(1, TOLD_US_MAX), () => this.#events.ended('ended (SIGKILL)'))
  }

  pause(): void {
    this.#process.pause()
  }

  resume(): void {
    this.#process.resume()
  }

  /** Its member is gone, which it notices a moment later; then `end` is called. */
  outlive(end: () => void): void {
    const { world, random } = this.#parts
    world.after(null, random.between(1, OUTLIVES_US_MAX), end)
  }

  #checkAlone(dataFile: string): void {
    try {
      this.#parts.locks.opening(dataFile, this)
    } catch (error) {
      this.#parts.world.fail(error)
    }
  }

  async #reply(message: FromWorker): Promise<void> {
    const { world, owner } = this.#parts
    this.#arrivesHereUs = Math.max(this.#arrivesHereUs, world.nowUs + this.#wayUs())
    this.#answers.push(message)
    const arrive = (): void => this.#events.message(must(this.#answers.shift()))
    world.after(owner, this.#arrivesHereUs - world.nowUs, arrive)
  }

  async #lock(dataFile: string): Promise<WriterLock> {
    const { world, locks } = this.#parts
    const untilUs = world.nowUs + LOCK_WAIT_US
    for (;;) {
      const lock = locks.take(dataFile, this)
      if (lock !== null) return lock
      if (world.nowUs >= untilUs)
        throw new HarmonyError('DATA_LOCKED', `Another process still writes to ${dataFile}.`)
      await this.#sleep(LOCK_POLL_US)
    }
  }

  #pass(): Promise<void> {
    const { trouble, random } = this.#parts
    return this.#sleep(callTimeUs(trouble, random))
  }

  #wayUs(): TimeUs {
    const { trouble, random } = this.#parts
    const times = random.chance(trouble.slowCallChance) ? SLOW_WAY_TIMES : 1
    return trouble.wayUs * random.between(0.5, 1.5) * times
  }

  #sleep(delayUs: TimeUs): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#parts.world.after(this.#process, delayUs, resolve)
    return promise
  }
}

/** Somebody else has the processor. */
const SLOW_WAY_TIMES = 10
