import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Random } from './random.ts'

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.uint32())

test('the same seed gives the same stream, another seed another one', () => {
  assert.deepEqual(draw(new Random(7), 100), draw(new Random(7), 100))
  assert.notDeepEqual(draw(new Random(7), 100), draw(new Random(8), 100))
})

test('a fork depends on seed and label, not on what its parent has drawn', () => {
  const fresh = new Random(7)
  const used = new Random(7)
  draw(used, 1000)
  assert.deepEqual(draw(fresh.fork('disk'), 20), draw(used.fork('disk'), 20))
  assert.notDeepEqual(draw(fresh.fork('disk'), 20), draw(fresh.fork('network'), 20))
  assert.notDeepEqual(draw(fresh.fork('disk').fork('1'), 20), draw(fresh.fork('disk').fork('2'), 20))
})

test('integers stay in their bounds, reach both, and are about equally likely', () => {
  const random = new Random('integers')
  const counts = new Map<number, number>()
  for (let round = 0; round < 60_000; round += 1) {
    const value = random.integer(1, 6)
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  assert.deepEqual(
    [...counts.keys()].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6],
  )
  for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 500, `count ${count}`)
})

test('chance and exponential keep their means', () => {
  const random = new Random('means')
  let hits = 0
  let sum = 0
  for (let round = 0; round < 50_000; round += 1) {
    if (random.chance(0.3)) hits += 1
    sum += random.exponential(20)
  }
  assert.ok(Math.abs(hits / 50_000 - 0.3) < 0.01)
  assert.ok(Math.abs(sum / 50_000 - 20) < 0.5)
  assert.equal(random.chance(0), false)
  assert.equal(random.chance(1), true)
})

test('shuffled keeps the items and leaves its argument alone', () => {
  const items = [1, 2, 3, 4, 5, 6, 7, 8]
  const shuffled = new Random(3).shuffled(items)
  assert.deepEqual(items, [1, 2, 3, 4, 5, 6, 7, 8])
  assert.deepEqual(
    shuffled.toSorted((a, b) => a - b),
    items,
  )
  assert.throws(() => new Random(1).pick([]), RangeError)
})
