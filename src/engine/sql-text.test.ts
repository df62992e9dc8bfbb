import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { classify, hasWord, leadingKeywords, splitStatements, statementsOf, tokens } from './sql-text.ts'

const split = (sql: string): string[] => splitStatements(sql).map((statement) => statement.sql)
const kinds = (sql: string): string =>
  [...tokens(sql)].map((token) => `${token.kind}:${sql.slice(token.start, token.end)}`).join(' ')

test('tokens cover the whole text without gaps', () => {
  const sql = `SELECT 'it''s', "a""b", [c d], \`e\`, x'0aF', x'0a', 1.5e-3, .5, 0x1F, 1_000, ?1, :a, @b, $c::d(e), a->>'$.x' -- end
  /* open`
  assert.equal([...tokens(sql)].map((token) => sql.slice(token.start, token.end)).join(''), sql)
})

test('each kind of token is told apart as SQLite does', () => {
  assert.equal(kinds("x'0a'"), "blob:x'0a'")
  assert.equal(kinds("x'0'"), "illegal:x'0'")
  assert.equal(kinds("'open"), "illegal:'open")
  assert.equal(kinds('1a'), 'illegal:1a')
  assert.equal(kinds('1_000.5e+3'), 'number:1_000.5e+3')
  assert.equal(kinds('a->>b'), 'word:a operator:->> word:b')
  assert.equal(kinds('?12:x'), 'parameter:?12 parameter::x')
  assert.equal(kinds('/*'), 'operator:/ operator:*')
  assert.equal(kinds('a$1é'), 'word:a$1é')
})

test('a semicolon ends a statement only outside strings, names and comments', () => {
  assert.deepEqual(
    split(`SELECT ';'; SELECT ";"; SELECT [;]; SELECT \`;\`; SELECT 1 /* ; */ ; -- ;\n SELECT 2`),
    [`SELECT ';'`, 'SELECT ";"', 'SELECT [;]', 'SELECT `;`', 'SELECT 1', 'SELECT 2'],
  )
})

test('a script of spaces, comments and semicolons has no statements', () => {
  assert.deepEqual(split(' ;; -- nothing\n /* here */ ;'), [])
})

test('a trigger body with CASE … END stays one statement', () => {
  const trigger = `CREATE TRIGGER a AFTER INSERT ON t WHEN CASE WHEN 1 THEN 1 END BEGIN
    UPDATE t SET a = CASE WHEN new.a > 1 THEN 2 ELSE 3 END WHERE b = new.b;
    SELECT CASE 1 WHEN 1 THEN 'END;' END;
  END`
  assert.deepEqual(split(`${trigger}; SELECT 1;`), [trigger, 'SELECT 1'])
  assert.deepEqual(split(`CREATE TEMP TRIGGER IF NOT EXISTS begin AFTER DELETE ON t BEGIN SELECT 1; END;x`), [
    'CREATE TEMP TRIGGER IF NOT EXISTS begin AFTER DELETE ON t BEGIN SELECT 1; END',
    'x',
  ])
})

test('a broken CREATE TRIGGER without a body does not swallow what follows', () => {
  assert.deepEqual(split('CREATE TRIGGER a; DROP TABLE t'), ['CREATE TRIGGER a', 'DROP TABLE t'])
})

test('a table named trigger is no trigger', () => {
  assert.deepEqual(split('CREATE TABLE "trigger"(a); BEGIN; SELECT 1; END'), [
    'CREATE TABLE "trigger"(a)',
    'BEGIN',
    'SELECT 1',
    'END',
  ])
})

test('where a statement begins in its script is told', () => {
  assert.deepEqual(splitStatements('  SELECT 1 ; /* x */ SELECT 2'), [
    { sql: 'SELECT 1', start: 2 },
    { sql: 'SELECT 2', start: 21 },
  ])
})

test('what is longer than allowed comes cut and last, without reading on', () => {
  const cut = [...statementsOf(`SELECT 1; SELECT ${'1,'.repeat(1000)}; SELECT 2`, 20)]
  assert.deepEqual(
    cut.map(({ sql }) => sql),
    ['SELECT 1', 'SELECT 1,1,1,1,1,1,1,'],
  )
})

