import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { DETERMINISTIC_FUNCTIONS, REFUSED_FUNCTIONS } from './function-lists.ts'
import { pragmaRule } from './pragmas.ts'
import { request, statement, temporaryFolder, TestLeader } from './testing/test-leader.ts'

test('someone has thought about every function that this SQLite has', () => {
  const rows = new DatabaseSync(':memory:').prepare('SELECT DISTINCT name FROM pragma_function_list').all()
  const unknown = rows
    .map(({ name }) => String(name))
    .filter((name) => !DETERMINISTIC_FUNCTIONS.has(name) && !REFUSED_FUNCTIONS.has(name))
  assert.deepEqual(unknown, [])
})

test('someone has thought about every PRAGMA that this SQLite has', () => {
  const refused = new Set(['case_sensitive_like', 'cell_size_check', 'checkpoint_fullfsync', 'count_changes', 'default_cache_size',
    'empty_result_callbacks', 'full_column_names', 'fullfsync', 'hard_heap_limit', 'incremental_vacuum', 'short_column_names', 'soft_heap_limit', 'temp_store_directory']) // prettier-ignore
  const rows = new DatabaseSync(':memory:').prepare('SELECT name FROM pragma_pragma_list').all()
  for (const { name } of rows)
    assert.equal(pragmaRule(String(name), null) === 'refused', refused.has(String(name)), String(name))
})

test('what can not be replicated is refused, with a message that names it, and nothing is changed', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  const refusals: readonly [string, string, RegExp][] = [
    ["ATTACH 'x.db' AS x", 'STATEMENT_REFUSED', /ATTACH/],
    ['DETACH x', 'STATEMENT_REFUSED', /DETACH/],
    ["SELECT load_extension('x')", 'SQLITE_ERROR', /not authorized/],
    ["INSERT INTO t VALUES (load_extension('x'))", 'NONDETERMINISTIC_FUNCTION', /load_extension/],
    ['VACUUM', 'STATEMENT_REFUSED', /VACUUM/],
    ["/* x */ vacuum INTO 'copy.db'", 'STATEMENT_REFUSED', /VACUUM/],
    ['CREATE TEMP TABLE x (a)', 'STATEMENT_REFUSED', /Temporary .* x/],
    ['CREATE TABLE temp.x (a)', 'STATEMENT_REFUSED', /Temporary/],
    ['CREATE TEMP VIEW x AS SELECT 1', 'STATEMENT_REFUSED', /Temporary/],
    ['CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END', 'STATEMENT_REFUSED', /Temporary/],
    ['PRAGMA journal_mode = DELETE', 'STATEMENT_REFUSED', /journal_mode/],
    ['PRAGMA writable_schema = ON', 'STATEMENT_REFUSED', /ALTER TABLE/],
    ['PRAGMA recursive_triggers = ON', 'STATEMENT_REFUSED', /recursive_triggers/],
    ['PRAGMA case_sensitive_like(1)', 'STATEMENT_REFUSED', /GLOB/],
    ["SELECT * FROM pragma_user_version, t WHERE 1 = 0 AND ''", 'committed', /./],
    ['CREATE TABLE _harmony_x (a)', 'RESERVED_NAME', /_harmony_x/],
    ['DROP TABLE _harmony_state', 'RESERVED_NAME', /_harmony_state/],
    ['UPDATE _HARMONY_state SET "index" = 0', 'RESERVED_NAME', /state/],
    ['ALTER TABLE t RENAME TO _harmony_y', 'RESERVED_NAME', /_harmony_y/],
    ["ALTER TABLE t RENAME TO '_harmony_y'", 'RESERVED_NAME', /_harmony_y/],
    ["ALTER TABLE t RENAME TO '_HARMONY'", 'RESERVED_NAME', /_HARMONY/],
    ['ALTER TABLE main.t RENAME TO _harmony', 'RESERVED_NAME', /_harmony/],
    [";VACUUM INTO 'copy.db'", 'STATEMENT_REFUSED', /VACUUM/],
    ['CREATE INDEX i ON _harmony_state (term)', 'RESERVED_NAME', /_harmony_state/],
    ['CREATE VIRTUAL TABLE _harmony USING fts5(a)', 'RESERVED_NAME', /_harmony/],
    ['SAVEPOINT _harmony_transaction', 'RESERVED_NAME', /_harmony_transaction/],
    ['ROLLBACK TO _harmony_transaction', 'RESERVED_NAME', /_harmony_transaction/],
    ['INSERT INTO temp._harmony_priming_rowid VALUES (1, 1)', 'RESERVED_NAME', /_harmony_priming_rowid/],
    ['ALTER TABLE t RENAME TO _harmony_priming', 'RESERVED_NAME', /_harmony_priming/],
    ['CREATE VIRTUAL TABLE _harmony_priming USING rtree(a, b, c)', 'RESERVED_NAME', /_harmony_priming/],
    ['CREATE VIRTUAL TABLE x USING dbstat', 'STATEMENT_REFUSED', /dbstat/],
    ['BEGIN', 'TRANSACTION_ACTIVE', /within a transaction/],
    ['COMMIT', 'STATEMENT_REFUSED', /COMMIT/],
    ['ROLLBACK', 'STATEMENT_REFUSED', /ROLLBACK/],
    ["UPDATE sqlite_master SET sql = ''", 'SQLITE_ERROR', /may not be modified/],
    ['DELETE FROM sqlite_stat1', 'SQLITE_ERROR', /no such table/],
  ]
  for (const [sql, code, message] of refusals) {
    const outcome = leader.submit(request([sql]))[0]
    assert.equal(outcome?.kind === 'failed' ? outcome.error.code : outcome?.kind, code, sql)
    if (outcome?.kind === 'failed') assert.match(outcome.error.message, message, sql)
  }
  assert.equal(leader.log.length, 1)
})

