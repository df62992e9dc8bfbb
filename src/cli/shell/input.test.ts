import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../usage-error.ts'
import { databaseUrl, parseConnectionUrl } from './connection-url.ts'
import { asOneLine, History } from './history.ts'
import { StatementBuffer } from './statement-buffer.ts'

function url(text: string): string {
  return databaseUrl(parseConnectionUrl(text)).href
}

function feed(...lines: string[]): { statements: [string, number][]; isPending: boolean } {
  const buffer = new StatementBuffer()
  const statements = lines.flatMap((line) =>
    buffer.add(line).map(({ sql, line: at }): [string, number] => [sql, at]),
  )
  return { statements, isPending: buffer.isPending }
}

test('a statement may span lines and ends with a semicolon', () => {
  assert.deepEqual(feed('SELECT 1', '  + 2', ';'), { statements: [['SELECT 1\n  + 2', 1]], isPending: false })
})

test('several statements on a line are several', () => {
  assert.deepEqual(feed('SELECT 1; SELECT 2;').statements, [
    ['SELECT 1', 1],
    ['SELECT 2', 1],
  ])
})

test('a semicolon in a string, a comment or a trigger ends nothing', () => {
  assert.ok(feed("SELECT 'a;").isPending)
  assert.deepEqual(feed("SELECT 'a;", "b';").statements, [["SELECT 'a;\nb'", 1]])
  assert.ok(feed('SELECT 1 -- ;').isPending)
  assert.ok(feed('SELECT /* ;', '; */').isPending)
  const trigger = ['CREATE TRIGGER t AFTER INSERT ON a BEGIN', '  UPDATE b SET n = n + 1;', 'END;']
  assert.deepEqual(feed(...trigger).statements, [[trigger.join('\n').slice(0, -1), 1]])
})

test('empty lines and comments wait for nothing', () => {
  assert.deepEqual(feed('', '-- a comment', '   ', ';'), { statements: [], isPending: false })
})

test('each statement knows its line', () => {
  assert.deepEqual(feed('-- first', '', 'SELECT 1;', 'SELECT', '2; SELECT 3;').statements, [
    ['SELECT 1', 3],
    ['SELECT\n2', 4],
    ['SELECT 3', 5],
  ])
})

test('at the end of a script the last semicolon may be missing', () => {
  const buffer = new StatementBuffer()
  assert.deepEqual(buffer.add('SELECT 1'), [])
  assert.deepEqual(buffer.finish(), [{ sql: 'SELECT 1', line: 1 }])
})

test('URLs of members and of libSQL applications are understood', () => {
  assert.equal(url('http://127.0.0.1:8080'), 'http://127.0.0.1:8080/')
  assert.equal(url('127.0.0.1:8080'), 'http://127.0.0.1:8080/')
  assert.equal(url('http://h:1/db/my%20shop'), 'http://h:1/db/my%20shop/')
  assert.equal(url('ws://h:1'), 'http://h:1/')
  assert.equal(url('libsql://h'), 'https://h/')
  assert.equal(url('libsql://h:8080?tls=0'), 'http://h:8080/')
  assert.equal(parseConnectionUrl('http://h:1?authToken=secret').token, 'secret')
})

test('URLs that lead nowhere are refused', () => {
  for (const wrong of ['file:///tmp/x', 'postgres://h/x', 'http://h/other/path', 'http://']) {
    assert.throws(() => parseConnectionUrl(wrong), UsageError, wrong)
  }
})

test('history is kept for its owner only, newest first', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'harmonydb-history-')), 'history')
  const history = new History(file)
  assert.deepEqual(history.load(), [])
  history.add('SELECT 1;')
  history.add(' SELECT secret;')
  history.add('SELECT 2;')
  assert.deepEqual(history.load(), ['SELECT 2;', 'SELECT 1;'])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.doesNotMatch(readFileSync(file, 'utf8'), /secret/)
})

test('a folder that can not be written costs the history and nothing else', () => {
  const history = new History('/proc/none/history')
  history.add('SELECT 1;')
  assert.deepEqual(history.load(), [])
})

test('typed lines become one entry unless a comment would swallow the rest', () => {
  assert.equal(asOneLine(['SELECT 1', '  + 2', ';']), 'SELECT 1 + 2 ;')
  assert.equal(asOneLine(['SELECT 1 -- one', '+ 2;']), null)
})
