import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { generateKeyPairSync } from 'node:crypto'
import { DEFAULT_LIMITS, limitDefaults } from './limits.ts'
import { isAuthenticated } from '../serve/access.ts'
import { isLoopback, reachableAddress, urlOf } from '../serve/listen-address.ts'
import { parseListenAddress } from './listen-address.ts'
import { parseStartOptions, START_OPTIONS } from './start-options.ts'
import { UsageError } from './usage-error.ts'

function parse(
  args: readonly string[],
  environment: Record<string, string> = {},
): ReturnType<typeof parseStartOptions> {
  return parseStartOptions(args, environment)
}

function refused(args: readonly string[], message: RegExp, environment: Record<string, string> = {}): void {
  assert.throws(
    () => parse(args, environment),
    (error) => error instanceof UsageError && message.test(error.message),
    args.join(' '),
  )
}

function file(content: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'harmonydb-options-')), 'file')
  writeFileSync(path, content)
  return path
}

test('without options a member is for this machine only', () => {
  const options = parse([])
  assert.deepEqual(options.http, { host: '127.0.0.1', port: 8080 })
  assert.equal(options.dataFolder, resolve('harmony-data'))
  assert.equal(isAuthenticated(options), false)
  assert.deepEqual(options.limits, DEFAULT_LIMITS)
  assert.equal(options.logFormat, 'text')
})

test('every option has a variable, and the command line wins', () => {
  for (const { name, variable } of START_OPTIONS) assert.match(variable ?? '', /^HARMONYDB_[A-Z_]+$/, name)
  assert.equal(parse([], { HARMONYDB_HTTP: '9000' }).http.port, 9000)
  assert.equal(parse(['--http', '9001'], { HARMONYDB_HTTP: '9000' }).http.port, 9001)
  assert.equal(parse(['--http=9002']).http.port, 9002)
  assert.equal(parse([], { HARMONYDB_HTTP: '' }).http.port, 8080)
})

test('a member refuses to listen for other machines without authentication', () => {
  for (const host of ['0.0.0.0', '[::]', '192.168.1.5', 'db.example', '[::ffff:10.0.0.1]']) {
    refused(['--http', `${host}:8080`], /there is no authentication.*HARMONYDB_AUTH_TOKEN.*--insecure/)
  }
  assert.ok(parse(['--http', '0.0.0.0:8080', '--insecure']))
  assert.ok(parse(['--http', '0.0.0.0:8080'], { HARMONYDB_INSECURE: '1' }))
  assert.ok(parse(['--http', '0.0.0.0:8080', '--auth-token', 'secret']))
  refused(['--http', '0.0.0.0:8080'], /there is no authentication/, { HARMONYDB_INSECURE: 'false' })
})

test('addresses are hosts with ports', () => {
  assert.deepEqual(parseListenAddress('8080'), { host: '127.0.0.1', port: 8080 })
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 })
  assert.deepEqual(parseListenAddress('localhost:1'), { host: 'localhost', port: 1 })
  for (const wrong of ['', 'x', '1:2:3', '127.0.0.1:', '127.0.0.1:70000', 'http://127.0.0.1:1', '-1']) {
    assert.throws(() => parseListenAddress(wrong), UsageError, wrong)
  }
})

test('loopback is what other machines can not reach', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'db.example', 'localhost.example', '128.0.0.1']) {
    assert.ok(!isLoopback(host), host)
  }
})

test('the URL that is printed can be opened', () => {
  assert.equal(urlOf('http', { host: '0.0.0.0', port: 1 }), 'http://127.0.0.1:1')
  assert.equal(urlOf('ws', { host: '::', port: 1 }), 'ws://[::1]:1')
  assert.equal(urlOf('http', { host: 'localhost', port: 1 }), 'http://localhost:1')
})

test('tokens and keys come from files, too', () => {
  assert.equal(parse(['--auth-token-file', file('secret\nsecond line\n')]).authToken, 'secret')
  const { publicKey } = generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  assert.equal(parse(['--auth-jwt-key-file', file(pem)]).jwtKeys.length, 1)
  assert.equal(parse([], { HARMONYDB_AUTH_JWT_KEY: pem }).jwtKeys.length, 1)
  refused(
    ['--auth-token-file', '/does/not/exist'],
    /--auth-token-file: \/does\/not\/exist can not be read \(ENOENT\)/,
  )
  refused(['--auth-token-file', file('\n')], /auth token is empty/)
  refused(['--auth-token', 'two words'], /holds spaces/)
})

test('limits are changed by name, with units', () => {
  const { http, gateway } = parse([
    '--limit',
    'bodySizeBytesMax=64MiB',
    '--limit',
    'http.stallTimeoutMs=5s',
  ]).limits
  assert.equal(http.bodySizeBytesMax, 64 * 2 ** 20)
  assert.equal(http.stallTimeoutMs, 5000)
  assert.deepEqual(gateway, DEFAULT_LIMITS.gateway)
  const fromVariable = parse([], {
    HARMONYDB_LIMITS: 'http.connectionsMax=5, statementTimeoutMs=1min',
  }).limits
  assert.equal(fromVariable.http.connectionsMax, 5)
  assert.equal(fromVariable.gateway.statementTimeoutMs, 60_000)
})