test('a string that looks like a reserved name is a value, unless a name stands there', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run("CREATE TABLE t (a DEFAULT '_harmony_y', b CHECK (b NOT IN ('_harmony_a', '_harmony_b')))")
  leader.run("ALTER TABLE t ADD COLUMN c NOT NULL DEFAULT '_harmony_z'")
  leader.run("CREATE VIEW v AS SELECT a FROM t WHERE a LIKE '_harmony_y'")
  leader.run("CREATE INDEX i ON t (a) WHERE a <> '_harmony_y'")
  leader.run("CREATE TRIGGER r AFTER INSERT ON t WHEN new.b IS '_harmony_' BEGIN SELECT '_harmony_x'; END")
  leader.run('INSERT INTO t (b) VALUES (1)')
  assert.deepEqual(leader.run('SELECT a, c FROM t'), [['_harmony_y', '_harmony_z']])
  assert.equal(leader.failure("INSERT INTO t (b) VALUES ('_harmony_a')"), 'SQLITE_CONSTRAINT_CHECK')
  for (const sql of [
    "CREATE TABLE '_harmony_x' (a)",
    "CREATE TABLE main.'_harmony_x' (a)",
    "CREATE TABLE x (a REFERENCES '_harmony_idempotency' (key) ON DELETE CASCADE)",
    "ALTER TABLE t ADD COLUMN x REFERENCES '_harmony_state'",
    "ALTER TABLE t RENAME TO '_harmony_x'",
    "CREATE INDEX '_harmony_i' ON t (a)",
    "CREATE INDEX j ON '_harmony_state' (term)",
    "CREATE TRIGGER x AFTER DELETE ON '_harmony_idempotency' BEGIN SELECT 1; END",
    "CREATE TRIGGER x AFTER DELETE ON t BEGIN DELETE FROM '_harmony_idempotency'; END",
    "CREATE TRIGGER x AFTER DELETE ON t BEGIN INSERT INTO '_harmony_state' VALUES (1); END",
    "CREATE VIRTUAL TABLE x USING fts5(term, content = '_harmony_state')",
  ])
    assert.equal(leader.failure(sql), 'RESERVED_NAME', sql)
  leader.run("CREATE TRIGGER u AFTER DELETE ON t BEGIN UPDATE OR FAIL '_harmony_state' SET term = 0; END")
  assert.equal(leader.failure('DELETE FROM t WHERE b = 1'), 'RESERVED_NAME')
})

