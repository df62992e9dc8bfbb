import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWithTable } from '../../../../test/postgres/harness.ts'
import type { Credential, Session } from '../../../gateway/session.ts'
import { DatabaseDialect } from './database-dialect.ts'
import { loadParser } from './parse.ts'
import { TemporarySpace } from './temporary-space.ts'

const CREDENTIAL: Credential = { access: 'read-write', databases: null }
const SPACE = new TemporarySpace(() => 'pg_temp_1_0000000000000000_')

async function compile(dialect: DatabaseDialect, session: Session, sql: string): Promise<string> {
  const [parsed = dialect.emptyStatement] = dialect.parse(sql)
  const { plan } = await dialect.compile(parsed, [], { session, isPrivate: false, temporary: SPACE })
  return plan.kind
}

test('however many sessions ask at once, the schema is read once', async () => {
  await loadParser()
  await using harness = await openWithTable()
  const sessions = await Promise.all(
    Array.from({ length: 50 }, () => harness.gateway.openSession('default', CREDENTIAL)),
  )
  let reads = 0
  const dialect = new DatabaseDialect(() => void reads++)
  const kinds = await Promise.all(sessions.map((session) => compile(dialect, session, 'SELECT v FROM t')))
  assert.deepEqual(new Set(kinds), new Set(['query']))
  assert.equal(reads, 1)
  await Promise.all(sessions.map((session) => session.close()))
})

test('what was made while others looked is found', async () => {
  await loadParser()
  await using harness = await openWithTable()
  const open = (): Promise<Session> => harness.gateway.openSession('default', CREDENTIAL)
  const [first, second, maker] = [await open(), await open(), await open()]
  const dialect = new DatabaseDialect()
  await compile(dialect, first, 'SELECT v FROM t')
  for (let table = 0; table < 10; table++) {
    dialect.schemaChanged(0n)
    const looking = compile(dialect, first, `SELECT v FROM t WHERE id > ${table}`)
    await maker.execute({ sql: `CREATE TABLE new${table} (id INTEGER)`, args: { positional: [], named: [] } })
    assert.equal(await compile(dialect, second, `SELECT id FROM new${table}`), 'query')
    await looking
  }
  for (const session of [first, second, maker]) await session.close()
})

test('what somebody changes while another looks whether anything has changed is looked at anew', async (t) => {
  await loadParser()
  await using harness = await openWithTable()
  const session = await harness.gateway.openSession('default', CREDENTIAL)
  let reads = 0
  const dialect = new DatabaseDialect(() => void reads++)
  await compile(dialect, session, 'SELECT v FROM t')
  const later = performance.now() + 60_000
  t.mock.method(performance, 'now', () => later)
  const looking = compile(dialect, session, 'SELECT v FROM t WHERE id = 1')
  dialect.schemaChanged(0n)
  assert.equal(await looking, 'query')
  assert.equal(reads, 2)
  await session.close()
})

test('a look that fails for reasons of its own session fails that one only', async () => {
  await loadParser()
  await using harness = await openWithTable()
  const open = (): Promise<Session> => harness.gateway.openSession('default', CREDENTIAL)
  const [gone, other] = [await open(), await open()]
  const dialect = new DatabaseDialect()
  const failing = compile(dialect, gone, 'SELECT v FROM t')
  const closing = gone.close()
  const going = compile(dialect, other, 'SELECT v FROM t WHERE id = 1')
  await assert.rejects(failing)
  assert.equal(await going, 'query')
  await closing
  await other.close()
})
