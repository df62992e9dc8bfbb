/** Large statements and results through a member that does not lead: they travel in parts, and nothing else stands still. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Place } from './harness.ts'
import { ThreeMembers } from './harness.ts'

const MIB = 1024 * 1024

let three: ThreeMembers
let leader: Place
let follower: Place

before(async () => {
  three = await ThreeMembers.open()
  leader = three.roles().leader
  follower = three.roles().followers[0]
  await leader.query('CREATE TABLE document (id INTEGER PRIMARY KEY, body TEXT)')
})

after(async () => {
  await three[Symbol.asyncDispose]()
})

const textOf = (letter: string, sizeBytes: number): string => letter.repeat(sizeBytes)

test('a value of 3 MiB goes to the leader, and comes back with RETURNING', async () => {
  const body = textOf('a', 3 * MIB)
  const insert = 'INSERT INTO document (body) VALUES (?) RETURNING body'
  let answer = await follower.query(insert, undefined, undefined, [body])
  // Three members with their engines share this thread: while it is busy with such a value, one may miss the leader and elect another.
  for (let count = 0; count < 10 && answer.error?.code === 'OUTCOME_UNKNOWN'; count++)
    answer = await follower.query(insert, undefined, undefined, [body])
  assert.equal(answer.status, 200, JSON.stringify(answer.error))
  assert.ok(answer.rows?.[0]?.[0] === body)
  const lengths = await leader.query('SELECT DISTINCT length(body) FROM document')
  assert.deepEqual(lengths.rows, [[3 * MIB]])
})

test('the same in an interactive transaction', async () => {
  const client = await follower.postgres()
  const body = textOf('b', 2 * MIB)
  const insert = 'INSERT INTO document (body) VALUES ($1) RETURNING body'
  const transact = async (): Promise<string | undefined> => {
    await client.query('BEGIN')
    const { rows } = await client.query<{ body: string }>(insert, [body])
    await client.query('COMMIT')
    return rows[0]?.body
  }
  try {
    let returned: string | null | undefined = null
    for (let count = 0; count < 10 && returned === null; count++) {
      returned = await transact().catch(async (error: { code?: string }) => {
        assert.equal(error.code, '40001')
        await client.query('ROLLBACK')
        return null
      })
    }
    assert.ok(returned === body)
  } finally {
    await client.end()
  }
  assert.deepEqual((await leader.query(`SELECT count(*) FROM document WHERE body LIKE 'b%'`)).rows, [[1]])
})

test('small writes beside large ones, each with a key: all of them are done, once', async () => {
  const count = 'SELECT count(*) FROM document'
  const before = Number((await leader.query(count)).rows?.[0]?.[0])
  const bodies = [
    ...['1', '2'].map((letter) => textOf(letter, 2 * MIB)),
    ...Array.from({ length: 20 }, () => 's'),
  ]
  const answers = await Promise.all(
    bodies.map((body, at) =>
      follower.query('INSERT INTO document (body) VALUES (?)', undefined, `key${at}`, [body]),
    ),
  )
  for (const { status, error } of answers) assert.equal(status, 200, JSON.stringify(error))
  assert.deepEqual((await leader.query(count)).rows, [[before + bodies.length]])
})