test('SQLite compiles every split statement of a script to its end', () => {
  const database = new DatabaseSync(':memory:')
  const script = `CREATE TABLE t(a DEFAULT ';', b); -- one;
    CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT CASE new.a WHEN ';' THEN 1 END; UPDATE t SET b = 1; END;
    INSERT INTO t(b) VALUES (2); /* ; */ INSERT INTO t VALUES ('x;', "b");`
  const statements = split(script)
  assert.equal(statements.length, 4)
  for (const sql of statements.slice(0, 3)) database.prepare(sql).run()
  assert.equal(database.prepare('SELECT b FROM t').get()?.['b'], 1)
})

test('transaction control is recognised in all its spellings', () => {
  const begins: [string, string][] = [
    ['BEGIN', 'deferred'],
    ['begin transaction;', 'deferred'],
    ['BEGIN DEFERRED', 'deferred'],
    ['BEGIN IMMEDIATE TRANSACTION', 'immediate'],
    ['/* x */ BEGIN EXCLUSIVE -- y', 'exclusive'],
    ['BEGIN TRANSACTION READONLY', 'readonly'],
    ['BEGIN READONLY', 'readonly'],
    ['BEGIN READONLY TRANSACTION', 'readonly'],
    ['BEGIN DEFERRED TRANSACTION READ ONLY', 'readonly'],
  ]
  for (const [sql, mode] of begins) assert.deepEqual(classify(sql), { kind: 'begin', mode }, sql)
  for (const sql of ['COMMIT', 'END', 'end transaction', 'COMMIT TRANSACTION;'])
    assert.deepEqual(classify(sql), { kind: 'commit' }, sql)
  for (const sql of ['ROLLBACK', 'rollback transaction'])
    assert.deepEqual(classify(sql), { kind: 'rollback' }, sql)
  assert.deepEqual(classify('SAVEPOINT "a b"'), { kind: 'savepoint', name: 'a b' })
  assert.deepEqual(classify('RELEASE a'), { kind: 'release', name: 'a' })
  assert.deepEqual(classify('RELEASE SAVEPOINT savepoint'), { kind: 'release', name: 'savepoint' })
  assert.deepEqual(classify('ROLLBACK TO a'), { kind: 'rollback-to', name: 'a' })
  assert.deepEqual(classify('ROLLBACK TRANSACTION TO SAVEPOINT [a]'), { kind: 'rollback-to', name: 'a' })
})

test('what only looks like transaction control is left to SQLite', () => {
  for (const sql of ['BEGIN x y z', 'COMMIT; SELECT 1', 'ROLLBACK TO', 'BEGINNING', 'SELECT 1', 'SAVEPOINT'])
    assert.deepEqual(classify(sql), { kind: 'other' }, sql)
})

test('PRAGMA gives its schema, name and argument', () => {
  assert.deepEqual(classify('PRAGMA main.User_Version = 5'), {
    kind: 'pragma',
    schema: 'main',
    name: 'user_version',
    argument: '5',
  })
  assert.deepEqual(classify("pragma table_info('a b');"), {
    kind: 'pragma',
    schema: null,
    name: 'table_info',
    argument: 'a b',
  })
  assert.deepEqual(classify('PRAGMA cache_size=-2000'), {
    kind: 'pragma',
    schema: null,
    name: 'cache_size',
    argument: '-2000',
  })
})

test('EXPLAIN and empty texts are told', () => {
  assert.deepEqual(classify('explain query plan select 1'), { kind: 'explain' })
  assert.deepEqual(classify(' ; -- x'), { kind: 'empty' })
})

test('words inside strings, names and comments are no words', () => {
  assert.equal(hasWord(`SELECT 'NOW', "NOW" /* NOW */`, new Set(['NOW'])), false)
  assert.equal(hasWord('SELECT now', new Set(['NOW'])), true)
  assert.deepEqual(leadingKeywords('/* a */ with x as (select 1)', 3), ['WITH', 'X', 'AS'])
})
