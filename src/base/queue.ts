/**
 * A first-in-first-out queue with a bound, on a ring: `shift` costs the same whatever waits. Every place where requests
 * wait has one, so that overload is answered early (OVERLOADED) and not with exhausted memory.
 */

import { assert } from './assert.ts'

const RING_LENGTH_MIN = 16

export class BoundedQueue<T> {
  readonly lengthMax: number
  #ring: (T | undefined)[] = Array.from({ length: RING_LENGTH_MIN })
  #head = 0
  #length = 0

  constructor(lengthMax: number) {
    assert(lengthMax > 0, 'a queue needs room for one')
    this.lengthMax = lengthMax
  }

  get length(): number {
    return this.#length
  }

  get isFull(): boolean {
    return this.#length >= this.lengthMax
  }

  /** False, with nothing done, when the queue is full. */
  push(item: T): boolean {
    if (this.isFull) return false
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) % this.#ring.length] = item
    this.#length++
    return true
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  shift(): T | undefined {
    const item = this.peek()
    if (this.#length === 0) return undefined
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) % this.#ring.length
    this.#length--
    return item
  }

  /** Takes out everything, oldest first. */
  drain(): T[] {
    const items: T[] = []
    while (this.#length > 0) items.push(this.shift() as T)
    return items
  }

  #grow(): void {
    const items = [...this.#ring.slice(this.#head), ...this.#ring.slice(0, this.#head)]
    this.#ring = [...items, ...Array.from<undefined>({ length: items.length })]
    this.#head = 0
  }
}
