import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MAIN, runCommand, RunningMember, temporaryFolder } from './running-member.ts'

/** Counts to `most`. */
function slowSql(most: number): string {
  return `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${most}) SELECT count(*) AS n FROM c`
}

/** Under way beside the request that asks for it. */
async function isUnderWay(member: RunningMember): Promise<boolean> {
  return (await member.ask('GET', '/metrics')).text.includes('harmonydb_http_requests_active 2')
}

/** However long it takes. */
const PATIENCE = [
  'http.drainTimeoutMs=5min',
  'gateway.drainTimeoutMs=5min',
  'statementTimeoutMs=10min',
].flatMap((limit) => ['--limit', limit])

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

function assertOneLine(stderr: string, pattern: RegExp): void {
  assert.match(stderr, pattern)
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace')
}

test('start prints a command that works as it stands', async (t) => {
  const child = spawn(process.execPath, [MAIN, 'start', '--data', temporaryFolder(t), '--http', '0'])
  t.after(() => void child.kill('SIGKILL'))
  let stdout = ''
  child.stdout.on('data', (piece) => (stdout += String(piece)))
  await until(() => stdout.includes('Ctrl-C'))
  const command = /^ {2}(curl [^]*?)\n\n/m.exec(stdout)?.[1]
  assert.ok(command, stdout)
  const { stdout: answer } = await promisify(execFile)('sh', ['-c', command])
  assert.match(answer, /"rows":\[\{"version":"3\.\d+\.\d+"\}\]/)
})

test('what was written is there after a restart', async (t) => {
  const first = await RunningMember.start(t)
  await first.query({ sql: 'CREATE TABLE t (x INTEGER)' })
  await first.query({ sql: 'INSERT INTO t VALUES (42)' })
  assert.equal((await first.stop()).exitCode, 0)
  const second = await RunningMember.start(t, { dataFolder: first.dataFolder })
  assert.deepEqual((await second.query({ sql: 'SELECT x FROM t' })).json.rows, [{ x: 42 }])
})

test('what was acknowledged is there after SIGKILL', async (t) => {
  const first = await RunningMember.start(t)
  await first.query({ sql: 'CREATE TABLE t (x INTEGER)' })
  for (let x = 0; x < 20; x++) {
    assert.equal((await first.query({ sql: 'INSERT INTO t VALUES (?)', params: [x] })).status, 200)
  }
  await first.stop('SIGKILL')
  const second = await RunningMember.start(t, { dataFolder: first.dataFolder })
  assert.deepEqual((await second.query({ sql: 'SELECT count(*) AS n FROM t' })).json.rows, [{ n: 20 }])
})

test('SIGTERM lets the request under way finish, refuses new ones, and exits with 0', async (t) => {
  const member = await RunningMember.start(t, { args: PATIENCE })
  let count = 1_000_000
  let underWay: ReturnType<typeof member.query>
  let isSeen = false
  // One that is over before anybody has seen it was too short.
  do {
    let isOver = false
    count *= 2
    underWay = member.query({ sql: slowSql(count) }).finally(() => (isOver = true))
    await until(async () => (isSeen = await isUnderWay(member)) || isOver)
  } while (!isSeen)
  const stopped = member.stop('SIGTERM')
  await until(() => member.stderr.includes('stopping'))
  await assert.rejects(fetch(`${member.url}/health`))
  assert.deepEqual((await underWay).json.rows, [{ n: count }])
  const { exitCode, stderr } = await stopped
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, /"event":"stopped"/)
})

test('a transaction that is open when the member stops is rolled back', async (t) => {
  const first = await RunningMember.start(t)
  await first.query({ sql: 'CREATE TABLE t (x INTEGER)' })
  const requests = ['BEGIN', 'INSERT INTO t VALUES (1)'].map((sql) => ({ type: 'execute', stmt: { sql } }))
  const { json } = await first.ask('POST', '/v3/pipeline', { baton: null, requests })
  assert.deepEqual(
    json.results.map(({ type }: { type: string }) => type),
    ['ok', 'ok'],
  )
  assert.equal((await first.stop()).exitCode, 0)
  const second = await RunningMember.start(t, { dataFolder: first.dataFolder })
  assert.deepEqual((await second.query({ sql: 'SELECT * FROM t' })).json.rows, [])
})

test('a second Ctrl-C stops at once', async (t) => {
  const member = await RunningMember.start(t, { args: PATIENCE })
  const underWay = member.query({ sql: slowSql(2_000_000_000) }).catch(() => null)
  await until(() => isUnderWay(member))
  const closed = once(member.child, 'close') as Promise<[number]>
  member.child.kill('SIGINT')
  await until(() => member.stderr.includes('stopping'))
  const again = setInterval(() => member.child.kill('SIGINT'), 100)
  const [exitCode] = await closed
  clearInterval(again)
  await underWay
  assert.equal(exitCode, 130)
})

test('a port in use is one line that names another', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const args = ['start', '--data', temporaryFolder(t), '--http', `127.0.0.1:${port}`]
  const { exitCode, stderr } = await runCommand(args)
  assert.equal(exitCode, 1)
  assertOneLine(
    stderr,
    new RegExp(
      `^harmonydb: 127\\.0\\.0\\.1:${port} is already in use.*--http 127\\.0\\.0\\.1:${port + 1}\\n$`,
    ),
  )
})

