import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scatter, Zipfian } from './distributions.ts'
import { LoadRandom } from './random.ts'

const DRAWS = 200_000

function shares(zipfian: Zipfian, random: LoadRandom, count: number): number[] {
  const found = Array.from({ length: count }, () => 0)
  for (let draw = 0; draw < DRAWS; draw++) {
    const rank = zipfian.rank(random)
    found[rank] = (found[rank] ?? 0) + 1
  }
  return found.map((times) => times / DRAWS)
}

test('ranks are as often asked for as Zipf says: the k-th in proportion to 1 / k^0.99', () => {
  const count = 1000
  const zeta = Array.from({ length: count }, (_, at) => 1 / (at + 1) ** 0.99).reduce((a, b) => a + b)
  const found = shares(new Zipfian(count), new LoadRandom(1), count)
  for (const rank of [0, 1]) {
    const expected = 1 / (rank + 1) ** 0.99 / zeta
    assert.ok(
      Math.abs((found[rank] ?? 0) / expected - 1) < 0.05,
      `rank ${rank}: ${found[rank]}, not ${expected}`,
    )
  }
  const ofFirstTenth = found.slice(0, 100).reduce((a, b) => a + b)
  const expected = Array.from({ length: 100 }, (_, at) => 1 / (at + 1) ** 0.99 / zeta).reduce((a, b) => a + b)
  assert.ok(Math.abs(ofFirstTenth - expected) < 0.03, `${ofFirstTenth}, not ${expected}`)
})

test('a distribution that has grown is the one of its new size', () => {
  const grown = new Zipfian(10)
  grown.grow(500)
  assert.deepEqual(shares(grown, new LoadRandom(3), 500), shares(new Zipfian(500), new LoadRandom(3), 500))
})

test('scattered ordinals differ from each other and from their neighbours', () => {
  const found = new Set(Array.from({ length: 10_000 }, (_, ordinal) => scatter(ordinal)))
  assert.equal(found.size, 10_000)
})

test('random numbers are the same for the same seed, and spread evenly', () => {
  const [one, same] = [new LoadRandom(7), new LoadRandom(7)]
  const counts = Array.from({ length: 10 }, () => 0)
  for (let draw = 0; draw < 10_000; draw++) {
    const value = one.integer(10)
    assert.equal(same.integer(10), value)
    counts[value] = (counts[value] ?? 0) + 1
  }
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${count} of 1,000`)
  assert.equal(one.text(37).length, 37)
})
