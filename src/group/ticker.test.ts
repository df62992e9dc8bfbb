import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ManualClock } from './testing/manual-clock.ts'
import { Ticker } from './ticker.ts'

class Ticking {
  needsTicks = true
  ticks = 0
  tick(): void {
    this.ticks++
  }
}

test('a pause of the process is one tick, not many: nobody takes it for the silence of a leader', () => {
  const clock = new ManualClock()
  const ticker = new Ticker(clock, 50, () => false)
  const group = new Ticking()
  ticker.update(group)
  clock.advance(5_000)
  assert.equal(group.ticks, 1)
  clock.advance(49)
  assert.equal(group.ticks, 1)
  clock.advance(1)
  assert.equal(group.ticks, 2)
})

test('one timer for all that are awake, and none when all are asleep', () => {
  const clock = new ManualClock()
  const ticker = new Ticker(clock, 50, () => false)
  const groups = Array.from({ length: 100 }, () => new Ticking())
  for (const group of groups) ticker.update(group)
  assert.equal(clock.alarmCount, 1)
  for (const group of groups) {
    group.needsTicks = false
    ticker.update(group)
  }
  clock.advance(50)
  assert.equal(clock.alarmCount, 0)
  assert.ok(groups.every(({ ticks }) => ticks === 0))
})

test('it goes on while something is watched, and stops for good when it is told', () => {
  const clock = new ManualClock()
  let isWatching = true
  const ticker = new Ticker(clock, 50, () => isWatching)
  const group = new Ticking()
  ticker.update(group)
  group.needsTicks = false
  ticker.update(group)
  clock.advance(50)
  assert.equal(clock.alarmCount, 1)
  isWatching = false
  clock.advance(50)
  assert.equal(clock.alarmCount, 0)
  ticker.stop()
  group.needsTicks = true
  ticker.update(group)
  assert.equal(clock.alarmCount, 0)
})
