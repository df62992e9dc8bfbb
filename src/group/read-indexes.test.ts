import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Clock, Timer } from '../host/clock.ts'
import { ReadIndexes } from './read-indexes.ts'

/** Turns and milliseconds pass when the test says so. */
class TestClock implements Clock {
  #nowMs = 0
  #turn: (() => void)[] = []
  readonly #timers = new Set<{ readonly atMs: number; readonly action: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  wallTimeMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, action }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  soon(action: () => void): void {
    this.#turn.push(action)
  }

  turn(): void {
    for (const action of this.#turn.splice(0)) action()
  }

  pass(milliseconds: number): void {
    this.#nowMs += milliseconds
    for (const timer of this.#timers) {
      if (timer.atMs <= this.#nowMs && this.#timers.delete(timer)) timer.action()
    }
  }

  get timers(): number {
    return this.#timers.size
  }
}

function open(): { clock: TestClock; asked: number[]; reads: ReadIndexes } {
  const clock = new TestClock()
  const asked: number[] = []
  const reads = new ReadIndexes({
    clock,
    ask: (context) => asked.push(context) > 0,
    toError: () => new Error('no leader'),
  })
  return { clock, asked, reads }
}

test('reads of one turn are one request', async () => {
  const { clock, asked, reads } = open()
  const both = Promise.all([reads.request(100), reads.request(100)])
  clock.turn()
  assert.deepEqual(asked, [1])
  reads.answered(1, 7)
  assert.deepEqual(await both, [7, 7])
})

test('reads that come while an answer is under way share the next request, and never that answer: it may be older than what they must see', async () => {
  const { clock, asked, reads } = open()
  const first = reads.request(100)
  clock.turn()
  const later = [reads.request(100)]
  clock.turn()
  later.push(reads.request(100))
  clock.turn()
  assert.deepEqual(asked, [1])
  reads.answered(1, 7)
  clock.turn()
  assert.deepEqual(asked, [1, 2])
  reads.answered(2, 9)
  assert.equal(await first, 7)
  assert.deepEqual(await Promise.all(later), [9, 9])
  assert.equal(clock.timers, 0)
})

test('an answer that does not come holds up the next request for a millisecond, not more', async () => {
  const { clock, asked, reads } = open()
  const first = reads.request(100)
  clock.turn()
  const second = reads.request(100)
  clock.turn()
  assert.deepEqual(asked, [1])
  clock.pass(1)
  assert.deepEqual(asked, [1, 2])
  reads.answered(2, 9)
  assert.equal(await second, 9)
  reads.answered(1, 7)
  assert.equal(await first, 7)
})

test('a failed request lets the next one go; who waits for it waits for a leader, until its time is over', async () => {
  const { clock, asked, reads } = open()
  const first = reads.request(50)
  clock.turn()
  const second = reads.request(1000)
  reads.failed(1)
  clock.turn()
  assert.deepEqual(asked, [1, 2])
  reads.answered(2, 3)
  assert.equal(await second, 3)
  clock.pass(100)
  clock.turn()
  assert.deepEqual(asked, [1, 2, 3])
  reads.failed(3)
  await assert.rejects(first, /no leader/)
})

test('when all is over nothing waits any more, gathering or asked', async () => {
  const { clock, asked, reads } = open()
  const asking = reads.request(0)
  clock.turn()
  const gathering = reads.request(1000)
  reads.rejectAll(new Error('closed'))
  await assert.rejects(asking, /closed|no leader/)
  await assert.rejects(gathering, /closed/)
  clock.turn()
  clock.pass(1000)
  assert.deepEqual(asked, [1])
  assert.equal(clock.timers, 0)
})
