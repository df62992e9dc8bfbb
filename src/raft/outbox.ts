/**
 * Messages on their way out. Those that promise something wait here until the writes that back the promise
 * are durable (§5: "Updated on stable storage before responding to RPCs", Figure 2).
 */

import type { Message } from './message.ts'

interface Waiting {
  /** All writes up to this number have to be durable first. */
  readonly writeNumber: number
  readonly message: Message
}

export class Outbox {
  readonly #self: number
  #now: Message[] = []
  #waiting: Waiting[] = []
  /** What this replica promised to itself: its vote for itself. */
  #toSelf: Message[] = []

  constructor(self: number) {
    this.#self = self
  }

  get hasMessages(): boolean {
    return this.#now.length > 0
  }

  get hasToSelf(): boolean {
    return this.#toSelf.length > 0
  }

  send(message: Message): void {
    if (message.to === this.#self) this.#toSelf.push(message)
    else this.#now.push(message)
  }

  /** Sends once all writes up to `writeNumber` are durable. */
  sendAfter(writeNumber: number, durableNumber: number, message: Message): void {
    if (writeNumber <= durableNumber) this.send(message)
    else if (!this.#supersedesLast(writeNumber, message)) this.#waiting.push({ writeNumber, message })
  }

  /** Acknowledgements that wait for the same write say all that the highest of them says. */
  #supersedesLast(writeNumber: number, message: Message): boolean {
    const last = this.#waiting[this.#waiting.length - 1]
    if (last === undefined || last.writeNumber !== writeNumber) return false
    const earlier = last.message
    if (message.type !== 'append-accepted' || earlier.type !== 'append-accepted') return false
    if (message.term !== earlier.term || message.to !== earlier.to) return false
    if (message.index > earlier.index) this.#waiting[this.#waiting.length - 1] = { writeNumber, message }
    return true
  }

  /** Writes up to `durableNumber` are durable. */
  release(durableNumber: number): void {
    if (this.#waiting.length === 0) return
    const still: Waiting[] = []
    for (const waiting of this.#waiting) {
      if (waiting.writeNumber <= durableNumber) this.send(waiting.message)
      else still.push(waiting)
    }
    this.#waiting = still
  }

  /**
   * The term moved on. What still waits is of use to nobody, and may not even be true any more: entries that were to
   * be acknowledged to a leader of an earlier term can be replaced before the write that held them is durable.
   */
  forgetBefore(term: number): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter(({ message }) => message.term >= term)
  }

  takeMessages(): readonly Message[] {
    const messages = this.#now
    this.#now = []
    return messages
  }

  takeToSelf(): readonly Message[] {
    const messages = this.#toSelf
    this.#toSelf = []
    return messages
  }
}
