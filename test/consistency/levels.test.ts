/**
 * What each consistency level promises, on real members through every protocol: any member serves any client, a member that is cut off says
 * so or serves only what its client allows.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { CONFLICT, untilDone } from '../cluster/until-done.ts'
import type { Place } from './harness.ts'
import { ThreeMembers } from './harness.ts'

let three: ThreeMembers
let leader: Place
let follower: Place
let other: Place

before(async () => {
  three = await ThreeMembers.open()
  const roles = three.roles()
  leader = roles.leader
  ;[follower, other] = roles.followers
  await leader.query('CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)')
  await leader.query('INSERT INTO counter VALUES (1, 0)')
})

after(async () => {
  await three[Symbol.asyncDispose]()
})

const READ = 'SELECT value FROM counter'

let value = 0

/** Writes the next value through `place`; gives it, with the token. */
async function write(place: Place): Promise<{ readonly value: number; readonly token: number }> {
  // With a key, so that a change of leaders on a busy machine goes unnoticed.
  const answer = await place.query(`UPDATE counter SET value = ${++value}`, undefined, `write ${value}`)
  assert.equal(answer.status, 200, JSON.stringify(answer))
  return { value, token: answer.meta?.index ?? 0 }
}

const jsonValue = async (place: Place, level?: unknown): Promise<unknown> => {
  const answer = await place.query(READ, level)
  return answer.rows?.[0]?.[0] ?? answer.error?.code
}

/** Runs `work` while `place` reaches no other member. */
async function whileCutOff(place: Place, work: () => Promise<void>): Promise<void> {
  three.cutOff(place)
  try {
    await work()
  } finally {
    three.heal(place)
    await three.cluster.until(async () => (await jsonValue(place)) === value, 'the member is back')
  }
}

test('any member takes writes, and a linearizable read on any other sees each of them at once', async () => {
  for (const writer of three.places)
    for (const reader of three.places) {
      const written = await write(writer)
      assert.equal(await jsonValue(reader), written.value)
      assert.equal((await reader.hrana(READ)).value, String(written.value))
    }
})

test('linearizable: a member that is cut off answers with an error, in every protocol', async () => {
  await using postgres = await client(follower)
  await whileCutOff(follower, async () => {
    await write(leader)
    const asked = [jsonValue(follower), follower.hrana(READ)] as const
    await assert.rejects(postgres.query(READ), /does not lead/)
    const [overJson, overHrana] = await Promise.all(asked)
    assert.equal(overJson, 'NOT_LEADER')
    assert.match(overHrana.error ?? '', /does not lead/)
  })
})

test('stale: a member that is cut off answers with what it has, in every protocol', async () => {
  await using postgres = await client(follower)
  await using asked = await client(follower, `-c harmonydb.consistency=stale`)
  const old = value
  assert.equal(await jsonValue(follower), old)
  await whileCutOff(follower, async () => {
    await write(leader)
    assert.equal(await jsonValue(follower, 'stale'), old)
    assert.equal(await jsonValue(follower, { level: 'stale' }), old)
    assert.equal((await follower.hrana(READ, 'stale')).value, String(old))
    assert.equal((await follower.hrana(`/* harmonydb: stale */ ${READ}`)).value, String(old))
    const pragma = `PRAGMA harmonydb_consistency = 'stale'`
    assert.equal((await follower.hrana([pragma, READ])).value, String(old))
    assert.equal(await asked.value(), old)
    assert.equal(await postgres.value(`${READ} /* harmonydb: stale */`), old)
    assert.equal(await postgres.value(`/* harmonydb: stale */ ${READ}`), old)
    const both = await postgres.query({
      text: `SET a.b = 1; /* harmonydb: stale */ ${READ};`,
      rowMode: 'array',
    })
    assert.deepEqual((both as unknown as { rows: unknown[][] }[])[1]?.rows, [[String(old)]])
    await postgres.query(`SET harmonydb.consistency = 'stale'`)
    assert.equal(await postgres.value(), old)
  })
})

