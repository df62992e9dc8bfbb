import { test } from 'node:test'
import assert from 'node:assert/strict'
import { WritePace } from './write-pace.ts'

function quick(pace: WritePace, count: number): void {
  for (let write = 0; write < count; write++) pace.record(0.2)
}

test('writes are made here once the disk has been quick many times in a row', () => {
  const pace = new WritePace()
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 63)
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 1)
  assert.equal(pace.mayBlock(512), true)
})

test('one slow write ends that, until the disk has been quick as often again', () => {
  const pace = new WritePace()
  quick(pace, 1_000)
  pace.record(6)
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 63)
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 1)
  assert.equal(pace.mayBlock(512), true)
})

test('a large write is never made here', () => {
  const pace = new WritePace()
  quick(pace, 64)
  assert.equal(pace.mayBlock(1024 * 1024), false)
})
