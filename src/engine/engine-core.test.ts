import { test } from 'node:test'
import assert from 'node:assert/strict'
import { newReplica, request, statement, temporaryFolder, TestLeader } from './testing/test-leader.ts'

test('a batch of transactions becomes one entry, and a replica replays it to the same content', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b DEFAULT (random()), c DEFAULT CURRENT_TIMESTAMP)',
  )
  const outcomes = leader.submit(
    request([statement('INSERT INTO t (a) VALUES (?) RETURNING id, a', 1n)]),
    request([statement('INSERT INTO t (a) VALUES (?)', 1n)]),
    request([statement('INSERT INTO t (a) VALUES (?)', 2n), 'SELECT last_insert_rowid(), changes()']),
  )
  assert.equal(leader.log.length, 2)
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.error.code : outcome.index)),
    [2n, 'SQLITE_CONSTRAINT_UNIQUE', 2n],
  )
  assert.deepEqual(outcomes[2]?.results[1]?.rows, [[2n, 1n]])
  const replica = newReplica(folder)
  replica.replay(leader.log)
  assert.deepEqual(replica.applied, leader.core.applied)
  assert.deepEqual(replica.contentDigest(), leader.core.contentDigest())
})
