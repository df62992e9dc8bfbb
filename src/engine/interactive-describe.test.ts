import { test } from 'node:test'
import assert from 'node:assert/strict'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { Description } from './engine.ts'
import {
  newReplica,
  nextStamp,
  RESULT_BYTES_MAX,
  statement,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'

function described(leader: TestLeader, sql: string): Description {
  const outcome = leader.core.describe(sql)
  assert.equal(outcome.kind, 'ok', sql)
  return outcome.description
}

test('a transaction describes statements under the schema that it has made itself, and logs nothing of it', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const run = (sql: string): unknown => {
    const outcome = leader.core.execute(statement(sql), RESULT_BYTES_MAX)
    assert.equal(outcome.kind, 'ok', sql)
    return outcome.result.rows
  }
  run('CREATE TABLE t (a TEXT, b INTEGER)')
  run("INSERT INTO t VALUES ('x', 1), ('y', 2)")
  assert.deepEqual(described(leader, 'SELECT a, b, a || b AS both FROM t WHERE b = :b'), {
    parameters: [':b'],
    columns: [
      { name: 'a', declaredType: 'TEXT' },
      { name: 'b', declaredType: 'INTEGER' },
      { name: 'both', declaredType: null },
    ],
    isExplain: false,
    isReadOnly: true,
  })
  assert.equal(described(leader, "UPDATE t SET a = 'z'").isReadOnly, false)
  assert.equal(described(leader, 'DROP TABLE t').isReadOnly, false)
  assert.equal(described(leader, 'EXPLAIN SELECT 1').isExplain, true)
  const failed = leader.core.describe('SELECT c FROM t')
  assert.equal(failed.kind, 'failed')
  assert.match(failed.error.message, /no such column: c/)
  // What was described did not run, and `changes()` still tells of the INSERT.
  assert.deepEqual(run('SELECT changes(), count(*), max(a) FROM t'), [[2n, 2n, 'y']])
  const prepared = leader.core.prepareCommit()
  assert.equal(prepared.kind, 'pending')
  leader.commit(prepared.payload)
  const replica = newReplica(folder)
  replica.replay(leader.log)
  assert.deepEqual(replica.contentDigest(), leader.core.contentDigest())
})
