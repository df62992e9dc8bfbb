import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock, Timer } from '../host/clock.ts'
import { REST_MS, WalRest } from './wal-rest.ts'

/** Time that passes when the test says so; one timer is all that is needed. */
class TestClock implements Clock {
  #nowMs = 0
  #due: { atMs: number; action: () => void } | null = null

  nowMs(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, action }
    this.#due = due
    return { cancel: () => (this.#due = this.#due === due ? null : this.#due) }
  }

  soon(action: () => void): void {
    this.after(0, action)
  }

  pass(timeMs: number): void {
    const endMs = this.#nowMs + timeMs
    while (this.#due !== null && this.#due.atMs <= endMs) {
      const { atMs, action } = this.#due
      this.#nowMs = atMs
      this.#due = null
      action()
    }
    this.#nowMs = endMs
  }
}

test('the rest is moved when nobody has called for a while, once', () => {
  const clock = new TestClock()
  let moves = 0
  const rest = new WalRest(() => ++moves > 0, clock)
  for (let call = 0; call < 100; call++) {
    rest.noteCall()
    clock.pass(REST_MS / 2)
  }
  assert.equal(moves, 0, 'there is always something to do')
  clock.pass(REST_MS / 2)
  assert.equal(moves, 1)
  clock.pass(1_000_000)
  assert.equal(moves, 1)
  rest.noteCall()
  clock.pass(REST_MS)
  assert.equal(moves, 2)
})

test('what is held back is tried again less and less often, and a call begins anew', () => {
  const clock = new TestClock()
  const triesAtMs: number[] = []
  const rest = new WalRest(() => {
    triesAtMs.push(clock.nowMs())
    return false
  }, clock)
  rest.noteCall()
  clock.pass(1_000_000)
  assert.deepEqual(triesAtMs, [250, 1_250, 5_250, 21_250, 85_250])
  rest.noteCall()
  clock.pass(REST_MS + 100)
  rest.noteCall()
  clock.pass(REST_MS)
  assert.deepEqual(triesAtMs.slice(5), [1_000_250, 1_000_600])
  rest.close()
  clock.pass(1_000_000)
  assert.equal(triesAtMs.length, 7)
})
