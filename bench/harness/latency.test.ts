import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LatencyRecorder, medianRound, percentile } from './latency.ts'

test('percentile() is the nearest rank', () => {
  const values = Float64Array.from({ length: 100 }, (_, index) => index + 1)
  assert.equal(percentile(values, 0.5), 50)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile(values, 0.999), 100)
  assert.ok(Number.isNaN(percentile(new Float64Array(0), 0.5)))
})

test('LatencyRecorder counts every operation, also beyond its first buffer', () => {
  const recorder = new LatencyRecorder()
  for (let index = 0; index < 100_000; index += 1) recorder.record(index % 10)
  const result = recorder.result(2000)
  assert.equal(result.operations, 100_000)
  assert.equal(result.perSecond, 50_000)
  assert.equal(result.p50Ms, 4)
})

test('medianRound() quotes a round that was measured', () => {
  const rounds = [30, 10, 20].map((perSecond) => ({
    operations: 1,
    durationMs: 1,
    perSecond,
    p50Ms: 1,
    p99Ms: 1,
    p999Ms: 1,
  }))
  assert.equal(medianRound(rounds).perSecond, 20)
})
