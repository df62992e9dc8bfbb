import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { parseConnectionUrl } from './connection-url.ts'
import { CancelledError, HranaClient } from './hrana-client.ts'
import { Shell } from './shell.ts'
import { stoppedText } from './stopped.ts'
import { PLAIN_STYLE } from './style.ts'

const NOBODY_KNOWS = 'stopped; the statement may be done or not: look before you repeat it'

const LONE: readonly (readonly [sql: string, beforeAnswer: string, behindAnswer: string])[] = [
  ['SELECT 1', 'stopped', 'stopped'],
  ['-- all\nwith a(x) as (select 1) select x from a', 'stopped', 'stopped'],
  ['EXPLAIN DELETE FROM t', 'stopped', 'stopped'],
  ['BEGIN', 'stopped', 'stopped'],
  ['INSERT INTO t VALUES (1)', NOBODY_KNOWS, 'stopped; the statement is done'],
  ['with a(x) as (select 1) insert into t select x from a', NOBODY_KNOWS, 'stopped; the statement is done'],
  ['CREATE TABLE t (x)', NOBODY_KNOWS, 'stopped; the statement is done'],
  ['PRAGMA user_version = 7', NOBODY_KNOWS, 'stopped; the statement is done'],
]

test('a write that was stopped may be done, a read changes nothing', () => {
  for (const [sql, before, behind] of LONE) {
    assert.equal(stoppedText(sql, new CancelledError(false, false)), before, sql)
    assert.equal(stoppedText(sql, new CancelledError(false, true)), behind, sql)
  }
})

test('what is stopped in a transaction is rolled back with it, but for its COMMIT', () => {
  for (const sql of ['SELECT 1', 'INSERT INTO t VALUES (1)', 'SAVEPOINT s', 'ROLLBACK'])
    assert.equal(
      stoppedText(sql, new CancelledError(true, false)),
      'stopped; the transaction was rolled back',
    )
  for (const sql of ['COMMIT', 'end transaction', 'RELEASE s']) {
    const unknown = 'stopped; the transaction may be committed or rolled back: look before you repeat it'
    assert.equal(stoppedText(sql, new CancelledError(true, false)), unknown)
    assert.match(stoppedText(sql, new CancelledError(true, true)), /^stopped; (COMMIT|END|RELEASE) is done$/)
  }
})

/** A member that begins its answers and never ends them. */
async function openSlow(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => answer(response, request))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

test('the shell tells so when Ctrl-C comes before the answer', async () => {
  const told: string[] = []
  const asked = Promise.withResolvers<void>()
  const { server, url } = await openSlow(() => asked.resolve())
  const settings = { mode: 'table', showsTime: false, tellsChanges: true, rowsMax: 10 } as const
  const output = {
    out: () => Promise.resolve(),
    note: (text: string) => void told.push(text),
    style: PLAIN_STYLE,
    width: () => 80,
  }
  const shell = new Shell(parseConnectionUrl(url), null, settings, output)
  const running = shell.execute('INSERT INTO t VALUES (1)')
  await asked.promise
  shell.cancel()
  assert.equal(await running, false)
  assert.deepEqual(told, [`${NOBODY_KNOWS}\n`])
  await shell.close()
  await closed(server)
})

test('an answer that has begun is known of', async () => {
  const { server, url } = await openSlow((response) => {
    response.write('{"baton":null,"base_url":null}\n{"type":"step_begin","step":0,"cols":[{"name":"x"}]}\n')
  })
  const client = new HranaClient(new URL(url), null)
  const read = async (): Promise<void> => {
    for await (const _ of client.query('INSERT INTO t VALUES (1) RETURNING x')) client.cancel()
  }
  await assert.rejects(read(), { name: 'CancelledError', wasAnswered: true, wasInTransaction: false })
  await client.close()
  await closed(server)
})
