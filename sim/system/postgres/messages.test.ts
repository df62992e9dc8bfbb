import { test } from 'node:test'
import assert from 'node:assert/strict'
import { message, text } from '../../../test/postgres/raw-client.ts'
import { errorOf, rowOf, scriptOf, statementOf, tagOf } from './messages.ts'

const statement = (sql: string, ...positional: (bigint | string | null)[]) =>
  statementOf({ sql, args: { positional, named: [] } })

test("a workload's statement has numbered parameters, and its level in a comment", () => {
  const asked = { sql: 'SELECT v FROM t WHERE a = ? AND b = ?', args: { positional: [1n, 'x'], named: [] } }
  assert.equal(statementOf(asked).sql, 'SELECT v FROM t WHERE a = $1 AND b = $2')
  const stale = statementOf(asked, { consistency: { level: 'stale', maxStalenessMs: 20 } })
  assert.equal(stale.sql, '/* harmonydb: stale 20ms */ SELECT v FROM t WHERE a = $1 AND b = $2')
  assert.equal(statementOf(asked, { consistency: { level: 'linearizable' } }).sql, statementOf(asked).sql)
})

test('in a simple query values stand in the text', () => {
  const script = scriptOf([
    statement('INSERT INTO t VALUES (?, ?, ?)', 7n, "it's", null),
    statement('COMMIT'),
  ])
  assert.deepEqual(script, message('Q', text("INSERT INTO t VALUES (7, 'it''s', NULL); COMMIT")))
})

test('errors, rows and tags are read', () => {
  const body = Buffer.concat([text('SERROR'), text('C40001'), text('Mretry'), Buffer.from([0])])
  const error = errorOf({ type: 'E', body })
  assert.deepEqual([error.sqlState, error.message], ['40001', 'retry'])
  const row = Buffer.from([0, 2, 0, 0, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff])
  assert.deepEqual(rowOf({ type: 'D', body: row }), ['a', null])
  assert.equal(tagOf({ type: 'C', body: text('SELECT 1') }), 'SELECT 1')
})
