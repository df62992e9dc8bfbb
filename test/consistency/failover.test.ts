/** What clients of the other members notice when the leader is lost: time, and nothing else. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { GROUP_DEFAULTS } from '../../src/group/limits.ts'
import type { RoutingLimits } from '../../src/cluster/routing/limits.ts'
import { DEFAULT_TIMING } from '../../src/group/raft-timing.ts'
import { untilDone } from '../cluster/until-done.ts'
import type { Place } from './harness.ts'
import { ThreeMembers } from './harness.ts'

let three: ThreeMembers

before(async () => {
  three = await opened()
})

/** Unless it is told otherwise, it waits for a leader for longer than all elections of a machine that is busy. */
async function opened(routing: Partial<RoutingLimits> = {}): Promise<ThreeMembers> {
  const patience = { readIndexTimeoutMs: 120_000, appliedWaitTimeoutMs: 120_000 }
  const members = await ThreeMembers.open({ leaderTimeoutMs: 120_000, ...routing }, patience, DEFAULT_TIMING)
  for (const sql of [
    'CREATE TABLE IF NOT EXISTS log (entry TEXT)',
    'CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER)',
    'INSERT OR IGNORE INTO account VALUES (1, 0)',
  ])
    await members.cluster.until(async () => (await members.places[0]?.query(sql))?.status === 200, sql)
  return members
}

after(async () => {
  await three[Symbol.asyncDispose]()
})

interface Story {
  readonly acknowledged: string[]
  readonly unknown: string[]
  readonly refused: string[]
}

/** Writes one entry after another until `isOver`. */
async function writeOn(place: Place, name: string, hasKeys: boolean, isOver: () => boolean): Promise<Story> {
  const story: Story = { acknowledged: [], unknown: [], refused: [] }
  for (let count = 0; !isOver(); count++) {
    const entry = `${name}.${count}`
    const { error } = await place.query(
      `INSERT INTO log VALUES ('${entry}')`,
      undefined,
      hasKeys ? entry : undefined,
    )
    if (error === undefined) story.acknowledged.push(entry)
    else if (error.code === 'OUTCOME_UNKNOWN') story.unknown.push(entry)
    else story.refused.push(`${entry}: ${error.code}: ${error.message}`)
  }
  return story
}

/** Reads at every level until `isOver`; rejects at the first error, and at the first answer that is older than the one before. */
async function readOn(place: Place, isOver: () => boolean): Promise<void> {
  let seen = 0
  while (!isOver())
    for (const level of ['linearizable', 'stale']) {
      const { rows, error } = await place.query('SELECT count(*) FROM log', level)
      assert.equal(error, undefined, `${level}: ${error?.message}`)
      const count = Number(rows?.[0]?.[0])
      assert.ok(count >= seen, `${level}: ${count} after ${seen}`)
      seen = count
    }
}

async function entries(place: Place): Promise<Map<string, number>> {
  const { rows = [] } = await place.query('SELECT entry, count(*) FROM log GROUP BY entry')
  return new Map(rows.map(([entry, count]) => [String(entry), Number(count)]))
}

/** The leader is lost under load, and comes back. */
async function loseLeader(hasKeys: boolean): Promise<void> {
  const { leader, followers } = await three.agreedRoles()
  let isOver = false
  const clients = followers.flatMap((place, at) =>
    Array.from({ length: 4 }, (_, client) =>
      writeOn(place, `${leader.host}${hasKeys}${at}${client}`, hasKeys, () => isOver),
    ),
  )
  const readers = followers.map((place) => readOn(place, () => isOver))
  await pause(200)
  three.cutOff(leader)
  const others = followers.map(({ member }) => member)
  await three.cluster.until(
    () => others.every((member) => leaderOf(member) !== leader.member.number && leaderOf(member) !== null),
    'another leader',
  )
  await pause(300)
  isOver = true
  const stories = await Promise.all(clients)
  await Promise.all(readers)
  const found = await entries(followers[0])
  for (const { acknowledged, unknown, refused } of stories) {
    assert.deepEqual(refused, [], 'nobody hears of a failover')
    for (const entry of acknowledged) assert.equal(found.get(entry), 1, `${entry} was acknowledged`)
    for (const entry of unknown) assert.ok((found.get(entry) ?? 0) <= 1, entry)
    if (hasKeys) assert.deepEqual(unknown, [], 'with keys nothing is unknown')
  }
  three.heal(leader)
  await three.cluster.until(
    async () => (await leader.query('SELECT 1')).status === 200 && three.hasOneLeader(),
    'the old leader is back',
  )
}

