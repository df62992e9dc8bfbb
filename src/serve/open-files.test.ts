import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slots } from '../base/slots.ts'
import { connectionSlots } from './open-files.ts'

test('a fifth of the files that the process may open is left for the database', () => {
  assert.equal(connectionSlots(1000).max, 800)
  assert.equal(connectionSlots(Infinity).max, Infinity)
  assert.ok(connectionSlots().max > 100)
})

test('a slot that was given back can be taken again', () => {
  const slots = new Slots(2)
  assert.deepEqual([slots.take(), slots.take(), slots.take()], [true, true, false])
  slots.give()
  assert.deepEqual([slots.take(), slots.take()], [true, false])
})
