import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EventQueue, MILLISECOND, SECOND } from './event-queue.ts'
import { CALM_NETWORK, SimulatedNetwork } from './network.ts'
import type { NetworkOptions } from './network.ts'
import { PARTITION_SHAPES, drawApart, drawPartition } from './partitions.ts'
import { Random } from './random.ts'

interface Arrival {
  readonly from: number
  readonly to: number
  readonly message: number
  readonly atUs: number
}

function setUp(options: Partial<NetworkOptions>, seed = 1) {
  const queue = new EventQueue()
  const arrivals: Arrival[] = []
  const network = new SimulatedNetwork<number>(
    queue,
    new Random(seed),
    { ...CALM_NETWORK, ...options },
    (from, to, message) => arrivals.push({ from, to, message, atUs: queue.nowUs }),
  )
  const run = (): number[] => {
    queue.runUntil(queue.nowUs + 100 * SECOND)
    return arrivals.map(({ message }) => message)
  }
  return { queue, network, arrivals, run }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('a calm network delivers everything once, after the least delay, and lets messages overtake', () => {
  const { network, arrivals, run } = setUp({})
  for (const message of range(500)) network.send(1, 2, message)
  const order = run()
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    range(500),
  )
  assert.notDeepEqual(order, range(500))
  assert.ok(arrivals.every(({ atUs }) => atUs >= CALM_NETWORK.delayMinUs))
})

test('an ordered network keeps the order of each path', () => {
  const { network, run } = setUp({ ordered: true })
  for (const message of range(500)) network.send(1, 2, message)
  assert.deepEqual(run(), range(500))
})

test('loss and duplication happen at their rates', () => {
  const { network, run } = setUp({
    lossProbability: 0.2,
    duplicateProbability: 0.1,
    duplicateDelayMeanUs: SECOND,
  })
  for (const message of range(10_000)) network.send(1, 2, message)
  const arrived = run()
  assert.ok(Math.abs(new Set(arrived).size - 8000) < 200)
  assert.ok(Math.abs(arrived.length - 8800) < 250)
  assert.equal(network.counts.lost + network.counts.delivered - network.counts.duplicated, 10_000)
})

test('a cut path drops in one direction only, also what was under way', () => {
  const { network, arrivals, run } = setUp({})
  network.send(1, 2, 0)
  network.cut(1, 2)
  network.send(1, 2, 1)
  network.send(2, 1, 2)
  assert.deepEqual(run(), [2])
  assert.equal(arrivals[0]?.from, 2)
  network.mend(1, 2)
  network.send(1, 2, 3)
  assert.deepEqual(run(), [2, 3])
})

test('a clog holds its path back and no other', () => {
  const { queue, network, arrivals, run } = setUp({ clogProbability: 1, clogMeanUs: 10 * SECOND })
  network.send(1, 2, 0)
  network.setOptions(CALM_NETWORK)
  network.send(1, 2, 1)
  network.send(1, 3, 2)
  queue.runUntil(50 * MILLISECOND)
  assert.deepEqual(
    arrivals.map(({ message }) => message),
    [2],
  )
  assert.deepEqual(
    run().toSorted((a, b) => a - b),
    [0, 1, 2],
  )
})

test('a full path drops', () => {
  const { network, run } = setUp({ pathCapacity: 3 })
  for (const message of range(10)) network.send(1, 2, message)
  assert.equal(run().length, 3)
  assert.equal(network.counts.overflowed, 7)
})

function arrivalsOf(seed: number): Arrival[] {
  const { network, arrivals, run } = setUp({ lossProbability: 0.1, duplicateProbability: 0.1 }, seed)
  for (const message of range(200)) network.send(1, 1 + (message % 5), message)
  run()
  return arrivals
}

test('the same seed gives the same arrivals', () => {
  assert.deepEqual(arrivalsOf(5), arrivalsOf(5))
  assert.notDeepEqual(arrivalsOf(5), arrivalsOf(6))
})

test('every partition cuts something and never a member from itself; one-way ones cut no path both ways', () => {
  const random = new Random('partitions')
  for (const shape of PARTITION_SHAPES) {
    for (let round = 0; round < 200; round += 1) {
      const members = range(random.integer(2, 7))
      const oneWay = random.chance(0.5)
      const paths = drawPartition(random, members, shape, oneWay)
      const names = new Set(paths.map(([from, to]) => `${from}>${to}`))
      assert.ok(paths.length > 0)
      for (const [from, to] of paths) {
        assert.notEqual(from, to)
        assert.equal(names.has(`${to}>${from}`), !oneWay)
      }
    }
  }
  assert.deepEqual(drawPartition(random, [1], 'uniform-size', false), [])
})

test('leaders set apart never hear each other, and everybody is on one side', () => {
  const random = new Random('apart')
  for (let round = 0; round < 200; round += 1) {
    const names = new Set(drawApart(random, [1, 2, 3, 4, 5], 2, 4).map(([from, to]) => `${from}>${to}`))
    assert.ok(names.has('2>4') && names.has('4>2'))
    for (const member of [1, 3, 5]) {
      assert.notEqual(names.has(`${member}>2`), names.has(`${member}>4`))
      assert.equal(names.has(`${member}>2`), names.has(`2>${member}`))
    }
  }
})
