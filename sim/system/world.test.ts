import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Random } from '../random.ts'
import { MachineClock } from './machine-clock.ts'
import { sealTime } from './sealed-time.ts'
import { Process, World } from './world.ts'

function newWorld(): World {
  return new World(new Random('world'), false)
}

test('what promises lead to happens within the event that settled them', async () => {
  const world = newWorld()
  const seen: string[] = []
  const steps = async (name: string): Promise<void> => {
    for (let step = 1; step <= 3; step++) {
      await Promise.resolve()
      seen.push(`${name}${step}`)
    }
  }
  world.after(null, 10, () => void steps('a'))
  world.after(null, 10, () => void steps('b'))
  await world.runUntil(20)
  assert.deepEqual(seen, ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'])
})

test('nothing of a process happens after its end', async () => {
  const world = newWorld()
  const process = new Process(world, 1)
  const clock = new MachineClock(world, process, 1, 0)
  const seen: string[] = []
  clock.after(1, () => seen.push('before'))
  clock.after(3, () => seen.push('after'))
  world.after(null, 2_000, () => process.end())
  await world.runUntil(10_000)
  assert.deepEqual(seen, ['before'])
})

test('a process that was paused does later, in the same order, what it missed', async () => {
  const world = newWorld()
  const process = new Process(world, 1)
  const clock = new MachineClock(world, process, 1, 0)
  const seen: string[] = []
  for (const delayMs of [1, 2, 3, 9]) clock.after(delayMs, () => seen.push(`${delayMs} at ${world.nowUs}`))
  world.after(null, 1_500, () => process.pause())
  world.after(null, 5_000, () => process.resume())
  await world.runUntil(20_000)
  assert.deepEqual(seen, ['1 at 1001', '2 at 5000', '3 at 5000', '9 at 9001'])
})

test('what a process cancels after a pause does not happen, although its time came during the pause', async () => {
  const world = newWorld()
  const process = new Process(world, 1)
  const clock = new MachineClock(world, process, 1, 0)
  const seen: string[] = []
  clock.after(2, () => {
    seen.push('first')
    second.cancel()
  })
  const second = clock.after(3, () => seen.push('second'))
  world.after(null, 1_500, () => process.pause())
  world.after(null, 5_000, () => process.resume())
  await world.runUntil(20_000)
  assert.deepEqual(seen, ['first'])
})

test('a timer never fires early by its own clock, whatever its rate', async () => {
  const world = newWorld()
  for (const rate of [0.9, 1, 1.1, 1.0001]) {
    const clock = new MachineClock(world, new Process(world, 1), rate, 5)
    const dueMs = clock.nowMs() + 7
    clock.after(7, () => assert.ok(clock.nowMs() >= dueMs, `rate ${rate}: ${clock.nowMs()} before ${dueMs}`))
  }
  await world.runUntil(20_000)
})

test('while time is sealed, timers and clocks of the process are simulated, and chance is refused', async () => {
  const world = newWorld()
  const before = [globalThis.setTimeout, Math.random] as const
  const seen: number[] = []
  const unseal = sealTime(world)
  try {
    setTimeout(() => seen.push(performance.now()), 5_000)
    clearTimeout(setTimeout(() => seen.push(-1), 1_000))
    const refreshed = setTimeout(() => seen.push(performance.now()), 2_000)
    setTimeout(() => refreshed.refresh(), 1_500)
    assert.throws(() => Math.random(), /chance must be injected/)
    await world.runUntil(10_000_000)
  } finally {
    unseal()
  }
  assert.deepEqual(seen, [3_500, 5_000])
  assert.equal(globalThis.setTimeout, before[0])
  assert.equal(Math.random, before[1])
  assert.ok(performance.now() > 0)
})
