import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LATENCY_BUCKETS_MS, LatencyHistogram } from './histogram.ts'

test('counts each duration in the first bucket that holds it', () => {
  const histogram = new LatencyHistogram()
  for (const durationMs of [0.01, 0.05, 0.06, 1e9]) histogram.record(durationMs)
  const data = histogram.data()
  assert.deepEqual(data.counts.slice(0, 3), [2, 1, 0])
  assert.equal(data.counts[LATENCY_BUCKETS_MS.length], 1)
  assert.deepEqual([data.count, data.maxMs], [4, 1e9])
})
