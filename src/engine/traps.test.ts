/** What is known to make statement replication unsound, one test for each trap: no replica may tell the difference. */

import { test } from 'node:test'
import type { TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { EngineLimits } from './engine.ts'
import {
  newReplica,
  nextStamp,
  request,
  RESULT_BYTES_MAX,
  statement,
  temporaryFolder,
  TestLeader,
} from './testing/test-leader.ts'

function start(
  context: TestContext,
  limits: Partial<EngineLimits> = {},
): { leader: TestLeader; folder: string } {
  const folder = temporaryFolder(context)
  return { leader: new TestLeader(folder, 'leader', { limits }), folder }
}

/** Replays the whole log on a new replica, which must come out the same. */
function assertReplays(leader: TestLeader, folder: string): void {
  const replica = newReplica(folder, `replica${leader.log.length}`)
  replica.replay(leader.log)
  assert.deepEqual(replica.applied, leader.core.applied)
  assert.deepEqual(replica.contentDigest(), leader.core.contentDigest())
  replica.close()
}

function codes(outcomes: readonly TransactionOutcome[]): string[] {
  return outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.error.code : 'committed'))
}

test('INSERT OR ROLLBACK ends the whole SQLite transaction: the other requests of the batch are run again', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a UNIQUE, b DEFAULT (random()))')
  const outcomes = leader.submit(
    request(['INSERT INTO t (a) VALUES (1) RETURNING b']),
    request(['INSERT OR ROLLBACK INTO t (a) VALUES (1)']),
    request(['INSERT INTO t (a) VALUES (2)']),
  )
  assert.deepEqual(codes(outcomes), ['committed', 'SQLITE_CONSTRAINT_UNIQUE', 'committed'])
  assert.equal(leader.log.length, 3)
  assert.deepEqual(leader.run('SELECT a FROM t'), [[1n], [2n]])
  assert.deepEqual(outcomes[0]?.results[0]?.rows, leader.run('SELECT b FROM t WHERE a = 1'))
  assertReplays(leader, folder)
})

test('requests that end the SQLite transaction again and again make no batch run more than twice', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a UNIQUE)')
  leader.run('INSERT INTO t VALUES (0)')
  const requests = Array.from({ length: 40 }, (_, a) =>
    request([
      a % 2 === 0
        ? statement('INSERT INTO t VALUES (?)', BigInt(a + 1))
        : 'INSERT OR ROLLBACK INTO t VALUES (0)',
    ]),
  )
  const batch = leader.core.executeBatch(requests, nextStamp())
  assert.ok(batch.kind === 'pending')
  assert.equal(batch.taken, 2)
  leader.commit(batch.payload)
  assert.equal(leader.submit(...requests.slice(2)).filter(({ kind }) => kind === 'committed').length, 19)
  assertReplays(leader, folder)
})

test('RAISE(ROLLBACK) in a trigger does the same', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a)')
  leader.run(
    `CREATE TRIGGER r BEFORE INSERT ON t WHEN new.a = 0 BEGIN SELECT RAISE(ROLLBACK, 'no zero'); END`,
  )
  const outcomes = leader.submit(
    request(['INSERT INTO t VALUES (1)']),
    request(['INSERT INTO t VALUES (2)', 'INSERT INTO t VALUES (0)']),
    request(['INSERT INTO t VALUES (3)']),
  )
  assert.deepEqual(codes(outcomes), ['committed', 'SQLITE_CONSTRAINT_TRIGGER', 'committed'])
  assert.deepEqual(leader.run('SELECT a FROM t'), [[1n], [3n]])
  assertReplays(leader, folder)
})

test('a deferred foreign key is checked at COMMIT: such a request runs alone and its failure is the same everywhere', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE p (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)')
  leader.run('CREATE TABLE other (a)')
  const before = leader.log.length
  const outcomes = leader.submit(
    request(['INSERT INTO other VALUES (1)']),
    request(['INSERT INTO c VALUES (7)']),
    request(['INSERT INTO c VALUES (8)', 'INSERT INTO p VALUES (8)']),
    request(['INSERT INTO other VALUES (2)']),
  )
  assert.deepEqual(codes(outcomes), ['committed', 'SQLITE_CONSTRAINT_FOREIGNKEY', 'committed', 'committed'])
  assert.equal(leader.log.length - before, 4)
  assert.deepEqual(leader.run('SELECT p FROM c'), [[8n]])
  assertReplays(leader, folder)
})

