import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../base/value.ts'
import { installFunctions, RandomStream } from './functions.ts'

const TIME_MS = 1_700_000_123_456

interface Pair {
  readonly overridden: DatabaseSync
  readonly plain: DatabaseSync
}

function pair(): Pair {
  const options = { readBigInts: true, returnArrays: true }
  const overridden = new DatabaseSync(':memory:', options)
  const stream = new RandomStream()
  installFunctions(overridden, { timeMs: () => TIME_MS, randomBytes: (size) => stream.bytes(size) })
  return { overridden, plain: new DatabaseSync(':memory:', options) }
}

function value(database: DatabaseSync, sql: string, ...args: SqlValue[]): SqlValue {
  return (database.prepare(sql).get(...args) as unknown as SqlValue[])[0] as SqlValue
}

const TIMES: readonly SqlValue[] = [
  '2024-02-29', '2024-02-29 12:34', '2024-02-29T12:34:56.789Z', '2024-02-29 12:34:56+05:30', '12:34:56', '2460000.5',
  2460000.5, 1700000000n, -1n, 0n, null, 'nonsense', '', ' now', 'now ', '9999-12-31 23:59:59', '-4713-11-24', new Uint8Array([50, 48, 48, 48]),
  '2024-13-01', '0000-01-01', 1e300, '2024-02-29\0now',
] // prettier-ignore

const MODIFIERS: readonly (readonly SqlValue[])[] = [
  [], ['+1 month'], ['-1 year', 'start of month'], ['unixepoch'], ['auto'], ['julianday'], ['weekday 2'], ['subsec'], ['+00:30'],
  ['+1 month', 'floor'], ['+1 month', 'ceiling'], ['-1.5 days', 'start of day'], [null], ['no such thing'], ['+0001-02-03 04:05:06.789'],
] // prettier-ignore

test('date functions of a given time are exactly those of SQLite', () => {
  const { overridden, plain } = pair()
  for (const name of ['date', 'time', 'datetime', 'julianday', 'unixepoch'])
    for (const time of TIMES)
      for (const modifiers of MODIFIERS) {
        const sql = `SELECT ${name}(${[time, ...modifiers].map(() => '?').join(', ')})`
        const args = [time, ...modifiers]
        assert.deepEqual(
          value(overridden, sql, ...args),
          value(plain, sql, ...args),
          `${name} ${args.map(String).join()}`,
        )
      }
})

test('strftime and timediff of given times are exactly those of SQLite', () => {
  const { overridden, plain } = pair()
  const formats = [
    '%Y-%m-%d %H:%M:%f',
    '%J',
    '%s %w %u %j %W %G-%V',
    '%e %k %I %l %p %P %R %T %U',
    '%%',
    '%q',
    '',
    null,
  ]
  for (const time of TIMES) {
    for (const format of formats)
      assert.deepEqual(
        value(overridden, 'SELECT strftime(?, ?)', format, time),
        value(plain, 'SELECT strftime(?, ?)', format, time),
      )
    for (const other of TIMES)
      assert.deepEqual(
        value(overridden, 'SELECT timediff(?, ?)', time, other),
        value(plain, 'SELECT timediff(?, ?)', time, other),
      )
  }
})

test('now is the time of the entry, however it is asked for', () => {
  const { overridden } = pair()
  const expected: readonly [string, SqlValue][] = [
    ["datetime('now')", '2023-11-14 22:15:23'],
    ["datetime('NOW', 'subsec')", '2023-11-14 22:15:23.456'],
    ["datetime('subsec')", '2023-11-14 22:15:23.456'],
    ['datetime()', '2023-11-14 22:15:23'],
    ["datetime('now' || char(0))", '2023-11-14 22:15:23'],
    ["datetime(CAST('now' AS BLOB))", '2023-11-14 22:15:23'],
    ['date()', '2023-11-14'],
    ["time('now')", '22:15:23'],
    ['unixepoch()', 1_700_000_123n],
    ["unixepoch('now', 'subsec')", 1_700_000_123.456],
    ["strftime('%s')", '1700000123'],
    ["strftime('%Y', 'now')", '2023'],
    ["timediff('now', '2023-11-14 22:15:20')", '+0000-00-00 00:00:03.456'],
    ['CURRENT_TIMESTAMP', '2023-11-14 22:15:23'],
    ['CURRENT_DATE', '2023-11-14'],
    ['CURRENT_TIME', '22:15:23'],
  ]
  for (const [sql, want] of expected) assert.deepEqual(value(overridden, `SELECT ${sql}`), want, sql)
  assert.equal(value(overridden, "SELECT julianday('now') = julianday('2023-11-14 22:15:23.456')"), 1n)
})

test('local time is UTC, wherever the member runs', () => {
  const { overridden } = pair()
  assert.equal(
    value(overridden, "SELECT datetime('2024-07-01 12:00', 'localtime', '+1 day')"),
    '2024-07-02 12:00:00',
  )
  assert.equal(value(overridden, "SELECT datetime('2024-07-01 12:00', 'UTC')"), '2024-07-01 12:00:00')
  assert.equal(value(overridden, "SELECT strftime('utc', '2024-07-01')"), 'utc')
})

test('wrong numbers of arguments fail as in SQLite', () => {
  const { overridden } = pair()
  assert.throws(
    () => value(overridden, "SELECT timediff('now')"),
    /wrong number of arguments to function timediff/,
  )
  assert.throws(() => value(overridden, 'SELECT random(1)'), /wrong number of arguments to function random/)
  assert.equal(value(overridden, 'SELECT strftime()'), null)
})

test('random numbers come from (seed, transaction, statement) and nothing else', () => {
  const stream = new RandomStream()
  const draw = (seed: number, transaction: number, statement: number): string => {
    stream.reseed(new Uint8Array(16).fill(seed))
    stream.seek(transaction, statement)
    return Buffer.concat([stream.bytes(3), stream.bytes(200_000), stream.bytes(8)]).toString('hex')
  }
  assert.equal(draw(1, 0, 0), draw(1, 0, 0))
  const all = [draw(1, 0, 0), draw(2, 0, 0), draw(1, 1, 0), draw(1, 0, 1)]
  assert.equal(new Set(all).size, 4)
})

test('randomblob has the length that SQLite would give', () => {
  const { overridden } = pair()
  for (const [argument, length] of [
    ['5', 5n],
    ['0', 1n],
    ['-3', 1n],
    ["'7x'", 7n],
    ['2.9', 2n],
    ['NULL', 1n],
    ["'x'", 1n],
  ])
    assert.equal(value(overridden, `SELECT length(randomblob(${argument}))`), length, String(argument))
  assert.throws(() => value(overridden, 'SELECT randomblob(2000000000)'), /too big/)
  assert.equal(value(overridden, 'SELECT typeof(random()) || typeof(randomblob(1))'), 'integerblob')
})
