import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EventQueue } from './event-queue.ts'
import { Random } from './random.ts'

test('events happen in order of time, and in order of scheduling at the same time', () => {
  const queue = new EventQueue()
  const random = new Random(1)
  const expected: { time: number; order: number }[] = []
  const seen: { time: number; order: number }[] = []
  for (let order = 0; order < 2000; order += 1) {
    const time = random.integer(0, 300)
    expected.push({ time, order })
    queue.after(time, () => seen.push({ time: queue.nowUs, order }))
  }
  while (queue.step());
  expected.sort((a, b) => a.time - b.time || a.order - b.order)
  assert.deepEqual(seen, expected)
  assert.equal(queue.happened, 2000)
})

test('an event may schedule events, also at its own time', () => {
  const queue = new EventQueue()
  const seen: string[] = []
  queue.after(10, () => {
    seen.push(`a${queue.nowUs}`)
    queue.after(0, () => seen.push(`b${queue.nowUs}`))
    queue.after(5, () => seen.push(`c${queue.nowUs}`))
  })
  queue.after(12, () => seen.push(`d${queue.nowUs}`))
  queue.runUntil(100)
  assert.deepEqual(seen, ['a10', 'b10', 'd12', 'c15'])
  assert.equal(queue.nowUs, 100)
})

test('a cancelled event does not happen', () => {
  const queue = new EventQueue()
  let happened = 0
  const event = queue.after(10, () => (happened += 1))
  const other = queue.after(20, () => (happened += 1))
  event.cancel()
  assert.equal(event.pending, false)
  assert.equal(other.pending, true)
  queue.runUntil(50)
  assert.equal(happened, 1)
  other.cancel()
  assert.equal(queue.step(), false)
})

test('runUntil leaves later events alone', () => {
  const queue = new EventQueue()
  let happened = false
  queue.after(11, () => (happened = true))
  queue.runUntil(10)
  assert.equal(happened, false)
  queue.runUntil(11)
  assert.equal(happened, true)
})

test('time can not go back', () => {
  assert.throws(() => new EventQueue().after(-1, () => {}), RangeError)
  assert.throws(() => new EventQueue().after(Number.NaN, () => {}), RangeError)
})