test('settings of plain SQLite that mean nothing here are accepted and not done', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  for (const sql of [
    'PRAGMA journal_mode = WAL',
    'PRAGMA synchronous = OFF',
    'PRAGMA busy_timeout = 9',
    'PRAGMA cache_size = 1',
    'PRAGMA optimize',
  ])
    assert.deepEqual(leader.run(sql), [], sql)
  assert.deepEqual(leader.run('PRAGMA journal_mode'), [['wal']])
  assert.equal(leader.log.length, 0)
})

test('what the file says about itself replicates', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('PRAGMA user_version = 7', 'PRAGMA application_id = 8')
  assert.equal(leader.log.length, 1)
  assert.deepEqual(leader.run('PRAGMA user_version'), [[7n]])
  assert.deepEqual(leader.run('SELECT * FROM pragma_application_id'), [[8n]])
})

test('the tables of the engine can be read', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run('CREATE TABLE t (a)')
  assert.deepEqual(leader.run('SELECT "index" FROM _harmony_state'), [[1n]])
})

test('errors of SQLite keep their text and get the name of their extended code', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  leader.run(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b NOT NULL, c CHECK (c > 0), d ANY) STRICT'
      .replace(' a UNIQUE', ' a INT UNIQUE')
      .replace('b NOT', 'b INT NOT')
      .replace('c CHECK', 'c INT CHECK'),
  )
  leader.run('INSERT INTO t VALUES (1, 1, 1, 1, 1)')
  const errors: readonly [string, string, string][] = [
    [
      'INSERT INTO t VALUES (1, 2, 1, 1, 1)',
      'SQLITE_CONSTRAINT_PRIMARYKEY',
      'UNIQUE constraint failed: t.id',
    ],
    ['INSERT INTO t VALUES (2, 1, 1, 1, 1)', 'SQLITE_CONSTRAINT_UNIQUE', 'UNIQUE constraint failed: t.a'],
    [
      'INSERT INTO t VALUES (2, 2, NULL, 1, 1)',
      'SQLITE_CONSTRAINT_NOTNULL',
      'NOT NULL constraint failed: t.b',
    ],
    ['INSERT INTO t VALUES (2, 2, 2, 0, 1)', 'SQLITE_CONSTRAINT_CHECK', 'CHECK constraint failed: c > 0'],
    [
      "INSERT INTO t VALUES (2, 'x', 2, 1, 1)",
      'SQLITE_CONSTRAINT_DATATYPE',
      'cannot store TEXT value in INT column t.a',
    ],
    ['SELECT * FROM missing', 'SQLITE_ERROR', 'no such table: missing'],
    ['SELEC 1', 'SQL_PARSE_ERROR', 'near "SELEC": syntax error'],
    ["SELECT json('{')", 'SQLITE_ERROR', 'malformed JSON'],
  ]
  for (const [sql, code, message] of errors) {
    const outcome = leader.submit(request([sql]))[0]
    assert.deepEqual(
      outcome?.kind === 'failed' ? [outcome.error.code, outcome.error.message] : null,
      [code, message],
      sql,
    )
  }
})

test('arguments that do not fit are refused', (context) => {
  const leader = new TestLeader(temporaryFolder(context))
  assert.equal(leader.failure(statement('SELECT ?')), 'ARGS_INVALID')
  assert.equal(leader.failure(statement('SELECT ?', 1n, 2n)), 'ARGS_INVALID')
  assert.equal(
    leader.failure({ sql: 'SELECT :a', args: { positional: [], named: [['b', 1n]] } }),
    'ARGS_INVALID',
  )
  assert.equal(leader.failure(statement('SELECT ?', 2n ** 64n)), 'ARGS_INVALID')
  assert.deepEqual(
    leader.run({
      sql: 'SELECT :a, @a, ?3',
      args: {
        positional: [],
        named: [
          ['a', 1n],
          ['?3', 2n],
        ],
      },
    }),
    [[1n, 1n, 2n]],
  )
})
