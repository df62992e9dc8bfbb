import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Clock } from '../host/clock.ts'
import { Gathering } from './gathering.ts'

/** Time stands still unless it is told otherwise; turns are those of the event loop. */
class TestClock implements Clock {
  ms = 1_000

  nowMs(): number {
    return this.ms
  }

  wallTimeMs(): number {
    return this.ms
  }

  soon(callback: () => void): void {
    setImmediate(callback)
  }

  after(): never {
    throw new Error('no timers')
  }
}

function newGathering(): { clock: TestClock; gathering: Gathering } {
  const clock = new TestClock()
  return { clock, gathering: new Gathering(clock) }
}

/** One client after the other, with time between an answer and the next request. */
function batchesOfOne(gathering: Gathering, clock: TestClock, count: number): void {
  for (let batch = 0; batch < count; batch++) {
    clock.ms += 1
    gathering.arrived()
    gathering.committed(1, 0)
  }
}

test('a client that is alone waits for nobody', () => {
  const { clock, gathering } = newGathering()
  batchesOfOne(gathering, clock, 100)
  assert.equal(gathering.isAlone, true)
  assert.equal(gathering.isWorthATry(), false)
})

test('who comes right behind an answer is another client, even where nobody was seen waiting', () => {
  const { clock, gathering } = newGathering()
  batchesOfOne(gathering, clock, 100)
  gathering.arrived()
  assert.equal(gathering.isAlone, false)
  gathering.committed(1, 0)
  assert.equal(gathering.isWorthATry(), true)
  batchesOfOne(gathering, clock, 20)
  assert.equal(gathering.isAlone, true, 'the other one has gone')
})

test('those who sent theirs while a batch was at work are the crowd, with those who were in it', async () => {
  const { gathering } = newGathering()
  gathering.committed(3, 0)
  // Five are read in the next turn, and those three come back one a turn.
  const seen = [5, 6, 7, 8]
  let turn = -1
  const thereCount = (): number => seen[Math.min(++turn, 3)] ?? 0
  await gathering.begin(thereCount)
  assert.equal(turn, 0, 'the first are there')
  while (await gathering.goOn(thereCount));
  assert.equal(turn, 3, 'it has waited for those who were answered')
  gathering.end()
  assert.equal(gathering.isWorthATry(), true, 'and will again')
})

test('who heard before the commit may be back already, and is nobody else', async () => {
  const { clock, gathering } = newGathering()
  gathering.committed(3, 0, clock.ms)
  // Two of the three are there in the next turn; the last one comes later.
  const seen = [2, 2, 3, 9]
  let turn = -1
  const thereCount = (): number => seen[++turn] ?? 9
  await gathering.begin(thereCount)
  while (await gathering.goOn(thereCount));
  assert.equal(turn, 2, 'all three are there: nobody else is waited for')
})

test('the next request of a lone client, sent while its last was committed, makes no crowd', () => {
  const { clock, gathering } = newGathering()
  for (let batch = 0; batch < 100; batch++) {
    clock.ms += 1
    gathering.arrived()
    const answeredAtMs = clock.ms
    clock.ms += 0.05
    gathering.committed(1, 0, answeredAtMs)
    // It is read in the same moment in which the batch is over.
    gathering.arrived()
  }
  assert.equal(gathering.isAlone, true)
})

test('where they do not come back it is tried less and less often', async () => {
  const { gathering } = newGathering()
  const pauses: number[] = []
  for (let round = 0; round < 4; round++) {
    gathering.committed(8, 0)
    let pause = 0
    while (!gathering.isWorthATry()) pause++
    pauses.push(pause)
    await gathering.begin(() => 0)
    gathering.end()
  }
  assert.deepEqual(pauses, [0, 2, 4, 8])
})

test('a crowd makes large batches anyway', () => {
  const { gathering } = newGathering()
  gathering.committed(64, 100)
  assert.equal(gathering.isWorthATry(), false)
})
