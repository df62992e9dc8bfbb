import { test, type TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseStartOptions } from '../start-options.ts'
import { UsageError } from '../usage-error.ts'
import { openClusterFolder, type ClusterFolder } from './cluster-folder.ts'
import { parseClusterOptions } from './cluster-options.ts'

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-cluster-folder-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function open(folder: string, ...args: string[]): ClusterFolder {
  return openClusterFolder(parseClusterOptions(['--data', folder, ...args], {}))
}

test('member I serves on P+10·I, P+10·I+1 and P+10·I+2', (t) => {
  const { members } = open(temporaryFolder(t), '--members', '3', '--base-port', '9000')
  assert.deepEqual(
    members.map(({ httpUrl, postgresUrl, peerAddress }) => [httpUrl, postgresUrl, peerAddress]),
    [
      ['http://127.0.0.1:9000', 'postgres://127.0.0.1:9001/default', '127.0.0.1:9002'],
      ['http://127.0.0.1:9010', 'postgres://127.0.0.1:9011/default', '127.0.0.1:9012'],
      ['http://127.0.0.1:9020', 'postgres://127.0.0.1:9021/default', '127.0.0.1:9022'],
    ],
  )
})

test('`harmonydb start` understands what members are started with', (t) => {
  for (const { startArguments, dataFolder, httpUrl } of open(temporaryFolder(t)).members) {
    assert.equal(startArguments[0], 'start')
    const options = parseStartOptions(startArguments.slice(1), {})
    assert.equal(options.dataFolder, dataFolder)
    assert.equal(`http://${options.http.host}:${options.http.port}`, httpUrl)
  }
})

test('the secret is random, stays the same, and only its owner can read it', (t) => {
  const [one, other] = [temporaryFolder(t), temporaryFolder(t)]
  open(one)
  open(other)
  const secret = readFileSync(join(one, 'secret'), 'utf8')
  assert.match(secret, /^[\w-]{43}\n$/)
  assert.notEqual(secret, readFileSync(join(other, 'secret'), 'utf8'))
  assert.equal(statSync(join(one, 'secret')).mode & 0o777, 0o600)
  open(one)
  assert.equal(readFileSync(join(one, 'secret'), 'utf8'), secret)
})

test('the same folder is the same cluster: its size and ports need not be said again', (t) => {
  const folder = temporaryFolder(t)
  const before = open(folder, '--members', '3', '--base-port', '9000')
  assert.deepEqual(open(folder), before)
  assert.deepEqual(open(folder, '--start', '2'), before)
})

test('a cluster grows, and neither shrinks nor moves', (t) => {
  const folder = temporaryFolder(t)
  open(folder, '--members', '3', '--base-port', '9000')
  assert.equal(open(folder, '--members', '4').members.length, 4)
  assert.throws(() => open(folder, '--members', '3'), /has 4 members.*member remove/)
  assert.throws(() => open(folder, '--base-port', '9100'), /has the base port 9000/)
})

test('the folder of a member is left alone, and so is a member that there is not', (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'format'), '{}')
  assert.throws(() => open(folder), UsageError)
  rmSync(join(folder, 'format'))
  mkdirSync(join(folder, 'member-0'))
  assert.throws(() => open(folder), /has member-0 already/)
  assert.throws(() => statSync(join(folder, 'secret')))
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  assert.throws(() => open(empty, '--start', '0'), /There is no cluster/)
  open(empty, '--members', '2')
  assert.throws(() => open(empty, '--start', '2'), /the members 0 to 1/)
})