test('stale with a bound: answers while the bound holds; on a member that is cut off for longer, an error', async () => {
  await using postgres = await client(follower)
  await jsonValue(follower)
  const old = value
  await whileCutOff(follower, async () => {
    await write(leader)
    assert.equal(await jsonValue(follower, 'stale 1min'), old)
    await postgres.query(`SET harmonydb.consistency = 'stale 1min'`)
    assert.equal(await postgres.value(), old)
    await pause(60)
    await postgres.query(`SET harmonydb.consistency = 'stale 50ms'`)
    const asked = [
      jsonValue(follower, { level: 'stale', maxStalenessMs: 50 }),
      follower.hrana(READ, 'stale 50ms'),
    ] as const
    await assert.rejects(postgres.value(), /does not lead/)
    const [overJson, overHrana] = await Promise.all(asked)
    assert.equal(overJson, 'NOT_LEADER')
    assert.match(overHrana.error ?? '', /does not lead/)
  })
  assert.equal(await jsonValue(follower, 'stale 50ms'), value, 'and when it is back, what is true')
})

test('session: a session sees its own writes on a member that does not lead', async () => {
  await using postgres = await client(follower, '-c harmonydb.consistency=session')
  for (let round = 0; round < 20; round++) {
    await postgres.query(`UPDATE counter SET value = ${++value}`)
    assert.equal(await postgres.value(), value)
  }
})

test('session: the token of one member makes another one wait until it has as much', async () => {
  for (let round = 0; round < 10; round++) {
    const { token, value: written } = await write(follower)
    assert.equal(await jsonValue(other, { level: 'session', index: token }), written)
    const { index } = await leader.hrana(`UPDATE counter SET value = ${++value}`)
    assert.equal((await other.hrana(READ, `session ${index}`)).value, String(value))
    const { value: last } = await leader.hrana([
      `UPDATE counter SET value = ${++value}`,
      'PRAGMA harmonydb_last_index',
    ])
    assert.equal((await other.hrana(`/* harmonydb: session ${last} */ ${READ}`)).value, String(value))
  }
})

test('session: the token of PostgreSQL is harmonydb.last_index, and goes into SET', async () => {
  await using writer = await client(leader)
  await using reader = await client(follower)
  await writer.query(`UPDATE counter SET value = ${++value}`)
  const [[token]] = (await writer.query({ text: 'SHOW harmonydb.last_index', rowMode: 'array' })).rows as [
    [string],
  ]
  await reader.query(`SET harmonydb.consistency = 'session ${token}'`)
  assert.equal(await reader.value(), value)
})

test('session: on a member that is cut off, what is older than the token is not given', async () => {
  await using postgres = await client(follower)
  await jsonValue(follower)
  const old = value
  await whileCutOff(follower, async () => {
    assert.equal(await jsonValue(follower, 'session'), old, 'without a token nothing newer is known')
    const { token } = await write(leader)
    await postgres.query(`SET harmonydb.consistency = 'session ${token}'`)
    const asked = [
      jsonValue(follower, { level: 'session', index: token }),
      follower.hrana(READ, `session ${token}`),
    ] as const
    await assert.rejects(postgres.value(), /did not reach/)
    const [overJson, overHrana] = await Promise.all(asked)
    assert.equal(overJson, 'STATEMENT_TIMEOUT')
    assert.match(overHrana.error ?? '', /did not reach/)
  })
})