test('a data folder has one owner', async (t) => {
  const owner = await RunningMember.start(t)
  await owner.query({ sql: 'CREATE TABLE t (x)' })
  const { exitCode, stderr } = await runCommand(['start', '--data', owner.dataFolder, '--http', '0'])
  assert.equal(exitCode, 1)
  assertOneLine(stderr, /^harmonydb: .*\[DATA_LOCKED\]\n$/)
  assert.ok(stderr.includes(owner.dataFolder), stderr)
  assert.equal((await owner.query({ sql: 'INSERT INTO t VALUES (1)' })).status, 200)
})

/** The journal's file that holds `text`, and where in it. */
function findInJournal(dataFolder: string, text: string): { file: string; offset: number } {
  const folder = join(dataFolder, 'journal')
  for (const name of readdirSync(folder)) {
    const offset = readFileSync(join(folder, name)).indexOf(text)
    if (offset >= 0) return { file: join(folder, name), offset }
  }
  throw new Error(`${text} is not in the journal`)
}

async function killedWithJournal(t: Parameters<typeof RunningMember.start>[0]): Promise<string> {
  const member = await RunningMember.start(t)
  await member.query({ sql: 'CREATE TABLE t (x TEXT)' })
  for (const x of ['first-value', 'second-value', 'third-value']) {
    await member.query({ sql: 'INSERT INTO t VALUES (?)', params: [x] })
  }
  await member.stop('SIGKILL')
  return member.dataFolder
}

test('damage in the middle of the journal stops the start and says where', async (t) => {
  const dataFolder = await killedWithJournal(t)
  const { file, offset } = findInJournal(dataFolder, 'first-value')
  const bytes = readFileSync(file)
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x40
  writeFileSync(file, bytes)
  const { exitCode, stderr } = await runCommand(['start', '--data', dataFolder, '--http', '0'])
  assert.equal(exitCode, 1)
  assertOneLine(stderr, /^harmonydb: .* is damaged at byte \d+.*\[DATA_CORRUPT\]\n$/)
  assert.ok(stderr.includes(file), stderr)
  assert.deepEqual(readFileSync(file), bytes, 'nothing is changed')
})

test('a write that a crash left unfinished at the end of the journal is cut, and the rest is there', async (t) => {
  const dataFolder = await killedWithJournal(t)
  const { file, offset } = findInJournal(dataFolder, 'third-value')
  const bytes = readFileSync(file)
  // What a torn write looks like: the beginning of a frame behind the last complete one. Frames begin at sectors.
  const frame = Math.floor(offset / 512) * 512
  bytes.copy(bytes, frame + 512, frame, frame + 40)
  writeFileSync(file, bytes)
  const member = await RunningMember.start(t, { dataFolder })
  assert.deepEqual((await member.query({ sql: 'SELECT count(*) AS n FROM t' })).json.rows, [{ n: 3 }])
  assert.equal((await member.query({ sql: "INSERT INTO t VALUES ('fourth')" })).status, 200)
})

test('a folder of a later version is left alone', async (t) => {
  const dataFolder = await killedWithJournal(t)
  const file = join(dataFolder, 'format')
  const later = readFileSync(file, 'utf8').replace(/"format": ?\d+/, '"format":99')
  writeFileSync(file, later)
  const { exitCode, stderr } = await runCommand(['start', '--data', dataFolder, '--http', '0'])
  assert.equal(exitCode, 1)
  assertOneLine(stderr, /^harmonydb: .*\[FORMAT_TOO_NEW\]\n$/)
  assert.equal(readFileSync(file, 'utf8'), later)
})

test('a member does not listen for other machines without authentication', async (t) => {
  const { exitCode, stderr } = await runCommand([
    'start',
    '--data',
    temporaryFolder(t),
    '--http',
    '0.0.0.0:0',
  ])
  assert.equal(exitCode, 2)
  assertOneLine(stderr, /^harmonydb: Other machines could reach 0\.0\.0\.0.*--insecure/)
})

test('a folder that can not be used is one line', async () => {
  const { exitCode, stderr } = await runCommand(['start', '--data', '/proc/harmonydb', '--http', '0'])
  assert.equal(exitCode, 1)
  assertOneLine(stderr, /^harmonydb: .*\/proc\/harmonydb.*\n$/)
})

test('wrong commands and options are explained, with exit code 2', async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['strat'], /no command "strat".*harmonydb start/],
    [['start', '--prot', '1'], /Unknown option --prot/],
    [['start', '--http', 'x'], /--http is "x"; it must be HOST:PORT/],
    [['shell', 'ftp://x'], /not a URL of a member/],
    [['shell', '--mode', 'xml'], /one of table, line, csv, json/],
  ]
  for (const [args, pattern] of cases) {
    const { exitCode, stderr } = await runCommand(args)
    assert.equal(exitCode, 2, args.join(' '))
    assertOneLine(stderr, pattern)
  }
})

test('help is printed for every command, and the version', async () => {
  for (const args of [[], ['--help'], ['help'], ['help', 'start'], ['start', '--help'], ['shell', '-h']]) {
    const { exitCode, stdout } = await runCommand(args)
    assert.equal(exitCode, 0)
    assert.match(stdout, /usage: harmonydb/)
    const long = stdout.split('\n').filter((line) => line.length > 84)
    assert.deepEqual(long, [], args.join(' '))
  }
  assert.match((await runCommand(['--version'])).stdout, /^harmonydb \d+\.\d+\.\d+\n$/)
})
