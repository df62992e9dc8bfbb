import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget, FREE_BYTES } from './byte-budget.ts'

test('what many hold together is bounded, and what one gives back the next may have', () => {
  const budget = new ByteBudget(1000)
  const [one, other] = [budget.open(), budget.open()]
  assert.equal(one.hold(FREE_BYTES + 600), true)
  assert.equal(other.hold(FREE_BYTES + 401), false)
  assert.equal(other.hold(FREE_BYTES + 400), true)
  assert.equal(budget.heldBytes, 1000)
  one.close()
  assert.equal(other.hold(FREE_BYTES + 1000), true)
  assert.equal(budget.heldBytes, 1000)
})

test('who is refused more keeps what it has', () => {
  const budget = new ByteBudget(1000)
  const one = budget.open()
  one.hold(FREE_BYTES + 900)
  assert.equal(one.hold(FREE_BYTES + 1001), false)
  assert.equal(budget.heldBytes, 900)
  one.close()
  one.close()
  assert.equal(budget.heldBytes, 0)
})

test('small requests take nothing of it', () => {
  const budget = new ByteBudget(0)
  assert.equal(budget.open().hold(FREE_BYTES), true)
  assert.equal(budget.open().hold(FREE_BYTES + 1), false)
})