test('a wrong limit says what is meant', () => {
  refused(
    ['--limit', 'bodySizeBytesMx=1'],
    /There is no limit bodySizeBytesMx. Did you mean bodySizeBytesMax\?/,
  )
  refused(['--limit', 'bodySizeBytesMax'], /must be NAME=VALUE/)
  refused(['--limit', 'bodySizeBytesMax=5s'], /can't be in "s": use B, KiB, MiB, GiB/)
  refused(['--limit', 'drainTimeoutMs=5s'], /Which limit: http.drainTimeoutMs or gateway.drainTimeoutMs\?/)
  refused(['--limit', 'http.connectionsMax=5s'], /it is a plain number/)
})

test('the list of limits has each one once, with its default', () => {
  const defaults = limitDefaults()
  assert.ok(defaults.some(({ name, value }) => name === 'http.connectionsMax' && value === 10_000))
  assert.equal(new Set(defaults.map(({ name }) => name)).size, defaults.length)
})

test('wrong options say which, and what is near', () => {
  refused(['--dta', 'x'], /Unknown option --dta. Did you mean --data\?/)
  refused(['--data'], /--data needs a value: --data FOLDER/)
  refused(['--insecure=1'], /--insecure takes no value/)
  refused(['folder'], /Unexpected argument: folder/)
  refused(['--log-format', 'xml'], /must be text or json/)
  refused(['--allow-origin', 'app.example'], /--allow-origin is "app.example"/)
  refused(['--allow-origin', 'https://app.example/'], /as browsers send it/)
  refused([], /HARMONYDB_INSECURE is "maybe"; it must be 1 or 0/, {
    HARMONYDB_INSECURE: 'maybe',
    HARMONYDB_HTTP: '1',
  })
})

const PEERS = 'a:7400,b:7400,c:7400'

test('a member is alone unless it listens for peers, and then it has a secret', () => {
  assert.equal(parse([]).peer.cluster, null)
  const secret = file(`${'s'.repeat(32)}\nand more\n`)
  const alone = parse(['--peer-listen', '10.0.0.1:7400', '--cluster-secret-file', secret]).peer.cluster
  assert.equal(alone?.start, 'found-alone')
  assert.deepEqual(alone.listen, { host: '10.0.0.1', port: 7400 })
  assert.equal(new TextDecoder().decode(alone.secret), 's'.repeat(32))
  refused(['--peer-listen', '10.0.0.1:7400'], /needs --cluster-secret-file/)
  const short = ['--cluster-secret-file', file('short')]
  refused(['--peer-listen', '10.0.0.1:7400', ...short], /has 5 characters; it must have 16/)
})

test('founding and joining', async () => {
  const base = ['--peer-listen', '10.0.0.1:7400', '--cluster-secret-file', file('s'.repeat(32))]
  const founding = parse([...base, '--peers', PEERS, '--bootstrap-expect', '3']).peer.cluster
  assert.deepEqual(founding?.start, { expected: 3 })
  assert.deepEqual(await founding.seeds(), PEERS.split(','))
  const joining = parse([...base, '--join', 'a:7400, b:7400']).peer.cluster
  assert.equal(joining?.start, 'join')
  assert.deepEqual(await joining.seeds(), ['a:7400', 'b:7400'])
  const named = parse([...base, '--join', 'dns:localhost:7400']).peer.cluster
  assert.ok((await named?.seeds())?.some((address) => /^(127\.0\.0\.1|\[::1\]):7400$/.test(address)))
  const unknown = parse([...base, '--join', 'dns:nobody.invalid:7400']).peer.cluster
  assert.deepEqual(await unknown?.seeds(), [])
})

test('what could make two clusters, or none, is refused', () => {
  const base = ['--peer-listen', '10.0.0.1:7400', '--cluster-secret-file', file('s'.repeat(32))]
  refused([...base, '--peers', 'a:1,b:1,c:1,d:1', '--bootstrap-expect', '2'], /two clusters could come/)
  refused([...base, '--peers', PEERS], /--peers needs --bootstrap-expect/)
  refused([...base, '--bootstrap-expect', '3'], /needs --peers/)
  refused([...base, '--bootstrap-expect', 'three', '--peers', PEERS], /must be a number/)
  refused([...base, '--join', 'a:1', '--peers', PEERS, '--bootstrap-expect', '3'], /Either --join/)
  refused([...base, '--join', 'a'], /is no address of a member/)
  refused(['--join', 'a:1'], /needs --peer-listen/)
  refused(['--peer-listen', '0.0.0.0:7400', ...base.slice(2)], /say with --peer-advertise/)
  refused([...base, '--peer-cert', file('x')], /--peer-key is missing/)
})

test('where others reach a member: where it listens, unless that is everywhere, or something else is said', () => {
  const base = ['--cluster-secret-file', file('s'.repeat(32)), '--peer-listen', '0.0.0.0:7400']
  const { cluster } = parse([...base, '--peer-advertise', 'db-1:7400']).peer
  assert.equal(reachableAddress(null, { host: '10.0.0.1', port: 80 }, cluster), '10.0.0.1:80')
  assert.equal(reachableAddress(null, { host: '0.0.0.0', port: 80 }, cluster), 'db-1:80')
  assert.equal(reachableAddress('proxy:443', { host: '0.0.0.0', port: 80 }, cluster), 'proxy:443')
  assert.equal(reachableAddress(null, { host: '::1', port: 80 }, null), '[::1]:80')
  assert.equal(reachableAddress(null, null, cluster), null)
})
