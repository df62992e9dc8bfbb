import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LatencyRecorder, percentile } from './latency.ts'

test('percentiles by nearest rank', () => {
  const values = Float64Array.from({ length: 1000 }, (_, at) => at + 1)
  assert.equal(percentile(values, 0.5), 500)
  assert.equal(percentile(values, 0.99), 990)
  assert.equal(percentile(values, 0.999), 999)
  assert.equal(percentile(Float64Array.of(7), 0.5), 7)
  assert.ok(Number.isNaN(percentile(new Float64Array(), 0.5)))
})

test('a recorder keeps all values, however many come, in any order', () => {
  const recorder = new LatencyRecorder()
  for (let value = 100_000; value > 0; value--) recorder.record(value)
  assert.equal(recorder.count, 100_000)
  assert.deepEqual(recorder.latencies(), { p50Ms: 50_000, p99Ms: 99_000, p999Ms: 99_900, maxMs: 100_000 })
})
