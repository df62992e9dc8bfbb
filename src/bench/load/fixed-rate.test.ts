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
  let p50Ms = Infinity
  // A machine that is busy may stall as well, and then all are charged. Not each time.
  for (let left = 20; left > 0 && p50Ms >= STALL_MS; left--) p50Ms = await medianBesideStall()
  // In a closed loop only the first would show the stall, and here by far not all.
  assert.ok(p50Ms < STALL_MS, `the median is ${p50Ms} ms`)
})

const STALL_MS = 200

/** Of 40 operations within 400 ms, of which the first one takes 200. */
async function medianBesideStall(): Promise<number> {
  let isFirst = true
  const operate = (): Promise<void> => {
    if (!isFirst) return Promise.resolve()
    isFirst = false
    const untilMs = performance.now() + STALL_MS
    while (performance.now() < untilMs);
    return Promise.resolve()
  }
  const run = runWith(operate, 1, 400)
  const unanswered = await runFixedRate(run, 100)
  assert.equal(unanswered, 0)
  assert.ok(run.recorder.count >= 40)
  const { p50Ms, p99Ms } = run.recorder.latencies()
  // 20 operations were due during the stall.
  assert.ok(p99Ms >= STALL_MS - 20, `p99 is ${p99Ms} ms`)
  return p50Ms
}
