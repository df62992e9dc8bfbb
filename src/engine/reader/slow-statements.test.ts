import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlowStatements } from './slow-statements.ts'

const SQL = 'SELECT 1'

/** Runs of `SQL`, each with what it took. */
function judge(): {
  readonly slow: SlowStatements
  readonly run: (durationMs: number, cpuMs: number, diskWaits?: number) => void
  readonly pass: (ms: number) => void
} {
  let nowMs = 0
  let done = { cpuMs: 0, diskWaits: 0 }
  const slow = new SlowStatements(
    20,
    10,
    () => done,
    () => nowMs,
  )
  return {
    slow,
    run(durationMs, cpuMs, diskWaits = 0) {
      const before = slow.watch(SQL)
      done = { cpuMs: done.cpuMs + cpuMs, diskWaits: done.diskWaits + diskWaits }
      nowMs += durationMs
      slow.ran(SQL, durationMs, before)
    },
    pass(ms) {
      nowMs += ms
    },
  }
}

test('a statement that works long three times in a row is slow', () => {
  const { slow, run } = judge()
  for (let times = 0; times < 3; times++) {
    assert.equal(slow.isSlow(SQL), false)
    run(30, 30)
  }
  assert.equal(slow.isSlow(SQL), true)
  assert.equal(slow.isSlow('SELECT 2'), false)
})

test('one that waits for a processor is not, however long and often', () => {
  const { slow, run } = judge()
  for (let times = 0; times < 20; times++) run(200, 0.1)
  assert.equal(slow.isSlow(SQL), false)
})

test('one that waits for the disk is', () => {
  const { slow, run } = judge()
  for (let times = 0; times < 3; times++) run(30, 0.1, 5)
  assert.equal(slow.isSlow(SQL), true)
})

test('a quick run clears it of all suspicion', () => {
  const { slow, run } = judge()
  run(30, 30)
  run(30, 30)
  run(1, 1)
  run(30, 30)
  assert.equal(slow.isSlow(SQL), false)
})

test('after a while it is tried again, and one more slow run is enough', () => {
  const { slow, run, pass } = judge()
  for (let times = 0; times < 3; times++) run(30, 30)
  pass(29_000)
  assert.equal(slow.isSlow(SQL), true)
  pass(2_000)
  assert.equal(slow.isSlow(SQL), false)
  run(30, 30)
  assert.equal(slow.isSlow(SQL), true)
})
