import { test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EngineCore } from './engine-core.ts'
import { copyDatabase, copyProblem, readAppliedState } from './snapshot.ts'
import {
  newReplica,
  nextStamp,
  request,
  statement,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'

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

test('nothing is visible, and nothing is left, until the entry is committed', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  const reader = new DatabaseSync(join(folder, 'leader.db'), { readOnly: true })
  const count = (): unknown => reader.prepare('SELECT count(*) AS n FROM t').get()?.['n']
  const batch = leader.core.executeBatch([request(['INSERT INTO t VALUES (1)'])], nextStamp())
  assert.equal(batch.kind, 'pending')
  assert.equal(count(), 0)
  leader.core.rollback()
  leader.run('INSERT INTO t VALUES (2)')
  assert.equal(count(), 1)
  reader.close()
})

test('behind a commit that failed nothing is executed: it would not be what replicas do', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const batch = [request(['INSERT INTO t VALUES (1)'])]
  leader.core.executeBatch(batch, nextStamp())
  assert.throws(() => leader.core.commit(1n, leader.core.applied.index), /applied twice/)
  assert.throws(() => leader.core.executeBatch(batch, nextStamp()), /applied twice/)
  leader.core.rollback()
  assert.throws(() => leader.core.executeBatch(batch, nextStamp()), /applied twice/)
})

test('a failed request tells which statement failed and what the ones before gave', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  const [outcome] = leader.submit(request(['SELECT 1', 'SELECT 2', 'SELECT * FROM missing', 'SELECT 3']))
  assert.ok(outcome?.kind === 'failed')
  assert.equal(outcome.failedStatement, 2)
  assert.deepEqual(
    outcome.results.map(({ rows }) => rows),
    [[[1n]], [[2n]]],
  )
  assert.equal(outcome.error.message, 'no such table: missing')
})

test('requests that only read make no entry and see what is committed', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const batch = leader.core.executeBatch([request(['SELECT count(*) FROM t'])], nextStamp())
  assert.ok(batch.kind === 'settled')
  assert.equal(batch.outcomes[0]?.kind === 'committed' && batch.outcomes[0].index, 1n)
})

test('a result over the limit fails the request', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const small = {
    ...request(['INSERT INTO t VALUES (1)', 'SELECT zeroblob(5000)']),
    resultSizeBytesMax: 1_000,
  }
  const [outcome] = leader.submit(small)
  assert.equal(outcome?.kind === 'failed' && outcome.error.code, 'RESPONSE_TOO_LARGE')
  assert.deepEqual(leader.run('SELECT count(*) FROM t'), [[0n]])
})

test('an entry that would be too long is split between requests', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder, 'leader', { limits: { entryLengthBytesMax: 30_000 } })
  leader.run('CREATE TABLE t (a)')
  const big = request([statement('INSERT INTO t VALUES (?)', new Uint8Array(12_000))])
  assert.ok(leader.submit(big, big, big, big).every(({ kind }) => kind === 'committed'))
  assert.equal(leader.log.length, 3)
})

test('values come back exactly: 64-bit integers, reals, text with NUL, blobs', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  const values = [
    2n ** 63n - 1n,
    -(2n ** 63n),
    9007199254740993n,
    1.5,
    -0,
    1e308,
    Number.NaN,
    'a\0b',
    '\u{1f600}\ud800',
    new Uint8Array([0, 255]),
    null,
    '',
  ]
  for (const value of values) leader.run(statement('INSERT INTO t (a) VALUES (?)', value))
  const rows = leader.run('SELECT a FROM t ORDER BY id').map(([value]) => value)
  assert.deepEqual(rows, [
    2n ** 63n - 1n,
    -(2n ** 63n),
    9007199254740993n,
    1.5,
    -0,
    1e308,
    null,
    'a\0b',
    '\u{1f600}\ufffd',
    new Uint8Array([0, 255]),
    null,
    '',
  ])
  const replica = newReplica(folder)
  replica.replay(leader.log)
  assert.deepEqual(replica.contentDigest(), leader.core.contentDigest())
})

test("Raft's own entries move the index and leave the digest alone", (context) => {
  const replica = newReplica(temporaryFolder(context))
  const before = replica.applied.digest
  replica.replay([{ term: 3n, index: 1n, payload: new Uint8Array(0) }])
  assert.deepEqual(replica.applied, { index: 1n, term: 3n, digest: before })
})

test('a damaged or newer entry is refused, and nothing is applied', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  const entry = leader.log[0]
  assert.ok(entry !== undefined)
  const replica = newReplica(folder)
  for (const length of [1, 5, 20, 40, entry.payload.length - 1])
    assert.throws(() => replica.replay([{ ...entry, payload: entry.payload.slice(0, length) }]), {
      code: 'DATA_CORRUPT',
    })
  const newer = Uint8Array.from(entry.payload)
  newer[0] = 9
  assert.throws(() => replica.replay([{ ...entry, payload: newer }]), { code: 'FORMAT_TOO_NEW' })
  replica.replay([entry])
})