test('PRAGMA defer_foreign_keys makes a request one that COMMIT may refuse', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE p (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE c (p REFERENCES p (id))')
  assert.equal(leader.failure('INSERT INTO c VALUES (1)'), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  leader.run('PRAGMA defer_foreign_keys = ON', 'INSERT INTO c VALUES (1)', 'INSERT INTO p VALUES (1)')
  assert.equal(
    leader.failure('PRAGMA defer_foreign_keys = ON', 'INSERT INTO c VALUES (2)'),
    'SQLITE_CONSTRAINT_FOREIGNKEY',
  )
  assert.equal(leader.failure('INSERT INTO c VALUES (3)'), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  assertReplays(leader, folder)
})

test('prepare compiles only the first statement of a text: more than one is refused, not dropped', (context) => {
  const { leader } = start(context)
  assert.equal(leader.failure('CREATE TABLE a (x); CREATE TABLE b (x)'), 'SQL_MANY_STATEMENTS')
  assert.equal(leader.failure(' -- nothing'), 'SQL_NO_STATEMENT')
  assert.equal(leader.failure('SELECT 1 \0 DROP TABLE a'), 'SQL_PARSE_ERROR')
  assert.deepEqual(leader.run("SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')"), [[0n]])
})

test('functions in column defaults take time and chance from the entry', (context) => {
  const { leader, folder } = start(context)
  leader.run(`CREATE TABLE t (a, r DEFAULT (random()), b DEFAULT (randomblob(4)), c DEFAULT CURRENT_TIMESTAMP,
    d DEFAULT (datetime('now', 'subsec')), e DEFAULT (julianday()), f DEFAULT CURRENT_TIME, g DEFAULT CURRENT_DATE)`)
  leader.run('INSERT INTO t (a) VALUES (1), (2)')
  leader.run('INSERT INTO t (a) SELECT a FROM t ORDER BY random()')
  assertReplays(leader, folder)
})

test('functions that differ between members are refused in writes, in triggers and in defaults', (context) => {
  const { leader } = start(context)
  leader.run('CREATE TABLE t (a)')
  assert.equal(leader.failure('INSERT INTO t VALUES (sqlite_version())'), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure('UPDATE t SET a = total_changes()'), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure('CREATE TABLE u (a DEFAULT (sqlite_version()))'), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure('CREATE TABLE u (a DEFAULT ("total_changes"()))'), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(
    leader.failure('CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT sqlite_source_id(); END'),
    'NONDETERMINISTIC_FUNCTION',
  )
  assert.equal(leader.run('SELECT sqlite_version()').length, 1)
})

test('now in a CHECK is refused where it is defined: SQLite would refuse every row, and to verify the file', (context) => {
  const { leader, folder } = start(context)
  const refused = [
    "CREATE TABLE u (a CHECK (a <= datetime('now')))",
    'CREATE TABLE u (a, CONSTRAINT past CHECK (a <= unixepoch()))',
    "CREATE TABLE u (a CHECK (date(a, 'localtime') IS NOT NULL))",
  ]
  for (const sql of refused) assert.equal(leader.failure(sql), 'NONDETERMINISTIC_FUNCTION', sql)
  leader.run(
    `CREATE TABLE u (a DEFAULT CURRENT_TIMESTAMP CHECK (a IS datetime(a)), b DEFAULT (date('now')) CHECK (b > date('2020-01-01')),
      mode CHECK (mode IN ('now', 'utc') OR time(mode) IS NOT NULL))`,
  )
  leader.run('CREATE INDEX ub ON u (date(b))')
  leader.run("INSERT INTO u VALUES (datetime('now'), date('now'), 'now')")
  leader.run("INSERT INTO u (mode) VALUES ('12:00')")
  assertReplays(leader, folder)
  const plain = new DatabaseSync(join(folder, 'leader.db'), { readOnly: true })
  assert.deepEqual({ ...plain.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  plain.close()
})

test('now in an index or a generated column is refused, as SQLite refuses it', (context) => {
  const { leader } = start(context)
  leader.run('CREATE TABLE t (a)')
  assert.equal(leader.failure("CREATE INDEX i ON t (date('now'))"), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure('CREATE INDEX i ON t (a) WHERE a > unixepoch()'), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure("CREATE TABLE u (a, b AS (date(a, 'localtime')))"), 'NONDETERMINISTIC_FUNCTION')
  assert.equal(leader.failure('CREATE INDEX i ON t (random())'), 'SQLITE_ERROR')
  leader.run("CREATE TABLE v (a DEFAULT (date('now')), b AS (date(a)))")
  leader.run('CREATE INDEX i ON t (date(a))')
})

test('a replica with another number of rows in a table without a primary key is noticed', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a)')
  leader.run('INSERT INTO t VALUES (1), (2)')
  const replica = newReplica(folder)
  replica.replay(leader.log)
  replica.close()
  tamper(folder, 'DELETE FROM t WHERE a = 2')
  leader.run('UPDATE t SET a = a + 1')
  const tampered = newReplica(folder)
  assert.throws(() => tampered.replay(leader.log.slice(-1)), { code: 'REPLICA_DIVERGED' })
})

test('a replica with another value in a table without a primary key has another content digest', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a)')
  leader.run('INSERT INTO t VALUES (1), (2)')
  newReplica(folder).replay(leader.log)
  tamper(folder, 'UPDATE t SET a = 3 WHERE a = 2')
  assert.notDeepEqual(newReplica(folder).contentDigest(), leader.core.contentDigest())
})

test('a row with NULL in its primary key, left out of changesets, is counted', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (k TEXT PRIMARY KEY, v)')
  leader.run('INSERT INTO t VALUES (NULL, 1), (NULL, 2)')
  newReplica(folder).replay(leader.log)
  tamper(folder, 'DELETE FROM t WHERE v = 2')
  leader.run('UPDATE t SET v = v + 1 WHERE k IS NULL')
  assert.throws(() => newReplica(folder).replay(leader.log.slice(-1)), { code: 'REPLICA_DIVERGED' })
})

