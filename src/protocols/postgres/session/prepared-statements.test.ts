import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PreparedStatements } from './prepared-statements.ts'
import type { PreparedStatement } from './prepared.ts'

function prepared(name: string, sql: string): PreparedStatement {
  return { name, sql } as PreparedStatement
}

test('the unnamed statement is found, replaced and deleted as those with names are, and counts for none of them', () => {
  const statements = new PreparedStatements()
  assert.equal(statements.has(''), false)
  statements.set(prepared('', 'SELECT 1'))
  statements.set(prepared('', 'SELECT 2'))
  statements.set(prepared('a', 'SELECT 3'))
  assert.equal(statements.get('')?.sql, 'SELECT 2')
  assert.equal(statements.get('a')?.sql, 'SELECT 3')
  assert.equal(statements.namedCount, 1)
  assert.deepEqual(
    [...statements.named()].map(({ name }) => name),
    ['a'],
  )
  assert.deepEqual(
    [statements.delete(''), statements.delete(''), statements.delete('b')],
    [true, false, false],
  )
  assert.equal(statements.has('a'), true)
})

test('nothing is left when they are cleared', () => {
  const statements = new PreparedStatements()
  statements.set(prepared('', 'SELECT 1'))
  statements.set(prepared('a', 'SELECT 2'))
  statements.clear()
  assert.deepEqual([statements.has(''), statements.has('a'), statements.namedCount], [false, false, 0])
})
