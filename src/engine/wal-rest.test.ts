import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock, Timer } from '../host/clock.ts'
import { PACE_MS, REST_MS, RestPace, WalRest } from './wal-rest.ts'

interface Due {
  readonly atMs: number
  readonly action: () => void
}

/** Time that passes when the test says so. */
class TestClock implements Clock {
  #nowMs = 0
  readonly #due = new Set<Due>()

  nowMs(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, action }
    this.#due.add(due)
    return { cancel: () => this.#due.delete(due) }
  }

  soon(action: () => void): void {
    this.after(0, action)
  }

  pass(timeMs: number): void {
    const endMs = this.#nowMs + timeMs
    for (;;) {
      const [next] = [...this.#due].toSorted((one, other) => one.atMs - other.atMs)
      if (next === undefined || next.atMs > endMs) break
      this.#nowMs = next.atMs
      this.#due.delete(next)
      next.action()
    }
    this.#nowMs = endMs
  }
}

test('the rest is moved when nobody has called for a while, once', () => {
  const clock = new TestClock()
  let moves = 0
  const rest = new WalRest(() => ++moves > 0, clock, new RestPace())
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
  const rest = new WalRest(
    () => {
      triesAtMs.push(clock.nowMs())
      return false
    },
    clock,
    new RestPace(),
  )
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

test('databases of one process move one after another, each when its turn has come and it is still quiet', () => {
  const clock = new TestClock()
  const pace = new RestPace()
  const movedAtMs: [number, number][] = []
  const rests = [0, 1, 2, 3].map(
    (database) => new WalRest(() => movedAtMs.push([database, clock.nowMs()]) > 0, clock, pace),
  )
  for (const rest of rests) rest.noteCall()
  clock.pass(REST_MS + PACE_MS + 10)
  rests[2]?.noteCall()
  clock.pass(10_000)
  assert.deepEqual(movedAtMs, [
    [0, REST_MS],
    [1, REST_MS + PACE_MS],
    [3, REST_MS + 3 * PACE_MS],
    [2, REST_MS + 4 * PACE_MS],
  ])
})