test('an entry replayed after another history is refused', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  leader.run('CREATE TABLE u (a)')
  const replica = newReplica(folder)
  assert.throws(() => replica.replay(leader.log.slice(1)), { code: 'REPLICA_DIVERGED' })
  assert.equal(replica.applied.index, 0n)
})

test('a reopened file has the applied state and goes on', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  const applied = leader.core.applied
  leader.core.close()
  const again = new EngineCore({ database: 'leader', dataFile: join(folder, 'leader.db') })
  assert.deepEqual(again.applied, applied)
})

test('a file of a newer format, or no database at all, is not opened', (context) => {
  const folder = temporaryFolder(context)
  new TestLeader(folder, 'a').core.close()
  const database = new DatabaseSync(join(folder, 'a.db'))
  database.exec('UPDATE _harmony_state SET format = 99')
  database.close()
  const open = (name: string): EngineCore => new EngineCore({ database: name, dataFile: join(folder, name) })
  assert.throws(() => open('a.db'), { code: 'FORMAT_TOO_NEW' })
  writeFileSync(
    join(folder, 'b.db'),
    'this is no database, but it is long enough to look like one'.repeat(100),
  )
  assert.throws(() => open('b.db'), { code: 'DATA_CORRUPT' })
  assert.throws(() => open('missing/c.db'), { code: 'SQLITE_CANTOPEN' })
})

test('a plain SQLite file becomes a database', (context) => {
  const folder = temporaryFolder(context)
  const plain = new DatabaseSync(join(folder, 'leader.db'))
  plain.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
  plain.close()
  const leader = new TestLeader(folder)
  leader.run('INSERT INTO t VALUES (2)')
  assert.deepEqual(leader.run('SELECT a FROM t'), [[1n], [2n]])
})

test('a checkpoint makes the applied state durable, whether readers hold it back or not', (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  const reader = new DatabaseSync(join(folder, 'leader.db'), { readOnly: true })
  reader.exec('BEGIN; SELECT * FROM t')
  leader.run('INSERT INTO t VALUES (1)')
  assert.equal(leader.core.checkpoint().index, 2n)
  reader.close()
  assert.equal(leader.core.checkpoint().index, 2n)
})

test('a snapshot is a copy of what is committed, and is installed in place of a file', async (context) => {
  const folder = temporaryFolder(context)
  const leader = new TestLeader(folder)
  leader.run('CREATE TABLE t (a)')
  leader.run('INSERT INTO t VALUES (1)')
  leader.core.executeBatch([request(['INSERT INTO t VALUES (2)'])], nextStamp())
  const path = join(folder, 'snapshot.db')
  const state = await copyDatabase(join(folder, 'leader.db'), path)
  assert.deepEqual(state, leader.core.applied)
  await assert.rejects(copyDatabase(join(folder, 'leader.db'), path), /exists already/)
  leader.core.rollback()
  const sizeBytes = statSync(path).size
  assert.equal(copyProblem(path, state, sizeBytes), null)
  assert.match(copyProblem(path, { ...state, term: 9n }, sizeBytes) ?? '', /not what was said/)
  assert.match(copyProblem(path, state, sizeBytes + 1) ?? '', /bytes/)
  assert.ok(!existsSync(`${path}-wal`), 'looking at a copy must leave nothing beside it')
  renameSync(path, join(folder, 'replica.db'))
  assert.ok(!existsSync(path))
  assert.deepEqual(readAppliedState(join(folder, 'replica.db')), state)
  const replica = newReplica(folder)
  leader.run('INSERT INTO t VALUES (3)')
  replica.replay(leader.log.slice(-1))
  assert.deepEqual(replica.contentDigest(), leader.core.contentDigest())
})

test('the changed rows of an entry are told, with the tables whose rows are not', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)')
  leader.run('CREATE TABLE loose (a)')
  leader.run('CREATE TRIGGER r AFTER UPDATE ON t BEGIN DELETE FROM t WHERE id = old.id + 1; END')
  assert.equal(leader.results.at(-1)?.changes?.isSchemaChanged, true)
  leader.run("INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, NULL)", 'INSERT INTO loose VALUES (1)')
  leader.run("UPDATE t SET a = 'y' WHERE id = 1")
  const changes = leader.results.at(-2)?.changes
  assert.deepEqual(changes, {
    index: 4n,
    rows: [
      {
        table: 't',
        operation: 'insert',
        isIndirect: false,
        primaryKey: [true, false, false],
        before: null,
        after: [1n, 'x', 1.5],
      },
      {
        table: 't',
        operation: 'insert',
        isIndirect: false,
        primaryKey: [true, false, false],
        before: null,
        after: [2n, null, null],
      },
    ],
    unlistedTables: ['loose'],
    isSchemaChanged: false,
  })
  assert.deepEqual(leader.results.at(-1)?.changes?.rows, [
    {
      table: 't',
      operation: 'update',
      isIndirect: false,
      primaryKey: [true, false, false],
      before: [1n, 'x', undefined],
      after: [undefined, 'y', undefined],
    },
    {
      table: 't',
      operation: 'delete',
      isIndirect: true,
      primaryKey: [true, false, false],
      before: [2n, null, null],
      after: null,
    },
  ])
})
