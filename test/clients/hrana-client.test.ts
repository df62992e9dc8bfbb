/** @libsql/hrana-client: what @libsql/client does not offer, over both transports. */

import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import * as hrana from '@libsql/hrana-client'
import { startMember, type Member } from './member.ts'

let member: Member
before(async () => (member = await startMember()))
after(() => member[Symbol.asyncDispose]())

type Act = (stream: hrana.Stream, client: hrana.Client) => Promise<void>

async function withClient(scheme: 'http' | 'ws', act: Act): Promise<void> {
  const client =
    scheme === 'ws'
      ? hrana.openWs(member.wsUrl, undefined, 3)
      : hrana.openHttp(member.url, undefined, undefined, undefined, 3)
  try {
    assert.equal(await client.getVersion(), 3)
    await act(client.openStream(), client)
  } finally {
    client.close()
  }
}

for (const scheme of ['http', 'ws'] as const) {
  describe(`over ${scheme}, version 3 in Protobuf`, () => {
    test('describe tells of a table that the open transaction has made', () =>
      withClient(scheme, async (stream) => {
        await stream.run('BEGIN')
        await stream.run('CREATE TABLE described (a TEXT, b INTEGER)')
        const description = await stream.describe('SELECT a, b FROM described WHERE a = ? AND b = :b')
        assert.deepEqual(description, {
          paramNames: [undefined, ':b'],
          columns: [
            { name: 'a', decltype: 'TEXT' },
            { name: 'b', decltype: 'INTEGER' },
          ],
          isExplain: false,
          isReadonly: true,
        })
        await stream.run('ROLLBACK')
        await assert.rejects(stream.describe('SELECT a FROM described'), /no such table: described/)
      }))

    test('a cursor gives the result of each step: rows, an error, nothing', () =>
      withClient(scheme, async (stream) => {
        const batch = stream.batch(true)
        const good = batch.step()
        const rows = good.query('VALUES (1), (2), (3)')
        const bad = batch.step()
        const failed = assert.rejects(bad.run('SELECT * FROM missing'), /no such table: missing/)
        const skipped = batch.step().condition(hrana.BatchCond.ok(bad)).queryValue('SELECT 1')
        const reached = batch.step().condition(hrana.BatchCond.error(bad)).queryValue('SELECT 2')
        await batch.execute()
        await failed
        assert.equal((await rows)?.rows.length, 3)
        assert.equal(await skipped, undefined)
        assert.equal((await reached)?.value, 2)
      }))

    test('autocommit is told, and a cursor sees the transaction of its stream', () =>
      withClient(scheme, async (stream) => {
        assert.equal(await stream.getAutocommit(), true)
        await stream.run('BEGIN')
        await stream.run('CREATE TABLE seen (a)')
        const batch = stream.batch(true)
        const inserted = batch.step().run('INSERT INTO seen VALUES (1), (2)')
        const counted = batch.step().queryValue('SELECT count(*) FROM seen')
        await batch.execute()
        assert.equal((await inserted)?.affectedRowCount, 2)
        assert.equal((await counted)?.value, 2)
        assert.equal(await stream.getAutocommit(), false)
        await stream.run('ROLLBACK')
        assert.equal(await stream.getAutocommit(), true)
      }))

    test('stored SQL', () =>
      withClient(scheme, async (stream, client) => {
        const owner = scheme === 'ws' ? (client as hrana.WsClient) : (stream as hrana.HttpStream)
        const sql = owner.storeSql('SELECT ? * 2')
        const values = await Promise.all([1, 2, 3].map((value) => stream.queryValue([sql, [value]])))
        sql.close()
        assert.deepEqual(
          values.map(({ value }) => value),
          [2, 4, 6],
        )
      }))
  })
}
