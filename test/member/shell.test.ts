import { test } from 'node:test'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand, RunningMember, temporaryFolder } from './running-member.ts'

test('-c runs statements and leaves; results go to standard output as they are', async (t) => {
  const member = await RunningMember.start(t)
  const { exitCode, stdout, stderr } = await runCommand([
    'shell',
    member.url,
    '-m',
    'csv',
    '-c',
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t (x) VALUES ('a'), (NULL);",
    '-c',
    'SELECT * FROM t',
  ])
  assert.deepEqual([exitCode, stdout, stderr], [0, 'id,x\n1,a\n2,\n', ''])
})

test('a script on standard input stops at its first failure and names the line', async (t) => {
  const member = await RunningMember.start(t)
  const input = 'CREATE TABLE t (x);\nINSERT INTO t\n  VALUES (1);\nSELEC 1;\nINSERT INTO t VALUES (2);\n'
  const { exitCode, stderr } = await runCommand(['shell', member.url], { input })
  assert.equal(exitCode, 1)
  assert.match(stderr, /^line 4: error: near "SELEC": syntax error \[\w+\]\n {2}SELEC 1\n {2}\^\n$/)
  assert.deepEqual((await member.query({ sql: 'SELECT x FROM t' })).json.rows, [{ x: 1 }])
})

test('a transaction over several statements is kept, rolled back when the script leaves it open', async (t) => {
  const member = await RunningMember.start(t)
  const run = (input: string): ReturnType<typeof runCommand> => runCommand(['shell', member.url], { input })
  assert.equal((await run('CREATE TABLE t (x);\nBEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n')).exitCode, 0)
  assert.equal((await run('BEGIN;\nINSERT INTO t VALUES (2);\nROLLBACK;\n')).exitCode, 0)
  const open = await run('BEGIN;\nINSERT INTO t VALUES (3);\n')
  assert.equal(open.exitCode, 1)
  assert.match(open.stderr, /open transaction, which was rolled back/)
  assert.deepEqual((await member.query({ sql: 'SELECT x FROM t' })).json.rows, [{ x: 1 }])
})

test('dot-commands work in scripts', async (t) => {
  const member = await RunningMember.start(t)
  const file = join(temporaryFolder(t), 'more.sql')
  writeFileSync(file, 'CREATE TABLE two (y TEXT);\nINSERT INTO two VALUES (9007199254740993);\n')
  const input = `CREATE TABLE one (x);
.read ${file}
.tables
.schema two
.mode json
SELECT rowid AS id, y, 9007199254740993 AS big FROM two;
.databases
.create shop
.use shop
.tables
`
  const { exitCode, stdout, stderr } = await runCommand(['shell', member.url], { input })
  assert.equal(exitCode, 0, stderr)
  assert.match(stdout, /^one {2}two\nCREATE TABLE two \(y TEXT\);\n/)
  assert.match(stdout, /\{"id": 1, "y": "9007199254740993", "big": 9007199254740993\}/)
  assert.match(stdout, /\* default {2}\S+ KiB\nThe database shop exists now.*\nno tables\n$/)
})

test('a wrong dot-command ends a script and says what there is', async (t) => {
  const member = await RunningMember.start(t)
  const { exitCode, stderr } = await runCommand(['shell', member.url], { input: '.tabels\nSELECT 1;\n' })
  assert.equal(exitCode, 1)
  assert.equal(stderr, 'There is no .tabels. Did you mean .tables?\n')
})

test('a database is chosen by URL or option', async (t) => {
  const member = await RunningMember.start(t)
  await member.ask('POST', '/v1/databases', { name: 'shop' })
  await member.query({ sql: 'CREATE TABLE t AS SELECT 5 AS x' }, { database: 'shop' })
  const command = ['-m', 'csv', '-c', 'SELECT x FROM t']
  assert.equal((await runCommand(['shell', `${member.url}/db/shop`, ...command])).stdout, 'x\n5\n')
  assert.equal((await runCommand(['shell', member.url, '-d', 'shop', ...command])).stdout, 'x\n5\n')
})

test('a token comes from the environment', async (t) => {
  const member = await RunningMember.start(t, { environment: { HARMONYDB_AUTH_TOKEN: 'secret' } })
  const args = ['shell', member.url, '-m', 'csv', '-c', 'SELECT 1 AS a']
  assert.match((await runCommand(args)).stderr, /AUTH_REQUIRED/)
  assert.equal((await runCommand(args, { environment: { HARMONYDB_AUTH_TOKEN: 'secret' } })).stdout, 'a\n1\n')
})

test('no member, no stack trace', async () => {
  const { exitCode, stderr } = await runCommand(['shell', 'http://127.0.0.1:1', '-c', 'SELECT 1'])
  assert.deepEqual([exitCode, stderr], [1, 'error: No member answers at http://127.0.0.1:1.\n'])
})

test('a large result arrives whole', async (t) => {
  const member = await RunningMember.start(t)
  const sql =
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c'
  const { stdout } = await runCommand(['shell', member.url, '-m', 'csv', '-c', sql])
  assert.equal(stdout.split('\n').length, 100_002)
})
