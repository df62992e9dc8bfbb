import { test } from 'node:test'
import assert from 'node:assert/strict'
import { classifyStatement } from './statement-class.ts'

test('what no schema could make a read is a write', () => {
  for (const text of [
    'INSERT INTO t VALUES (1)',
    '/* x */ delete from t',
    'create table t (x)',
    'VACUUM',
    'REPLACE INTO t',
  ])
    assert.deepEqual(classifyStatement(text), { kind: 'write' }, text)
  for (const text of [
    'SELECT 1',
    'WITH x AS (SELECT 1) DELETE FROM t',
    'PRAGMA user_version = 1',
    'EXPLAIN INSERT',
    'VALUES (1)',
  ])
    assert.deepEqual(classifyStatement(text), { kind: 'unknown' }, text)
})

const CONTROLS: readonly (readonly [text: string, control: object])[] = [
  ['BEGIN', { type: 'begin', mode: 'deferred' }],
  ['; -- x\n; BEGIN;', { type: 'begin', mode: 'deferred' }],
  ['begin exclusive transaction', { type: 'begin', mode: 'immediate' }],
  ['BEGIN TRANSACTION READONLY', { type: 'begin', mode: 'readonly' }],
  ['END;', { type: 'commit' }],
  ['ROLLBACK TO SAVEPOINT "My Name"', { type: 'rollback_to', name: 'My Name' }],
  ['release s', { type: 'release', name: 's' }],
  ['PRAGMA foreign_keys', { type: 'foreign_keys', value: null }],
  ['PRAGMA main.foreign_keys(yes)', { type: 'foreign_keys', value: true }],
  ['PRAGMA foreign_keys = 2', { type: 'foreign_keys', value: true }],
  ['PRAGMA foreign_keys = nonsense', { type: 'foreign_keys', value: false }],
  ['PRAGMA defer_foreign_keys = on', { type: 'defer_foreign_keys', value: true }],
]

for (const [text, control] of CONTROLS)
  test(`control: ${text}`, () => assert.deepEqual(classifyStatement(text), { kind: 'control', control }))

test('one statement is expected', () => {
  assert.throws(() => classifyStatement(' ; -- x'), { code: 'SQL_NO_STATEMENT' })
  assert.throws(() => classifyStatement('SELECT 1; BEGIN'), { code: 'SQL_MANY_STATEMENTS' })
})

test('what stands behind a NUL character, where SQLite ends, is not dropped in silence', () => {
  assert.throws(() => classifyStatement('DELETE FROM t \0 WHERE a = 1'), {
    code: 'SQL_PARSE_ERROR',
    message: /NUL/,
  })
})

test('semicolons in front of a statement hide nothing', () => {
  assert.deepEqual(classifyStatement(";VACUUM INTO 'x'"), { kind: 'write' })
})
