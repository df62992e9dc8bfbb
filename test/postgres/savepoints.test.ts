/**
 * What of a session belongs to a transaction or to a savepoint, and is undone with it: settings, LISTEN, cursors, portals. Conversations
 * message by message, with the answers of PostgreSQL 15.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openWithTable, type PostgresHarness } from './harness.ts'
import { bind, execute, parse, query, RawClient, sync } from './raw-client.ts'

let harness: PostgresHarness

before(async () => {
  harness = await openWithTable()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

type Message = string | readonly Buffer[]

/** Messages and the answers to some of them, by a new client. */
async function converse(
  ...steps: readonly (Message | { readonly ask: Message; readonly hear: string })[]
): Promise<void> {
  await using client = await RawClient.ready(harness.port)
  const told: string[] = []
  for (const step of steps) {
    const [message, wanted] = typeof step === 'object' && 'ask' in step ? [step.ask, step.hear] : [step, null]
    const answer = await client.ask(...(typeof message === 'string' ? [query(message)] : message))
    told.push(`${typeof message === 'string' ? message : 'messages'} → ${answer.join(', ')}`)
    if (wanted === null) assert.ok(!answer.some((line) => line.startsWith('E ')), told.join('\n'))
    else assert.equal(answer.join(', '), wanted, told.join('\n'))
  }
}

const shows = (value: string, status: 'T' | 'I'): { ask: string; hear: string } => ({
  ask: 'show a.x',
  hear: `T 1, D ${value}, C SHOW, Z ${status}`,
})

test('ROLLBACK TO undoes SET and SET LOCAL since the savepoint, and no others', async () => {
  const first = ["set a.x = '0'; set a.y = '0'", 'begin', "set a.x = '1'", 'savepoint s'] as const
  await converse(...first, "set a.x = '2'", 'rollback to s', shows('1', 'T'), 'commit', shows('1', 'I'))
  await converse(...first, "set local a.x = '2'", 'rollback to s', shows('1', 'T'), 'commit', shows('1', 'I'))
  await converse(...first, 'reset a.x', 'rollback to s', shows('1', 'T'), 'rollback', shows('0', 'I'))
  await converse(
    ...first,
    "set a.x = '2'",
    'savepoint u',
    "set a.x = '3'",
    'release u',
    shows('3', 'T'),
    'rollback to s',
    shows('1', 'T'),
  )
  await converse(...first, "set a.x = '2'", 'release s', shows('2', 'T'), 'rollback', shows('0', 'I'))
  await converse(
    ...first,
    "set a.x = '2'",
    'rollback to s',
    "set a.x = '3'",
    'rollback to s',
    shows('1', 'T'),
  )
})

test('clients are told of reported parameters that ROLLBACK TO brings back', async () => {
  await converse(
    { ask: "set timezone = 'Europe/Berlin'", hear: 'S, C SET, Z I' },
    'begin; savepoint s',
    { ask: "set timezone = 'UTC'", hear: 'S, C SET, Z T' },
    { ask: 'rollback to s', hear: 'S, C ROLLBACK, Z T' },
    { ask: "set timezone = 'Europe/Berlin'", hear: 'C SET, Z T' },
  )
})

test('a SET that SET LOCAL hides for a while is there after COMMIT', async () => {
  const zero = "set a.x = '0'"
  await converse('begin', "set a.x = '1'", "set local a.x = '2'", shows('2', 'T'), 'commit', shows('1', 'I'))
  await converse(
    zero,
    'begin',
    "set local a.x = '2'",
    "set a.x = '3'",
    shows('3', 'T'),
    'commit',
    shows('3', 'I'),
  )
  await converse(zero, 'begin', "set a.x = '1'", "set local a.x = '2'", 'rollback', shows('0', 'I'))
  await converse(
    zero,
    'begin',
    "set a.x = '1'",
    'savepoint s',
    "set local a.x = '2'",
    'release s',
    shows('2', 'T'),
    'commit',
    shows('1', 'I'),
  )
  await converse(
    "set statement_timeout = '5s'",
    'begin',
    {
      ask: 'set local statement_timeout to default; show statement_timeout',
      hear: 'C SET, T 1, D 0, C SHOW, Z T',
    },
    { ask: 'commit; show statement_timeout', hear: 'C COMMIT, T 1, D 5s, C SHOW, Z I' },
  )
})

