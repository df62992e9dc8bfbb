/**
 * Simulated time. Nothing waits: the queue jumps from one event to the next, so an hour of a cluster's
 * life costs only what happens in it. Events at the same time happen in the order in which they were
 * scheduled, which makes the order total and the same on every replay.
 *
 * The queue is a binary heap ordered by (time, sequence).
 */

/** Simulated microseconds since the start of the run; always an integer, so that sums stay exact. */
export type TimeUs = number

export const MILLISECOND: TimeUs = 1000
export const SECOND: TimeUs = 1_000_000

/** Something that will happen. */
export class ScheduledEvent {
  readonly timeUs: TimeUs
  readonly sequence: number
  #action: (() => void) | null
  #isCancelled = false

  constructor(timeUs: TimeUs, sequence: number, action: () => void) {
    this.timeUs = timeUs
    this.sequence = sequence
    this.#action = action
  }

  /** After this the event will not happen. Cancelling twice, or after it happened, does nothing. */
  cancel(): void {
    this.#action = null
    this.#isCancelled = true
  }

  /** Also of an event that has happened: whoever put its action off asks whether it is still wanted. */
  get isCancelled(): boolean {
    return this.#isCancelled
  }

  get pending(): boolean {
    return this.#action !== null
  }

  /** Takes the action out, so that it can happen only once. */
  take(): (() => void) | null {
    const action = this.#action
    this.#action = null
    return action
  }

  before(other: ScheduledEvent): boolean {
    return this.timeUs < other.timeUs || (this.timeUs === other.timeUs && this.sequence < other.sequence)
  }
}

export class EventQueue {
  readonly #heap: ScheduledEvent[] = []
  #nowUs: TimeUs = 0
  #sequence = 0
  #happened = 0

  /** The time of the event that is happening, or of the last one that did. */
  get nowUs(): TimeUs {
    return this.#nowUs
  }

  /** How many events have happened. A strictly growing stamp: two things in different events never share it. */
  get happened(): number {
    return this.#happened
  }

  /** Schedules `action` for `delayUs` from now; a fraction of a microsecond is rounded. */
  after(delayUs: number, action: () => void): ScheduledEvent {
    if (!(delayUs >= 0)) throw new RangeError(`an event can not be scheduled ${delayUs} us from now`)
    this.#sequence += 1
    const event = new ScheduledEvent(this.#nowUs + Math.round(delayUs), this.#sequence, action)
    this.#push(event)
    return event
  }

  /** Lets the next event happen. False when none is left. */
  step(): boolean {
    for (;;) {
      const event = this.#pop()
      if (event === null) return false
      const action = event.take()
      if (action === null) continue
      this.#nowUs = event.timeUs
      this.#happened += 1
      action()
      return true
    }
  }

  /** Lets events happen until `timeUs`, which is then the time, or until none is left. */
  runUntil(timeUs: TimeUs): void {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.timeUs > timeUs) break
      this.step()
    }
    this.#nowUs = Math.max(this.#nowUs, timeUs)
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] as ScheduledEvent
      if (above.before(event)) break
      heap[index] = above
      index = parent
    }
    heap[index] = event
  }

  #pop(): ScheduledEvent | null {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return null
    if (heap.length > 0) this.#sink(last)
    return first
  }

  /** Puts `event` at the top and lets it down to its place. */
  #sink(event: ScheduledEvent): void {
    const heap = this.#heap
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      if (left >= heap.length) break
      const right = left + 1
      const smaller =
        right < heap.length && (heap[right] as ScheduledEvent).before(heap[left] as ScheduledEvent)
          ? right
          : left
      const below = heap[smaller] as ScheduledEvent
      if (event.before(below)) break
      heap[index] = below
      index = smaller
    }
    heap[index] = event
  }
}
