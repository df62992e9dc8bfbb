/** Levels as clients write them. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { consistencyHint, formatConsistency, parseConsistency } from './consistency.ts'
import type { Consistency } from './session.ts'

const WRITTEN: readonly (readonly [string, Consistency])[] = [
  ['linearizable', { level: 'linearizable' }],
  [' Linearizable ', { level: 'linearizable' }],
  ['session', { level: 'session' }],
  ['session 18446744073709551615', { level: 'session', index: 2n ** 64n - 1n }],
  ['stale', { level: 'stale' }],
  ['stale 500ms', { level: 'stale', maxStalenessMs: 500 }],
  ['stale 500', { level: 'stale', maxStalenessMs: 500 }],
  ['STALE 1.5 s', { level: 'stale', maxStalenessMs: 1500 }],
  ['stale 2min', { level: 'stale', maxStalenessMs: 120_000 }],
  ['stale 0ms', { level: 'stale', maxStalenessMs: 0 }],
]

for (const [text, level] of WRITTEN)
  test(`${JSON.stringify(text)} is read, and written so that it is read again`, () => {
    assert.deepEqual(parseConsistency(text, 'x'), level)
    assert.deepEqual(parseConsistency(formatConsistency(level), 'x'), level)
  })

for (const text of [
  '',
  'strong',
  'session -1',
  'session x',
  'session 18446744073709551616',
  'stale -1ms',
  'stale 5h',
  'stale 1e9',
  'linearizable 5',
])
  test(`${JSON.stringify(text)} is refused, with what it could be`, () => {
    assert.throws(() => parseConsistency(text, 'The header x-harmonydb-consistency'), {
      code: 'REQUEST_INVALID',
      message:
        /The header x-harmonydb-consistency is ".*"; it must be linearizable, session, .* such as stale 500ms/,
    })
  })

const HINTS: readonly (readonly [string, Consistency | null])[] = [
  ['/* harmonydb: stale 500ms */ SELECT 1', { level: 'stale', maxStalenessMs: 500 }],
  ['  \n/*HarmonyDB:session 7*/SELECT 1', { level: 'session', index: 7n }],
  ['SELECT 1 /* harmonydb: session */', { level: 'session' }],
  ['SELECT 1 /* harmonydb: session */ ;\n', { level: 'session' }],
  ["SELECT 1 /*traceparent='00-5bd6'*/", null],
  ['/* about: stale */ SELECT 1', null],
  ['SELECT 1', null],
  ['', null],
  ['*/', null],
  // Only in front and behind: in between it could be a part of anything.
  ["SELECT '/* harmonydb: stale */' FROM t", null],
  ["SELECT 1 /* harmonydb: stale */ WHERE 'a' = 'a'", null],
]

for (const [sql, level] of HINTS)
  test(`a comment with a level: ${JSON.stringify(sql)}`, () => assert.deepEqual(consistencyHint(sql), level))

test('a comment with a level that can not be read is no comment that is passed over', () => {
  assert.throws(() => consistencyHint('/* harmonydb: stael */ SELECT 1'), {
    code: 'REQUEST_INVALID',
    message: /stael/,
  })
})

test('a comment at the end of a long text is found, one in the middle is not', () => {
  const long = 'x'.repeat(1_000_000)
  assert.equal(consistencyHint(`SELECT '${long}' /* harmonydb: stale */`)?.level, 'stale')
  assert.equal(consistencyHint(`SELECT 1 /* harmonydb: stale */, '${long}'`), null)
})
