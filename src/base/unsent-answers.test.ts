import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnsentAnswers } from './unsent-answers.ts'

test('when answers are too much together, those that wait longest lose their connection', () => {
  const gone: string[] = []
  const answers = new UnsentAnswers(100)
  for (const name of ['a', 'b', 'c']) answers.hold(30, () => gone.push(name))
  assert.equal(gone.length, 0)
  answers.hold(60, () => gone.push('d'))
  assert.deepEqual(gone, ['a', 'b'])
  assert.equal(answers.heldBytes, 90)
})

test('who has taken its answer is not disconnected, nor counted', () => {
  const answers = new UnsentAnswers(100)
  const taken = answers.hold(90, () => assert.fail('it had taken everything'))
  taken()
  taken()
  assert.equal(answers.heldBytes, 0)
  answers.hold(90, () => undefined)
})

test('a single answer of any size has a chance', () => {
  const answers = new UnsentAnswers(100)
  answers.hold(1000, () => assert.fail('it is alone'))
  assert.equal(answers.heldBytes, 1000)
})
