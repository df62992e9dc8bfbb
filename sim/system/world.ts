/**
 * The simulated world of real components: they are asynchronous, the simulation is not.
 *
 * Everything that members do is started by an event of one queue, and whatever promises that settles is run to its end before
 * the next event. So there is one order of everything, and the seed decides it. The only real thing that is waited for is
 * the end of the microtasks, by a turn of the event loop in which nothing else can happen: `sealed-time.ts` gives the process no other
 * source of events.
 *
 * An event belongs to the machine that it happens on. What a machine that has crashed had begun does not go on:
 * its events do not happen, and as everything waits for events, its code stands still for ever.
 */

import { EventQueue } from '../event-queue.ts'
import type { ScheduledEvent, TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import { Trace } from '../trace.ts'
import type { TraceKind } from '../trace.ts'

/** The real one, taken before any run replaces the global. */
const realImmediate = globalThis.setImmediate

/** One life of a machine's process, from its start to its end. */
export class Process {
  readonly machine: number
  readonly #world: World
  #isAlive = true
  #isPaused = false
  /** What would have happened during the pause. */
  readonly #backlog: (() => void)[] = []

  constructor(world: World, machine: number) {
    this.#world = world
    this.machine = machine
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** From now on nothing of it happens any more. */
  end(): void {
    this.#isAlive = false
    this.#backlog.length = 0
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    for (const action of this.#backlog.splice(0)) this.#world.after(this, 0, action)
  }

  /** Does `action` as this process, or later, or never. */
  run(action: () => void): void {
    if (!this.#isAlive) return
    if (this.#isPaused) this.#backlog.push(action)
    else {
      this.#world.current = this
      action()
    }
  }
}

export class World {
  readonly queue: EventQueue = new EventQueue()
  readonly trace: Trace
  readonly random: Random
  /** Whose event is happening; null for what is outside of all machines. */
  current: Process | null = null
  #stamp = 0
  #failure: Error | null = null

  constructor(random: Random, recording: boolean) {
    this.random = random
    this.trace = new Trace(() => this.queue.nowUs, recording)
  }

  get nowUs(): TimeUs {
    return this.queue.nowUs
  }

  /** Strictly growing: the order in which things happened that happened at the same time. */
  stamp(): number {
    this.#stamp += 1
    return this.#stamp
  }

  /** Schedules an event of `process`; of nobody where it is null. */
  after(process: Process | null, delayUs: TimeUs, action: () => void): ScheduledEvent {
    const event = this.queue.after(delayUs, () => {
      this.current = null
      // A process that was paused does it later, and may have cancelled it by then.
      if (process !== null) process.run(() => void (event.isCancelled || action()))
      else action()
    })
    return event
  }

  /** Resolves in `delayUs`, outside of all machines. */
  sleep(delayUs: TimeUs): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.after(null, delayUs, resolve)
    return promise
  }

  note(kind: TraceKind, machine: number, peer: number, index: number, text: () => string): void {
    this.trace.note(kind, machine, peer, 0, index, text)
  }

  /** Ends the run with `error`, as soon as this event is over. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
  }

  /** Lets events happen until `isDone` says so, or until `limitUs`. Rejects with what the run has failed with. */
  async runUntil(limitUs: TimeUs, isDone: () => boolean = () => false): Promise<void> {
    await settled()
    while (this.#failure === null && !isDone() && this.queue.nowUs < limitUs) {
      if (!this.queue.step()) break
      await settled()
    }
    if (this.#failure !== null) throw this.#failure
  }
}

/** Resolves when every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    realImmediate(resolve)
  })
}