test('PostgreSQL: SET, SET LOCAL, RESET, SHOW, and what can not be read', async () => {
  await using postgres = await client(follower, '-c harmonydb.consistency=session')
  const shown = async (): Promise<unknown> => postgres.value('SHOW harmonydb.consistency')
  assert.equal(await shown(), 'session')
  await postgres.query(`SET harmonydb.consistency = 'stale 2s'`)
  assert.equal(await shown(), 'stale 2000ms')
  await postgres.query('BEGIN')
  await postgres.query(`SET LOCAL harmonydb.consistency = linearizable`)
  assert.equal(await shown(), 'linearizable')
  await postgres.query('COMMIT')
  assert.equal(await shown(), 'stale 2000ms')
  await postgres.query('RESET harmonydb.consistency')
  assert.equal(await shown(), 'session')
  await assert.rejects(postgres.query(`SET harmonydb.consistency = 'weak'`), { code: '22023' })
  await assert.rejects(postgres.query(`/* harmonydb: weak */ ${READ}`), /weak/)
  await assert.rejects(client(follower, '-c harmonydb.consistency=weak'), { code: '22023' })
})

test('PostgreSQL: a table that was made through a member that does not lead is there for all its sessions, whatever their level', async () => {
  await using maker = await client(follower, '-c harmonydb.consistency=stale')
  await using stale = await client(follower, '-c harmonydb.consistency=stale')
  for (let round = 0; round < 5; round++) {
    const made = maker.query(`CREATE TABLE made_${round} (id int primary key, name text)`)
    const reads = async (): Promise<void> => {
      for (let count = 0; count < 5; count++) await stale.value()
    }
    await Promise.all([made, reads()])
    await maker.query(`INSERT INTO made_${round} VALUES (1, 'one')`)
    const { index } = (await follower.query(`SELECT 1`)).meta ?? { index: 0 }
    assert.equal(await stale.value(`/* harmonydb: session ${index} */ SELECT name FROM made_${round}`), 'one')
  }
})

test('interactive transactions through a member that does not lead', async () => {
  await using postgres = await client(follower)
  const transact = async (): Promise<void> => {
    await postgres.query('BEGIN')
    await postgres.query(`UPDATE counter SET value = ${value + 1}`)
    assert.equal(await postgres.value(), value + 1, 'the transaction sees its own write')
    assert.equal(await jsonValue(other), value, 'nobody else does')
    await postgres.query('COMMIT')
  }
  await untilDone(postgres, transact, CONFLICT)
  value++
  assert.equal(await jsonValue(other), value)
  await postgres.query('BEGIN')
  await postgres.query('UPDATE counter SET value = -1')
  await postgres.query('ROLLBACK')
  assert.equal(await jsonValue(leader), value)
})

test('a member that is lost in the middle of a transaction does not keep the others waiting', async () => {
  await using postgres = await client(follower)
  await postgres.query('BEGIN')
  await postgres.query('UPDATE counter SET value = -1')
  await whileCutOff(follower, async () => {
    // The time limits of the transaction itself are far away.
    await write(leader)
    await assert.rejects(postgres.query('UPDATE counter SET value = -2'), { code: '40001' })
  })
})

interface Client extends AsyncDisposable {
  query: Awaited<ReturnType<Place['postgres']>>['query']
  /** First column of the first row. */
  value(sql?: string): Promise<unknown>
}

async function client(place: Place, options?: string): Promise<Client> {
  const connected = await place.postgres(options)
  return {
    query: connected.query.bind(connected) as Client['query'],
    async value(sql = READ) {
      const simple = await connected.query<unknown[]>({ text: sql, rowMode: 'array' })
      // Prepared statements go another way where reads are quick.
      const name = `s${createHash('sha1').update(sql).digest('hex')}`
      const prepared = await connected.query<unknown[]>({ name, text: sql, rowMode: 'array' })
      const again = await connected.query<unknown[]>({ name, text: sql, rowMode: 'array' })
      assert.deepEqual([prepared.rows, again.rows], [simple.rows, simple.rows], sql)
      const first = simple.rows[0]?.[0]
      // The driver gives 64-bit integers as texts.
      return typeof first === 'string' && /^\d+$/.test(first) ? Number(first) : first
    },
    [Symbol.asyncDispose]: () => connected.end(),
  }
}
