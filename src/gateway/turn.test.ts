import { test } from 'node:test'
import assert from 'node:assert/strict'
import { turnEnded } from './turn.ts'

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('work that has used up its turn waits for the next one, in which it goes on', async () => {
  await nextTurn()
  await nextTurn()
  assert.equal(turnEnded(), null)
  let turns = 0
  setImmediate(() => turns++)
  // However slow the machine: the turn is over when its time is.
  for (;;) {
    const ended = turnEnded()
    if (ended === null) continue
    await ended
    break
  }
  assert.equal(turns, 1, 'the event loop has turned')
  assert.equal(turnEnded(), null)
})
