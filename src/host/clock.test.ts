import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SystemClock, sleep } from './clock.ts'

test('a timer fires not earlier than asked, and not when it was cancelled', async () => {
  const clock = new SystemClock()
  const startMs = clock.nowMs()
  let fired = false
  const timer = clock.after(1, () => (fired = true))
  timer.cancel()
  await sleep(clock, 20)
  assert.equal(fired, false)
  assert.ok(clock.nowMs() - startMs >= 19)
})

test('what is put off runs after what is waiting now', async () => {
  const order: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  new SystemClock().soon(() => {
    order.push('soon')
    resolve()
  })
  await Promise.resolve()
  order.push('now')
  await promise
  assert.deepEqual(order, ['now', 'soon'])
})
