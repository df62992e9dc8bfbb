import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EventQueue, SECOND } from './event-queue.ts'
import { CALM_DISK, SimulatedDisk } from './disk.ts'
import type { DiskOptions } from './disk.ts'
import { Random } from './random.ts'

function setUp(options: Partial<DiskOptions> = {}, seed: number | string = 1) {
  const queue = new EventQueue()
  const disk = new SimulatedDisk<number>(queue, new Random(seed), { ...CALM_DISK, ...options })
  return { queue, disk }
}

test('a batch is durable when it is done, and not before its sync', () => {
  const { queue, disk } = setUp()
  let done = false
  disk.write([1, 2, 3], () => (done = true))
  while (disk.contents.length < 3) queue.step()
  assert.equal(disk.durableCount, 0)
  assert.equal(done, false)
  queue.runUntil(SECOND)
  assert.equal(done, true)
  assert.equal(disk.durableCount, 3)
  disk.crash()
  assert.deepEqual(disk.contents, [1, 2, 3])
})

test('overlapping syncs end in any order, and a later one covers the earlier batch', () => {
  const orders = new Set<string>()
  for (let seed = 0; seed < 50; seed += 1) {
    const { queue, disk } = setUp({}, seed)
    const order: string[] = []
    disk.write([1], () => {
      order.push('a')
      assert.ok(disk.durableCount >= 1)
    })
    disk.write([2], () => {
      order.push('b')
      assert.equal(disk.durableCount, 2)
    })
    queue.runUntil(SECOND)
    orders.add(order.join(''))
  }
  assert.deepEqual([...orders].sort(), ['ab', 'ba'])
})

test('without overlapping syncs batches end in order', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const { queue, disk } = setUp({ overlappingSyncs: false }, seed)
    const order: number[] = []
    for (const batch of [1, 2, 3, 4]) disk.write([batch], () => order.push(batch))
    queue.runUntil(SECOND)
    assert.deepEqual(order, [1, 2, 3, 4])
  }
})

test('a crash keeps what was synced and any part of the rest, never what was not written', () => {
  const found = { lost: false, all: false, part: false, torn: false, hole: false }
  for (let seed = 0; seed < 400; seed += 1) {
    const { queue, disk } = setUp({}, `crash ${seed}`)
    disk.write([1, 2], () => {})
    queue.runUntil(SECOND)
    disk.write([3, 4, 5], () => assert.fail('done after the crash'))
    while (disk.contents.length < 4) queue.step()
    disk.crash()
    queue.runUntil(2 * SECOND)
    const rest = disk.contents.slice(2)
    assert.deepEqual(disk.contents.slice(0, 2), [1, 2])
    assert.ok(!rest.includes(5))
    if (rest.length === 0) found.lost = true
    if (rest[0] === 3 && rest[1] === 4) found.all = true
    if (rest[0] === 3 && rest.length === 1) found.part = true
    if (rest.at(-1) === null) found.torn = true
    if (rest[0] === null && rest[1] === 4) found.hole = true
  }
  assert.deepEqual(found, { lost: true, all: true, part: true, torn: true, hole: true })
})

test('a reader cuts off what it can not use, and goes on writing there', () => {
  const { queue, disk } = setUp()
  disk.write([1, 2, 3], () => {})
  queue.runUntil(SECOND)
  disk.truncate(1)
  disk.write([9], () => {})
  queue.runUntil(2 * SECOND)
  assert.deepEqual(disk.contents, [1, 9])
  assert.equal(disk.durableCount, 2)
})

test('a stalled disk does nothing until the stall ends', () => {
  const { queue, disk } = setUp()
  let done = 0
  disk.write([1], () => (done += 1))
  disk.write([2], () => (done += 1))
  disk.stall()
  queue.runUntil(10 * SECOND)
  assert.equal(done, 0)
  disk.unstall()
  queue.runUntil(11 * SECOND)
  assert.equal(done, 2)
})

test('a crash can be set between two given writes', () => {
  const { queue, disk } = setUp()
  disk.write([1, 2, 3], () => assert.fail('done after the crash'))
  disk.crashAfterWrites(2, () => {
    assert.equal(disk.contents.length, 2)
    disk.crash()
  })
  queue.runUntil(SECOND)
  assert.ok(disk.contents.length <= 3)
  assert.ok(!disk.contents.includes(3))
})

test('a batch without sync is done when it is written, and a crash may lose it', () => {
  const fates = new Set<number>()
  for (let seed = 0; seed < 50; seed += 1) {
    const { queue, disk } = setUp({}, `no sync ${seed}`)
    let done = false
    disk.write([1, 2], () => (done = true), 'unsynced')
    queue.runUntil(SECOND)
    assert.equal(done, true)
    assert.equal(disk.durableCount, 0)
    disk.crash()
    fates.add(disk.contents.length)
  }
  assert.ok(fates.has(0) && fates.has(2))
})

test('where a sync covers only its own batch, a later one that ends first proves nothing for the earlier', () => {
  const seen = { holeBeforeSynced: false, inOrderWaited: false }
  for (let seed = 0; seed < 100; seed += 1) {
    const { queue, disk } = setUp({ syncCoversEarlier: false }, `own batch ${seed}`)
    const order: string[] = []
    disk.write([1], () => order.push('a'))
    disk.write([2], () => order.push('b'))
    disk.write(
      [3],
      () => {
        order.push('c')
        assert.equal(disk.durableCount, 3)
      },
      'in-order',
    )
    while (order.length === 0) queue.step()
    if (order[0] === 'b') {
      assert.equal(disk.durableCount, 0)
      const probe = setUp({ syncCoversEarlier: false }, `own batch ${seed}`)
      probe.disk.write([1], () => {})
      probe.disk.write([2], () => probe.disk.crash())
      probe.queue.runUntil(SECOND)
      if (probe.disk.contents[0] === null && probe.disk.contents[1] === 2) seen.holeBeforeSynced = true
    }
    queue.runUntil(SECOND)
    assert.equal(disk.durableCount, 3)
    if (order.at(-1) === 'c') seen.inOrderWaited = true
  }
  assert.deepEqual(seen, { holeBeforeSynced: true, inOrderWaited: true })
})
