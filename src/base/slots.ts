/** So many of something at the same time, whoever takes them. */

import { assert } from './assert.ts'

export class Slots {
  readonly max: number
  #taken = 0

  constructor(max: number) {
    this.max = max
  }

  /** False if there is none left. */
  take(): boolean {
    if (this.#taken >= this.max) return false
    this.#taken++
    return true
  }

  give(): void {
    assert(this.#taken > 0, 'a slot was given back that nobody had taken')
    this.#taken--
  }
}
