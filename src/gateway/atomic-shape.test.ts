import { test } from 'node:test'
import assert from 'node:assert/strict'
import { NO_ARGUMENTS } from '../base/value.ts'
import { atomicShapeAt } from './atomic-shape.ts'
import type { StatementClass } from './reader.ts'
import type { BatchCondition, BatchStep } from './session.ts'

const BEGIN: StatementClass = { kind: 'control', control: { type: 'begin', mode: 'deferred' } }
const READONLY: StatementClass = { kind: 'control', control: { type: 'begin', mode: 'readonly' } }
const COMMIT: StatementClass = { kind: 'control', control: { type: 'commit' } }
const ROLLBACK: StatementClass = { kind: 'control', control: { type: 'rollback' } }
const PRAGMA: StatementClass = { kind: 'control', control: { type: 'foreign_keys', value: false } }
const WRITE: StatementClass = { kind: 'write' }
const READ: StatementClass = { kind: 'unknown' }

const ok = (step: number): BatchCondition => ({ type: 'ok', step })
const not = (condition: BatchCondition): BatchCondition => ({ type: 'not', condition })
const and = (...conditions: BatchCondition[]): BatchCondition => ({ type: 'and', conditions })
const inside = not({ type: 'is_autocommit' })

type Row = readonly [found: StatementClass | null, condition: BatchCondition | null]

function shapeOf(rows: readonly Row[], at = 0): unknown {
  const steps: BatchStep[] = rows.map(([, condition]) => ({
    statement: { sql: '', args: NO_ARGUMENTS },
    condition,
  }))
  return atomicShapeAt(
    steps,
    rows.map(([found]) => found),
    at,
  )
}

const PLAIN: readonly Row[] = [
  [BEGIN, null],
  [WRITE, ok(0)],
  [READ, ok(1)],
  [COMMIT, ok(2)],
  [ROLLBACK, not(ok(3))],
]

/** PLAIN with one step replaced. */
function changed(at: number, row: Row): readonly Row[] {
  return PLAIN.map((each, index) => (index === at ? row : each))
}

test('the batch of libSQL clients is recognised, with what Hrana 3 adds, and anywhere in a batch', () => {
  assert.deepEqual(shapeOf(PLAIN), { begin: 0, commit: 3 })
  const third = PLAIN.map(([found, condition], at): Row => [
    found,
    condition === null || at === 4 ? condition : and(condition, inside),
  ])
  assert.deepEqual(shapeOf(third), { begin: 0, commit: 3 })
  const later: Row[] = [
    [PRAGMA, null],
    [BEGIN, null],
    [WRITE, ok(1)],
    [COMMIT, ok(2)],
    [ROLLBACK, not(ok(3))],
    [PRAGMA, null],
  ]
  assert.equal(shapeOf(later), null, 'not where it does not begin')
  assert.deepEqual(shapeOf(later, 1), { begin: 1, commit: 3 })
})

const OTHERS: readonly (readonly [why: string, rows: readonly Row[]])[] = [
  ['BEGIN READONLY', changed(0, [READONLY, null])],
  ['no BEGIN', changed(0, [WRITE, null])],
  ['a step that runs in any case', changed(2, [READ, null])],
  ['a step that skips one', changed(2, [READ, ok(0)])],
  ['a step that runs after an error', changed(2, [READ, { type: 'error', step: 1 }])],
  ['a step that runs in autocommit', changed(2, [READ, and(ok(1), { type: 'is_autocommit' })])],
  ['a savepoint inside', changed(2, [{ kind: 'control', control: { type: 'savepoint', name: 's' } }, ok(1)])],
  ['a setting inside', changed(2, [PRAGMA, ok(1)])],
  ['a text that can not be classified', changed(2, [null, ok(1)])],
  ['a COMMIT in any case', changed(3, [COMMIT, null])],
  ['a COMMIT that skips a step', changed(3, [COMMIT, ok(1)])],
  ['a ROLLBACK in any case', changed(4, [ROLLBACK, null])],
  ['a ROLLBACK after another step', changed(4, [ROLLBACK, not(ok(2))])],
  ['no ROLLBACK', PLAIN.slice(0, 4)],
  ['nothing inside', [PLAIN[0] as Row, [COMMIT, ok(0)], [ROLLBACK, not(ok(1))]]],
  ['BEGIN alone', PLAIN.slice(0, 1)],
]

for (const [why, rows] of OTHERS) test(`left alone: ${why}`, () => assert.equal(shapeOf(rows), null))