function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, 'replica.db'), { defensive: false })
  database.exec(sql)
  database.close()
}

test('a tampered row is noticed by the first entry that touches it, and nothing of that entry is applied', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE account (id INTEGER PRIMARY KEY, balance)')
  leader.run('CREATE TABLE quiet (id INTEGER PRIMARY KEY)')
  leader.run('INSERT INTO account VALUES (1, 10), (2, 20)')
  newReplica(folder).replay(leader.log)
  tamper(folder, 'UPDATE account SET balance = 11 WHERE id = 1')
  leader.run('INSERT INTO quiet VALUES (1)', 'UPDATE account SET balance = balance + 1')
  const replica = newReplica(folder)
  assert.throws(
    () => replica.replay(leader.log.slice(-1)),
    (error: Error) =>
      'code' in error &&
      error.code === 'REPLICA_DIVERGED' &&
      /replica of replica differs .* at index 4: the changes of account are not the same/.test(error.message),
  )
  assert.equal(replica.applied.index, 3n)
  assert.deepEqual(
    replica.executeBatch(
      [request(['SELECT balance FROM account', 'SELECT count(*) FROM quiet'])],
      nextStamp(),
    ).kind,
    'settled',
  )
})

test('a statement that changes more rows than may be recorded is uncaptured on every replica alike', (context) => {
  const { leader, folder } = start(context, { capturedRowsMax: 50 })
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO t SELECT i, random() FROM n`
  leader.run(statement(many, 40n))
  assert.equal(leader.results.at(-1)?.changes?.rows.length, 40)
  leader.run('DELETE FROM t')
  leader.run(statement(many, 1_000n), 'INSERT INTO t VALUES (NULL, last_insert_rowid() + changes())')
  assert.deepEqual(leader.results.at(-1)?.changes?.rows, [])
  assert.deepEqual(leader.results.at(-1)?.changes?.unlistedTables, ['t'])
  assert.deepEqual(leader.run('SELECT max(id), max(CASE id WHEN 1001 THEN a END) FROM t'), [[1001n, 2000n]])
  leader.run('UPDATE t SET a = changes()')
  assertReplays(leader, folder)
})

test('DELETE without WHERE is recorded row by row, although SQLite would empty the table in one step', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY)')
  leader.run('INSERT INTO t VALUES (1), (2)')
  leader.run('DELETE FROM t')
  assert.deepEqual(
    leader.results.at(-1)?.changes?.rows.map(({ operation }) => operation),
    ['delete', 'delete'],
  )
  assertReplays(leader, folder)
})

test('foreign_keys is part of a session: requests that differ in it go into entries of their own', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE p (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE c (p REFERENCES p (id))')
  const insert = ['INSERT INTO c VALUES (1)']
  const outcomes = leader.submit(
    request(insert),
    request(insert, { context: { foreignKeys: false } }),
    request(insert),
  )
  assert.deepEqual(codes(outcomes), [
    'SQLITE_CONSTRAINT_FOREIGNKEY',
    'committed',
    'SQLITE_CONSTRAINT_FOREIGNKEY',
  ])
  assertReplays(leader, folder)
})

test('full-text and spatial indexes are in the digest and not in the feed', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE VIRTUAL TABLE f USING fts5(body)')
  leader.run('CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)')
  leader.run("INSERT INTO f VALUES ('some text')", 'INSERT INTO r VALUES (1, 2, 3)')
  const changes = leader.results.at(-1)?.changes
  assert.deepEqual(changes?.rows, [])
  assert.deepEqual(changes?.unlistedTables, ['f', 'r'])
  newReplica(folder).replay(leader.log)
  tamper(folder, "UPDATE f_data SET block = x'00' WHERE id = 1")
  assert.notDeepEqual(newReplica(folder).contentDigest(), leader.core.contentDigest())
  assertReplays(leader, folder)
})

test('a look into the vocabulary of a full-text index makes it write what it held back: replicas look too', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE VIRTUAL TABLE f USING fts5(body)')
  leader.run('CREATE VIRTUAL TABLE v USING fts5vocab(f, row)')
  leader.run("INSERT INTO f VALUES ('one')", 'SELECT * FROM v', "INSERT INTO f VALUES ('two')")
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  for (const sql of ["INSERT INTO f VALUES ('three')", 'SELECT * FROM v', "INSERT INTO f VALUES ('four')"]) {
    assert.equal(leader.core.execute(statement(sql), RESULT_BYTES_MAX).kind, 'ok')
  }
  const prepared = leader.core.prepareCommit()
  assert.ok(prepared.kind === 'pending')
  leader.commit(prepared.payload)
  assertReplays(leader, folder)
})

test('rowids that SQLite would choose at random are refused, and explicit ones are not', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  leader.run('CREATE TABLE hidden (a)')
  leader.run(statement('INSERT INTO t VALUES (?, 1)', 2n ** 63n - 1n))
  leader.run(statement('INSERT INTO t VALUES (?, 2)', -(2n ** 63n)))
  assert.equal(leader.failure('INSERT INTO t (a) VALUES (3)'), 'STATEMENT_REFUSED')
  assert.equal(
    leader.failure('INSERT INTO hidden (rowid) VALUES (9223372036854775807), (NULL)'),
    'STATEMENT_REFUSED',
  )
  leader.run('INSERT INTO hidden (rowid) VALUES (9223372036854775807)')
  assert.deepEqual(
    codes(
      leader.submit(request(['INSERT INTO hidden VALUES (1)']), request(['INSERT INTO t VALUES (5, 5)'])),
    ),
    ['STATEMENT_REFUSED', 'committed'],
  )
  leader.run('DELETE FROM t WHERE id > 100')
  leader.run('INSERT INTO t (a) VALUES (4)')
  assertReplays(leader, folder)
})

test('statistics are what the file says, whatever was analyzed and rolled back', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a, b)')
  leader.run('CREATE INDEX ta ON t (a)')
  leader.run('CREATE INDEX tb ON t (b)')
  leader.run('ANALYZE')
  const plan = (): unknown => leader.run('EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1 AND b = 1')
  const before = plan()
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  for (let i = 0n; i < 200n; i++) {
    leader.core.execute(statement('INSERT INTO t VALUES (?, ?)', i % 2n, i), RESULT_BYTES_MAX)
  }
  leader.core.execute(statement('ANALYZE'), RESULT_BYTES_MAX)
  leader.core.rollback()
  assert.deepEqual(plan(), before)
  assert.equal(leader.failure("UPDATE sqlite_stat1 SET stat = '1 1'"), 'STATEMENT_REFUSED')
  assertReplays(leader, folder)
})

test('EXPLAIN of a write, which resets changes(), does so on replicas too', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a, b DEFAULT (changes()))')
  leader.run(
    'INSERT INTO t (a) VALUES (1), (2), (3)',
    'EXPLAIN DELETE FROM t',
    'INSERT INTO t (a) VALUES (4)',
  )
  assertReplays(leader, folder)
})

test('last_insert_rowid() and changes() are those of the session, in statements, defaults and triggers', (context) => {
  const { leader, folder } = start(context)
  leader.run(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DEFAULT (last_insert_rowid()), c DEFAULT (changes()))',
  )
  leader.run('CREATE TABLE log (what, n, m)')
  leader.run(`CREATE TRIGGER r AFTER INSERT ON t BEGIN
    INSERT INTO log VALUES ('before', last_insert_rowid(), changes()); INSERT INTO log VALUES ('after', last_insert_rowid(), changes());
  END`)
  const [one, two] = leader.submit(
    request(['INSERT INTO t (a) VALUES (1), (2) RETURNING b, c'], {
      context: { lastInsertRowid: 70n, changes: 7n },
    }),
    request(
      [
        'SELECT last_insert_rowid(), changes()',
        'INSERT OR IGNORE INTO t (id) VALUES (1)',
        'SELECT last_insert_rowid(), changes()',
      ],
      {
        context: { lastInsertRowid: 80n, changes: 8n, totalChanges: 800n },
      },
    ),
  )
  assert.deepEqual(one?.results[0]?.rows[0], [70n, 7n])
  assert.ok(one?.kind === 'committed')
  assert.equal(one.context.lastInsertRowid, 2n)
  assert.equal(one.context.changes, 2n)
  assert.equal(one.context.totalChanges, 6n)
  assert.deepEqual(
    two?.results.map(({ rows }) => rows[0]),
    [[80n, 8n], undefined, [80n, 0n]],
  )
  assert.equal(two?.results[1]?.lastInsertRowid, 80n)
  assertReplays(leader, folder)
})

test('log time never goes back, whatever the clocks of leaders do', (context) => {
  const { leader, folder } = start(context)
  leader.run("CREATE TABLE t (a DEFAULT (unixepoch('now', 'subsec')))")
  leader.run('INSERT INTO t DEFAULT VALUES')
  const batch = leader.core.executeBatch([request(['INSERT INTO t DEFAULT VALUES'])], {
    timeMs: 1,
    seed: new Uint8Array(16),
  })
  assert.ok(batch.kind === 'pending')
  leader.commit(batch.payload)
  const rows = leader.run('SELECT a FROM t')
  assert.deepEqual(rows[0], rows[1])
  assertReplays(leader, folder)
})

test('OR FAIL keeps what it did before it failed, and so do replicas', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a UNIQUE)')
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const failed = leader.core.execute(
    statement('INSERT OR FAIL INTO t VALUES (1), (2), (1), (3)'),
    RESULT_BYTES_MAX,
  )
  assert.equal(failed.kind === 'failed' && failed.error.code, 'SQLITE_CONSTRAINT_UNIQUE')
  const prepared = leader.core.prepareCommit()
  assert.ok(prepared.kind === 'pending')
  leader.commit(prepared.payload)
  assert.deepEqual(leader.run('SELECT a FROM t'), [[1n], [2n]])
  assertReplays(leader, folder)
})

test('a virtual table whose shadow tables took names under the reserved prefix does no harm', (context) => {
  const folder = temporaryFolder(context)
  new TestLeader(folder).core.close()
  const plain = new DatabaseSync(join(folder, 'leader.db'))
  plain.exec('CREATE VIRTUAL TABLE _harmony USING rtree(id, low, high); CREATE TABLE t (a)')
  plain.close()
  const leader = new TestLeader(folder)
  const outcome = leader.submit(
    request(
      ['INSERT INTO t VALUES (last_insert_rowid() + changes())', 'INSERT INTO _harmony VALUES (9, 1, 2)'],
      {
        context: { lastInsertRowid: 50n, changes: 2n },
      },
    ),
  )[0]
  assert.equal(outcome?.kind, 'committed')
  leader.run('ALTER TABLE _harmony RENAME TO boxes')
  assert.deepEqual(leader.run('SELECT a, id FROM t, boxes'), [[52n, 9n]])
  leader.core.close()
})

test('last_insert_rowid() is primed where nothing asks for changes()', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  leader.submit(
    request(['INSERT INTO t (a) VALUES (last_insert_rowid())'], { context: { lastInsertRowid: 50n } }),
    request(['INSERT OR IGNORE INTO t (id) VALUES (1)', 'UPDATE t SET a = a + last_insert_rowid()'], {
      context: { lastInsertRowid: 60n },
    }),
  )
  assert.deepEqual(leader.run('SELECT a FROM t'), [[110n]])
  assertReplays(leader, folder)
})

test('what a failed request drew and changed leaves no trace in the requests after it', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b DEFAULT (random()))')
  leader.run('CREATE TABLE u (id INTEGER PRIMARY KEY, b DEFAULT (random()))')
  const manyRows = `INSERT INTO t (a) VALUES ${Array.from({ length: 1_000 }, (_, a) => `(${a})`).join(', ')}`
  leader.submit(
    request(['INSERT INTO u DEFAULT VALUES']),
    // Makes the session's hash table grow on the leader alone, and with it the order of its changeset.
    request([manyRows, 'INSERT INTO t (a) VALUES (5)']),
    ...Array.from({ length: 100 }, (_, a) =>
      request([statement('INSERT INTO t (id, a) VALUES (?, ?)', BigInt(a) * 104_729n, BigInt(a % 80))]),
    ),
    request(['INSERT INTO u DEFAULT VALUES']),
  )
  assertReplays(leader, folder)
})

test('foreign keys that a failed request has deferred are not deferred for the next one', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE p (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE c (p REFERENCES p (id))')
  const outcomes = leader.submit(
    request(['PRAGMA defer_foreign_keys = ON', 'SELECT * FROM missing']),
    request(['INSERT INTO c VALUES (1)']),
    request(['INSERT INTO p VALUES (2)']),
  )
  assert.deepEqual(codes(outcomes), ['SQLITE_ERROR', 'SQLITE_CONSTRAINT_FOREIGNKEY', 'committed'])
  assertReplays(leader, folder)
})

test('a PRAGMA that SQLite carries out when it compiles it is not carried out outside the log', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE p (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE c (p REFERENCES p (id))')
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  leader.core.describe('PRAGMA defer_foreign_keys = ON')
  leader.core.execute(statement('PRAGMA defer_foreign_keys = ON', 1n), RESULT_BYTES_MAX)
  const failed = leader.core.execute(statement('INSERT INTO c VALUES (1)'), RESULT_BYTES_MAX)
  assert.equal(failed.kind === 'failed' && failed.error.code, 'SQLITE_CONSTRAINT_FOREIGNKEY')
  leader.core.execute(statement('INSERT INTO p VALUES (1)'), RESULT_BYTES_MAX)
  const prepared = leader.core.prepareCommit()
  assert.ok(prepared.kind === 'pending')
  leader.commit(prepared.payload)
  assertReplays(leader, folder)
})

test('what tells of the member and not of the data can not be written', (context) => {
  const { leader } = start(context)
  leader.run('CREATE TABLE t (a)')
  for (const source of [
    'pragma_database_list',
    'pragma_compile_options',
    'pragma_page_count',
    'dbstat',
    '_harmony_state',
  ]) {
    assert.equal(leader.failure(`INSERT INTO t SELECT 1 FROM ${source}`), 'NONDETERMINISTIC_FUNCTION', source)
    assert.ok(leader.run(`SELECT 1 FROM ${source}`).length > 0, source)
  }
  leader.run("INSERT INTO t SELECT name FROM pragma_table_info('t')")
})

test('limits of a member hold for its clients and not for the log', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a)')
  leader.run(statement('INSERT INTO t VALUES (?)', 'x'.repeat(10_000)))
  leader.run(`INSERT INTO t VALUES ('${'y'.repeat(10_000)}')`)
  const small = newReplica(folder, 'small', {
    limits: {
      rowLengthBytesMax: 1_000,
      sqlLengthBytesMax: 1_000,
      entryLengthBytesMax: 1_000,
      capturedRowsMax: 1,
    },
  })
  small.replay(leader.log)
  assert.deepEqual(small.applied, leader.core.applied)
  const refused = small.executeBatch([request(['INSERT INTO t VALUES (hex(zeroblob(900)))'])], nextStamp())
  assert.ok(refused.kind === 'settled' && refused.outcomes[0]?.kind === 'failed')
  assert.equal(refused.outcomes[0].error.code, 'SQLITE_TOOBIG')
})

test('a value that fits no SQLite type is refused before anything is logged', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE t (a)')
  leader.core.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  const outcome = leader.core.execute(statement('INSERT INTO t VALUES (?)', 2n ** 63n), RESULT_BYTES_MAX)
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'ARGS_INVALID')
  leader.core.execute(statement('INSERT INTO t VALUES (1)'), RESULT_BYTES_MAX)
  const prepared = leader.core.prepareCommit()
  assert.ok(prepared.kind === 'pending')
  leader.commit(prepared.payload)
  assertReplays(leader, folder)
})

test('names beyond ASCII are compared as SQLite compares them', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE VIRTUAL TABLE ÄÖ USING fts5(body)')
  leader.run('CREATE VIRTUAL TABLE ÜV USING fts5vocab(ÄÖ, row)')
  leader.run("INSERT INTO ÄÖ VALUES ('one')", 'SELECT * FROM ÜV', "INSERT INTO ÄÖ VALUES ('two')")
  leader.run('CREATE TABLE É (a)')
  leader.run('INSERT INTO É VALUES (1)')
  assert.deepEqual(leader.results.at(-1)?.changes?.unlistedTables, ['É'])
  assertReplays(leader, folder)
})

test('what a statement reaches depends on the session, and so does what is known of it', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE a (id INTEGER PRIMARY KEY)')
  leader.run('CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a (id) ON DELETE CASCADE)')
  leader.run('CREATE TABLE c (b REFERENCES b (id) DEFERRABLE INITIALLY DEFERRED)')
  leader.run(
    'INSERT INTO a VALUES (1), (2)',
    'INSERT INTO b VALUES (1, 1), (2, 2)',
    'INSERT INTO c VALUES (2)',
  )
  const remove = 'DELETE FROM a WHERE id = ?'
  leader.submit(request([statement(remove, 9n)], { context: { foreignKeys: false } }))
  const outcomes = leader.submit(
    request(['INSERT INTO b VALUES (5, 1)']),
    request([statement(remove, 2n)]),
    request([statement(remove, 1n)]),
  )
  assert.deepEqual(codes(outcomes), ['committed', 'SQLITE_CONSTRAINT_FOREIGNKEY', 'committed'])
  assertReplays(leader, folder)
})

test('columns are added to strict tables and with checks, for which SQLite itself looks through the rows', (context) => {
  const { leader, folder } = start(context)
  leader.run('CREATE TABLE strict (a INTEGER) STRICT', 'CREATE TABLE plain (a)')
  leader.run('INSERT INTO strict VALUES (1)', 'INSERT INTO plain VALUES (1)')
  leader.run("ALTER TABLE strict ADD COLUMN b TEXT NOT NULL DEFAULT 'x'")
  leader.run('ALTER TABLE plain ADD COLUMN b CHECK (b IS NULL OR b > 0)')
  const outcomes = leader.submit(
    request(['ALTER TABLE plain ADD COLUMN c NOT NULL DEFAULT 0 CHECK (c > 0)']),
    request(["ALTER TABLE strict ADD COLUMN c INTEGER DEFAULT 'no number'"]),
    request(['INSERT INTO plain (a) SELECT quick_check FROM pragma_quick_check']),
  )
  assert.deepEqual(codes(outcomes), ['SQLITE_ERROR', 'SQLITE_ERROR', 'NONDETERMINISTIC_FUNCTION'])
  assertReplays(leader, folder)
})
