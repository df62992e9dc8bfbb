/** Statements inside of statements, portals that run twice, and effects of one statement that fails in the middle. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FreshClients } from './fresh-clients.ts'
import { bind, execute, parse, sync } from './raw-client.ts'

const clients = new FreshClients()
const { ask } = clients

test('COPY FROM is a write for a session that only reads', async () => {
  await ask('set default_transaction_read_only = on')
  assert.deepEqual(await ask('copy t from stdin'), ['E 25006', 'Z I'])
  assert.deepEqual(
    await clients.client.ask(parse('', 'copy t from stdin'), bind('', ''), execute(''), sync),
    ['1', '2', 'E 25006', 'Z I'],
  )
  await ask('begin')
  assert.deepEqual(await ask('copy t from stdin'), ['E 25006', 'Z E'])
})

test('an EXECUTE of itself ends with an error, one of another does not', async () => {
  await clients.client.ask(parse('s1', 'execute s1'), sync)
  assert.deepEqual(await ask('execute s1'), ['E 54001', 'Z I'])
  assert.deepEqual(await clients.client.ask(bind('', 's1'), execute(''), sync), ['2', 'E 54001', 'Z I'])
  await clients.client.ask(parse('s3', 'execute s4'), parse('s4', 'execute s3'), sync)
  assert.deepEqual(await ask('execute s3'), ['E 54001', 'Z I'])
  await clients.client.ask(parse('s5', 'execute s6'), parse('s6', 'select 1'), sync)
  for (let turn = 0; turn < 200; turn++)
    assert.deepEqual(await ask('execute s5'), ['T 1', 'D 1', 'C SELECT 1', 'Z I'])
})

test('a portal without rows runs once', async () => {
  const insert = [parse('', "insert into t values (40, 'x')"), bind('', '')]
  const rows = 'select count(*) from t where id = 40'
  const twice = [...insert, execute(''), execute(''), sync]
  assert.deepEqual(await clients.client.ask(...twice), ['1', '2', 'C INSERT 0 1', 'E 55000', 'Z I'])
  assert.deepEqual(await ask(rows), ['T 1', 'D 0', 'C SELECT 1', 'Z I'])
  await ask('begin')
  assert.deepEqual(await clients.client.ask(...insert, execute(''), sync), ['1', '2', 'C INSERT 0 1', 'Z T'])
  assert.deepEqual(await clients.client.ask(execute(''), sync), ['E 55000', 'Z E'])
  await ask('rollback')
  const read = [parse('', 'select 1'), bind('', ''), execute(''), execute(''), sync]
  assert.deepEqual(await clients.client.ask(...read), ['1', '2', 'D 1', 'C SELECT 1', 'C SELECT 0', 'Z I'])
})

test('a statement that fails has told nobody', async () => {
  await ask('listen zz')
  const failing = "select pg_notify('zz', 'one'), pg_notify('zz', repeat('x', 9000))"
  assert.deepEqual(await ask(failing), ['E 22023', 'Z I'])
  assert.deepEqual(await clients.client.ask(parse('', failing), bind('', ''), execute(''), sync), [
    '1',
    '2',
    'E 22023',
    'Z I',
  ])
  assert.deepEqual(await ask("select pg_notify('zz', 'two'), pg_notify('zz', 'three')"), [
    'T 2',
    'D |',
    'C SELECT 1',
    'A',
    'A',
    'Z I',
  ])
  const told = [parse('', "select pg_notify('zz', 'four'), 1"), bind('', ''), execute(''), sync]
  assert.deepEqual(await clients.client.ask(...told), ['1', '2', 'D |1', 'C SELECT 1', 'A', 'Z I'])
})
