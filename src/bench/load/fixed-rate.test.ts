import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runFixedRate } from './fixed-rate.ts'
import { LatencyRecorder } from './latency.ts'
import type { LoadRun } from './load-run.ts'

function runWith(operate: () => Promise<void>, clients: number, milliseconds: number): LoadRun {
  const measureFromMs = performance.now()
  return {
    clients: Array.from({ length: clients }, () => operate),
    recorder: new LatencyRecorder(),
    window: { measureFromMs, endMs: measureFromMs + milliseconds },
  }
}

test('whoever had to wait because of one slow operation is charged for it', async () => {
  const stallMs = 200
  let isFirst = true
  const operate = (): Promise<void> => {
    if (!isFirst) return Promise.resolve()
    isFirst = false
    const untilMs = performance.now() + stallMs
    while (performance.now() < untilMs);
    return Promise.resolve()
  }
  const run = runWith(operate, 1, 400)
  const unanswered = await runFixedRate(run, 100)
  assert.equal(unanswered, 0)
  assert.ok(run.recorder.count >= 40)
  // 20 operations were due during the stall; in a closed loop only the first would show it.
  assert.ok(run.recorder.latencies().p50Ms < stallMs)
  const slow = run.recorder.latencies()
  assert.ok(slow.p99Ms >= stallMs - 20, `p99 is ${slow.p99Ms} ms`)
})
