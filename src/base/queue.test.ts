import { test } from 'node:test'
import assert from 'node:assert/strict'
import { BoundedQueue } from './queue.ts'

test('first in, first out, over many turns of the ring', () => {
  const queue = new BoundedQueue<number>(1000)
  const seen: number[] = []
  let next = 0
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < 7; count++) queue.push(next++)
    for (let count = 0; count < 5; count++) seen.push(queue.shift() as number)
  }
  seen.push(...queue.drain())
  assert.deepEqual(
    seen,
    Array.from({ length: next }, (_, index) => index),
  )
  assert.equal(queue.shift(), undefined)
})

test('refuses what is over the bound and takes it again when there is room', () => {
  const queue = new BoundedQueue<string>(2)
  assert.equal(queue.push('a') && queue.push('b'), true)
  assert.equal(queue.push('c'), false)
  assert.equal(queue.length, 2)
  assert.equal(queue.shift(), 'a')
  assert.equal(queue.push('c'), true)
  assert.deepEqual(queue.drain(), ['b', 'c'])
})
