import { test } from 'node:test'
import assert from 'node:assert/strict'
import {
  newReplica,
  nextStamp,
  request,
  statement,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'

test('a retry gets the outcome of the first try, rows included, and does nothing', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, r DEFAULT (random()), x)')
  const insert = request(
    [
      statement('INSERT INTO t (x) VALUES (?) RETURNING *', new Uint8Array([1])),
      'SELECT 1.5, NULL, x FROM t',
    ],
    { key: 'k' },
  )
  const [first] = leader.submit(insert)
  const [second] = leader.submit(insert)
  assert.equal(first?.kind, 'committed')
  assert.deepEqual(second, first)
  assert.deepEqual(leader.run('SELECT count(*) FROM t'), [[1n]])
})

test('the same key twice in one batch is applied once', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const insert = request(['INSERT INTO t VALUES (1)'], { key: 'k' })
  const [first, second] = leader.submit(insert, insert)
  assert.deepEqual(second, first)
  assert.deepEqual(leader.run('SELECT count(*) FROM t'), [[1n]])
})

test('a request that failed may be tried again with its key', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const bad = request(['INSERT INTO missing VALUES (1)'], { key: 'k' })
  assert.equal(leader.submit(bad)[0]?.kind, 'failed')
  assert.equal(leader.submit(request(['INSERT INTO t VALUES (1)'], { key: 'k' }))[0]?.kind, 'committed')
})

test('every replica knows the outcome, so that a new leader can answer', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  const insert = request(['INSERT INTO t VALUES (1) RETURNING a + 1, random()', 'SELECT count(*) FROM t'], {
    key: 'k',
  })
  const [first] = leader.submit(insert)
  const replica = newReplica(folder)
  replica.replay(leader.log)
  const again = replica.executeBatch([insert], nextStamp())
  assert.deepEqual(again.kind === 'settled' && again.outcomes, [first])
})

test('a key is forgotten when its time in the log is over', (context) => {
  const leader = new TestLeader(temporaryFolder(context), 'leader', {
    limits: { idempotencyLifetimeMs: 3_500 },
  })
  leader.run('CREATE TABLE t (a)')
  const insert = request(['INSERT INTO t VALUES (1)'], { key: 'k' })
  leader.submit(insert, insert)
  assert.deepEqual(leader.run('SELECT count(*) FROM _harmony_idempotency'), [[1n]])
  for (let i = 0; i < 4; i++) leader.run('INSERT INTO t VALUES (2)')
  assert.deepEqual(leader.run('SELECT count(*) FROM _harmony_idempotency'), [[0n]])
  leader.submit(insert)
  assert.deepEqual(leader.run('SELECT count(*) FROM t WHERE a = 1'), [[2n]])
})

test('a large outcome is remembered without its rows', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const insert = request(['INSERT INTO t VALUES (zeroblob(400000)) RETURNING a'], { key: 'k' })
  const [first, second] = [leader.submit(insert)[0], leader.submit(insert)[0]]
  assert.equal(first?.results[0]?.rows.length, 1)
  assert.ok(second?.kind === 'committed' && first.kind === 'committed')
  assert.deepEqual(second.results[0]?.rows, [])
  assert.equal(second.results[0]?.changes, 1n)
  assert.equal(second.index, first.index)
})