function leaderOf(member: Place['member']): number | null {
  return member.clusterState().groups.find(({ database }) => database === 'default')?.leader ?? null
}

test('the leader is lost: writes through the others wait and go on; those with keys have no unknown outcome', async () => {
  await loseLeader(true)
})

test('the leader is lost: without keys, only what was on its way is unknown', async () => {
  await loseLeader(false)
})

test('a leader that is cut off acknowledges nothing that the others do not have', async () => {
  // Longer than an election, shorter than a test should be: its clients are to give up.
  await using three = await opened({ leaderTimeoutMs: 6_000 })
  const { leader, followers } = await three.agreedRoles()
  let isOver = false
  const clients = [1, 2].map((client) => writeOn(leader, `cut${client}`, false, () => isOver))
  await pause(100)
  three.cutOff(leader)
  await three.cluster.until(() => {
    const known = leaderOf(followers[0].member)
    return known !== null && known !== leader.member.number
  }, 'another leader')
  const meanwhile = await followers[0].query(`INSERT INTO log VALUES ('meanwhile')`)
  isOver = true
  // Told within bounded time: refused for certain, or unknown.
  const stories = await Promise.all(clients)
  three.heal(leader)
  await three.cluster.until(
    async () => (await leader.query('SELECT 1')).status === 200 && three.hasOneLeader(),
    'the old leader is back',
  )
  const found = await entries(leader)
  if (meanwhile.status === 200) assert.equal(found.get('meanwhile'), 1)
  else assert.equal(meanwhile.error?.code, 'OUTCOME_UNKNOWN')
  for (const { acknowledged, refused } of stories) {
    for (const entry of acknowledged) assert.equal(found.get(entry), 1, `${entry} was acknowledged`)
    for (const text of refused)
      assert.equal(found.get(text.split(':')[0] ?? ''), undefined, `${text}, and it is there`)
  }
})

test('a transaction that reads first and then writes works on every member, also after a change of leaders', async () => {
  await loseLeader(true)
  for (const [at, place] of three.places.entries()) {
    const client = await place.postgres()
    const transact = async (): Promise<void> => {
      await client.query('BEGIN')
      const { rows } = await client.query<{ balance: string }>('SELECT balance FROM account')
      // Again after a COMMIT of which nobody knows what became, it may be done already.
      assert.ok([at, at + 1].includes(Number(rows[0]?.balance)), JSON.stringify(rows))
      await client.query(`UPDATE account SET balance = ${at + 1}`)
      await client.query('COMMIT')
    }
    try {
      await untilDone(client, transact)
    } finally {
      await client.end()
    }
  }
  const { rows } = (await three.places[0]?.query('SELECT balance FROM account')) ?? {}
  assert.deepEqual(rows, [[3]])
})

test('a leader that is stopped in good order: nobody hears of it, not even of an unknown outcome', async () => {
  // On a busy machine leaders change by themselves, too, of which clients without keys do hear: then that says nothing.
  for (let attempt = 1, quiet = 0; quiet < 3; attempt++) {
    if ((await stopLeader()) === 'quiet') quiet++
    assert.ok(attempt < 20)
  }
})

async function stopLeader(): Promise<'quiet' | 'disturbed'> {
  // What the old leader has done it answers, however late: it is not gone without a word.
  await using three = await opened({ supersededGraceMs: 60_000 })
  const { leader, followers } = await three.agreedRoles()
  const { term } = three
  let isOver = false
  const clients = followers.flatMap((place, at) =>
    Array.from({ length: 4 }, (_, client) => writeOn(place, `stop${at}${client}`, false, () => isOver)),
  )
  await pause(200)
  const isLeading = leaderOf(leader.member) === leader.member.number
  await leader[Symbol.asyncDispose]()
  const beganMs = performance.now()
  await three.cluster.stop(leader.host)
  const tookMs = performance.now() - beganMs
  await pause(200)
  isOver = true
  const stories = await Promise.all(clients)
  const found = await entries(followers[0])
  // One election, that of the member to which the leader has handed over; not that of one that was tired of waiting.
  const isQuiet = isLeading && three.term <= term + 1 && tookMs < GROUP_DEFAULTS.handOverTimeoutMs
  for (const { acknowledged, unknown, refused } of stories) {
    assert.deepEqual(refused, [])
    if (isQuiet) assert.deepEqual(unknown, [])
    for (const entry of acknowledged) assert.equal(found.get(entry), 1, entry)
  }
  return isQuiet ? 'quiet' : 'disturbed'
}
