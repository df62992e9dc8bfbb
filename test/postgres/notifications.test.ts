/** LISTEN and NOTIFY: what is committed is heard, in order, once, and nothing else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPostgres, type PostgresHarness } from './harness.ts'
import { bind, execute, parse, query, RawClient, sync } from './raw-client.ts'

/** The next notification's text: channel and payload. */
async function heard(client: RawClient): Promise<string> {
  for (;;) {
    const message = await client.next()
    assert.notEqual(message, null, 'the connection has ended')
    if (message?.type === 'A') return message.body.subarray(4).toString().split('\0').slice(0, 2).join(' ')
  }
}

async function listener(harness: PostgresHarness, channel: string): Promise<RawClient> {
  const client = await RawClient.ready(harness.port)
  await client.ask(query(`listen ${channel}`))
  return client
}

test('what a transaction tells is heard when it commits: in order, equal ones once, nothing that was undone', async () => {
  await using harness = await openPostgres()
  await using receiver = await listener(harness, 'news')
  await using sender = await RawClient.ready(harness.port)
  await sender.ask(query("begin; notify news, 'rolled back'; rollback"))
  await sender.ask(query('begin'), query("notify news, 'a'"), query("notify news, 'b'"))
  for (const sql of [
    'notify other',
    "notify news, 'a'",
    'savepoint s',
    "notify news, 'undone'",
    'rollback to s',
    "select pg_notify('news', 'c')",
    'commit',
  ]) {
    await sender.ask(query(sql))
  }
  await sender.ask(query("notify news, 'last'"))
  const all = [await heard(receiver), await heard(receiver), await heard(receiver), await heard(receiver)]
  assert.deepEqual(all, ['news a', 'news b', 'news c', 'news last'])
})

test('a client hears itself before it is told that it may go on; LISTEN that is rolled back hears nothing', async () => {
  await using harness = await openPostgres()
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual(await client.ask(query('begin; listen x; rollback')), [
    'C BEGIN',
    'C LISTEN',
    'C ROLLBACK',
    'Z I',
  ])
  assert.deepEqual(await client.ask(query("notify x, '1'")), ['C NOTIFY', 'Z I'])
  await client.ask(query('listen x'))
  assert.deepEqual(await client.ask(query("notify x, '2'")), ['C NOTIFY', 'A', 'Z I'])
  const extended = [parse('', 'select pg_notify($1, $2)'), bind('', '', ['x', '3']), execute(''), sync]
  assert.deepEqual((await client.ask(...extended)).slice(-2), ['A', 'Z I'])
  // The same again, in a transaction of its own, is heard again.
  assert.deepEqual((await client.ask(...extended)).slice(-2), ['A', 'Z I'])
  await client.ask(query('unlisten x'))
  assert.deepEqual(await client.ask(query("notify x, '4'")), ['C NOTIFY', 'Z I'])
})

test('the table of notifications is not in the catalog, keeps a bounded number, and other protocols may insert into it', async () => {
  await using harness = await openPostgres()
  await using receiver = await listener(harness, 'news')
  await using sender = await RawClient.ready(harness.port)
  await sender.ask(query("notify news, 'first'"))
  assert.equal(await heard(receiver), 'news first')
  const tables = await sender.ask(query("select relname from pg_class where relname like '%notif%'"))
  assert.deepEqual(tables, ['T 1', 'C SELECT 0', 'Z I'])
  const session = await harness.gateway.openSession('default', { access: 'read-write', databases: null })
  const insert = "INSERT INTO pg_notification (channel, payload) VALUES ('news', 'from elsewhere')"
  await session.execute({ sql: insert, args: { positional: [], named: [] } })
  assert.equal(await heard(receiver), 'news from elsewhere')
  const many =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) ' +
    "INSERT INTO pg_notification (channel) SELECT 'elsewhere' FROM n"
  await session.execute({ sql: many, args: { positional: [], named: [] } })
  await sender.ask(query("notify news, 'after many'"))
  assert.equal(await heard(receiver), 'news after many')
  const { rows } = await session.execute({
    sql: 'SELECT count(*) FROM pg_notification',
    args: { positional: [], named: [] },
  })
  assert.deepEqual(rows, [[4096n]])
  await session.close()
})

test('NOTIFY writes: it is refused in a read-only transaction, and its text is bounded', async () => {
  await using harness = await openPostgres()
  await using client = await RawClient.ready(harness.port)
  assert.deepEqual((await client.ask(query('begin read only; notify x'))).at(-2), 'E 25006')
  await client.ask(query('rollback'))
  assert.deepEqual(await client.ask(query(`notify x, '${'a'.repeat(8000)}'`)), ['E 22023', 'Z I'])
  assert.deepEqual(await client.ask(query("select pg_notify('', 'a')")), ['E 22023', 'Z I'])
})
