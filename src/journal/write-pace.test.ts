import { test } from 'node:test'
import assert from 'node:assert/strict'
import { WritePace } from './write-pace.ts'

function quick(pace: WritePace, count: number): void {
  for (let write = 0; write < count; write++) pace.record(0.2, pace.mayBlock(512))
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
  pace.record(6, true)
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

test('where writes here take long on the average, they are left to other threads for a good while', () => {
  const pace = new WritePace()
  quick(pace, 200)
  for (let write = 0; write < 100; write++) pace.record(1, pace.mayBlock(512))
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 900)
  assert.equal(pace.mayBlock(512), false)
  quick(pace, 300)
  assert.equal(pace.mayBlock(512), true)
})

test('how long writes take by way of other threads tells nothing about the average', () => {
  const pace = new WritePace()
  for (let write = 0; write < 100; write++) pace.record(3, false)
  assert.equal(pace.mayBlock(512), true)
})