test('SET is undone with all that comes in one message, or before one Sync', async () => {
  await converse(
    "set a.x = '0'",
    { ask: "set a.x = '1'; select 1/0", hear: 'C SET, E 22012, Z I' },
    shows('0', 'I'),
  )
  const set = [parse('', "set a.x = '1'"), bind('', ''), execute('')]
  const fails = { ask: [...set, parse('', 'selec'), sync], hear: '1, 2, C SET, E 42601, Z I' }
  await converse("set a.x = '0'", fails, shows('0', 'I'))
  await converse([...set, sync], { ask: 'select 1/0', hear: 'E 22012, Z I' }, shows('1', 'I'))
  const local = { ask: "select set_config('a.x', '1', true)", hear: 'T 1, D 1, C SELECT 1, Z I' }
  await converse("set a.x = '0'", local, shows('0', 'I'))
})

test('ROLLBACK TO undoes LISTEN, UNLISTEN and NOTIFY since the savepoint, and no others', async () => {
  const hears = (sql: string): { ask: string; hear: string } => ({ ask: sql, hear: 'C NOTIFY, A, Z I' })
  const doesNot = (sql: string): { ask: string; hear: string } => ({ ask: sql, hear: 'C NOTIFY, Z I' })
  await converse(
    'begin; listen a; savepoint s; listen b; rollback to s; commit',
    hears('notify a'),
    doesNot('notify b'),
  )
  await converse('listen a', 'begin; savepoint s; unlisten a; rollback to s; commit', hears('notify a'))
  await converse(
    'listen a',
    'begin',
    "notify a, '1'",
    'savepoint s',
    "notify a, '2'",
    'rollback to s',
    "notify a, '1'",
    "notify a, '2'",
    {
      ask: 'commit',
      hear: 'C COMMIT, A, A, Z I',
    },
  )
})

const fetches = (cursor: string, row: string): { ask: string; hear: string } => ({
  ask: `fetch ${cursor}`,
  hear: row === '' ? 'E 34000, Z E' : `T 1, D ${row}, C FETCH 1, Z T`,
})
const IDS = 'select id from t where id < 4 order by id'

test('ROLLBACK TO closes the cursors since the savepoint; others stay where they are', async () => {
  const first = ['begin', `declare k cursor for ${IDS}`, fetches('k', '1'), 'savepoint s'] as const
  await converse(
    ...first,
    fetches('k', '2'),
    `declare m cursor for ${IDS}`,
    'rollback to s',
    fetches('k', '3'),
    fetches('m', ''),
  )
  await converse(...first, { ask: 'select 1/0', hear: 'E 22012, Z E' }, 'rollback to s', fetches('k', '2'))
  await converse(
    ...first,
    `declare m cursor for ${IDS}`,
    'release s',
    'savepoint u',
    'rollback to u',
    fetches('m', '1'),
  )
  await converse(
    ...first,
    'savepoint u',
    `declare m cursor for ${IDS}`,
    'release u',
    'rollback to s',
    fetches('m', ''),
  )
})

test('a cursor WITH HOLD stays when a later transaction is rolled back', async () => {
  const row = (value: string): { ask: string; hear: string } => ({
    ask: 'fetch k',
    hear: `T 1, D ${value}, C FETCH 1, Z I`,
  })
  const declare = `declare k cursor with hold for ${IDS}`
  await converse(
    'begin',
    declare,
    'commit',
    row('1'),
    'begin; rollback',
    row('2'),
    { ask: 'select 1/0', hear: 'E 22012, Z I' },
    row('3'),
  )
  await converse('begin', declare, 'rollback', { ask: 'fetch k', hear: 'E 34000, Z I' })
})

test('ROLLBACK TO closes the portals since the savepoint; others go on', async () => {
  await converse(
    'begin',
    [parse('q', IDS), bind('p', 'q'), execute('p', 1), sync],
    'savepoint s',
    [bind('o', 'q'), execute('o', 1), sync],
    'rollback to s',
    { ask: [execute('p', 1), sync], hear: 'D 2, s, Z T' },
    { ask: [execute('o', 1), sync], hear: 'E 34000, Z E' },
  )
})

test('READ ONLY of a savepoint ends with it', async () => {
  const inserts = { ask: 'insert into t values (77)', hear: 'C INSERT 0 1, Z T' }
  const first = ['begin', 'savepoint s', 'set transaction read only'] as const
  await converse(
    ...first,
    { ask: 'insert into t values (77)', hear: 'E 25006, Z E' },
    'rollback to s',
    inserts,
  )
  await converse(...first, 'release s', inserts)
})
