import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Savepoints } from './savepoints.ts'

function withNames(...names: string[]): Savepoints {
  const savepoints = new Savepoints()
  for (const name of names) savepoints.push(name)
  return savepoints
}

test('the most recent savepoint of a name is meant, whatever its case', () => {
  const savepoints = withNames('a', 'b', 'A')
  assert.equal(savepoints.find('a'), 2)
  assert.equal(savepoints.find('B'), 1)
})

test('RELEASE forgets it and those inside; ROLLBACK TO keeps it', () => {
  const released = withNames('a', 'b', 'c')
  released.release(released.find('b'))
  assert.deepEqual(released.names, ['a'])
  const rolledBack = withNames('a', 'b', 'c')
  rolledBack.rollbackTo(rolledBack.find('b'))
  assert.deepEqual(rolledBack.names, ['a', 'b'])
})

test('an unknown name fails with the words of SQLite', () => {
  assert.throws(() => withNames('a').find('b'), { code: 'SQLITE_ERROR', message: 'no such savepoint: b' })
})
