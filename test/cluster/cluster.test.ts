/**
 * Four real members. These are the short forms of the measurements beside this file, without a look at the clock: what a slow machine
 * can't make fail.
 */

import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { runCommand } from '../member/running-member.ts'
import { Cluster, until } from './cluster.ts'
import { measureFailovers } from './failover.ts'
import { joinUnderLoad } from './large-database.ts'
import { insist, query, QueryError } from './load.ts'
import { restartAll } from './rolling-restart.ts'
import { itemsOf, leadersOf, makeDatabases } from './many-databases.ts'
import { untilDone } from './until-done.ts'

let cluster: Cluster

/** `ok`, or the code of what it rejects with. */
async function codeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
    return 'ok'
  } catch (error) {
    return error instanceof QueryError ? error.code : String(error)
  }
}

async function ask(url: string, body: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${url}/v1/databases/default/query`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  return { status: response.status, json: await response.json() }
}

/** On a busy machine elections take many times what they take elsewhere, and so does handing over. */
const PATIENCE = [
  'group.handOverTimeoutMs=30s',
  'routing.leaderTimeoutMs=20s',
  'gateway.readIndexTimeoutMs=1min',
  'gateway.appliedWaitTimeoutMs=1min',
]

before(async () => {
  cluster = await Cluster.start({ members: 4, args: PATIENCE.flatMap((limit) => ['--limit', limit]) })
})

after(async () => {
  await cluster[Symbol.asyncDispose]()
})

test('every member is a process of its own, and tells of the same cluster with three voters and a learner', async () => {
  const states = await Promise.all(cluster.indexes.map((index) => cluster.state(index)))
  assert.equal(new Set(cluster.indexes.map((index) => cluster.pid(index))).size, 4)
  assert.equal(new Set(states.map((state) => state.cluster)).size, 1)
  assert.deepEqual(
    states.map((state) => state.member).toSorted((a, b) => a - b),
    [1, 2, 3, 4],
  )
  await until('the default database has three voters and a learner', async () => {
    const { voters, learners } = await cluster.group(0)
    return voters.length === 3 && learners.length === 1
  })
  assert.equal(statSync(join(cluster.path, 'secret')).mode & 0o777, 0o600)
})

test('what is written through one member is read through each other at once', async () => {
  await insist(cluster.url(0), 'CREATE TABLE IF NOT EXISTS seen (member INTEGER PRIMARY KEY)')
  for (const writer of cluster.indexes) {
    await insist(cluster.url(writer), 'INSERT OR IGNORE INTO seen VALUES (?)', [writer])
    for (const reader of cluster.indexes) {
      const rows = await insist(cluster.url(reader), 'SELECT member FROM seen ORDER BY member')
      assert.equal(rows.length, writer + 1, `member ${reader} after a write through member ${writer}`)
    }
  }
})

test('the leader is killed under load: the others go on, no read fails there, nothing acknowledged is lost', async (t) => {
  const report = await measureFailovers(cluster, { kills: 1, clientsPerMember: 1 })
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(report.failovers[0]?.readFailures, [])
})

test('each member is restarted under load, one after the other: clients of the others hear of nothing', async (t) => {
  const reports = await restartAll(cluster)
  t.diagnostic(JSON.stringify(reports))
  for (const { isClean, readFailures, writeFailures, otherElections } of reports) {
    assert.deepEqual(readFailures, [])
    const isExplained = (failure: string): boolean =>
      otherElections > 0 && failure.startsWith('OUTCOME_UNKNOWN')
    assert.deepEqual(
      writeFailures.filter((failure) => !isExplained(failure)),
      [],
    )
    assert.equal(isClean, true)
  }
  const quiet = reports.filter(({ otherElections }) => otherElections === 0)
  assert.deepEqual(
    quiet.map(({ restarted }) => restarted),
    cluster.indexes,
  )
})

test('PostgreSQL clients write and read through any member, transactions included', async () => {
  for (const index of cluster.indexes) {
    const client = new Client(cluster.postgresUrl(index).replace('//', '//tester@'))
    await client.connect()
    try {
      await untilDone(client, async () => {
        await client.query('CREATE TABLE IF NOT EXISTS visits (id SERIAL PRIMARY KEY, member INT UNIQUE)')
        await client.query('BEGIN')
        await client.query('INSERT INTO visits (member) VALUES ($1) ON CONFLICT DO NOTHING', [index])
        const { rows } = await client.query('SELECT count(*)::int AS n FROM visits')
        assert.deepEqual(rows, [{ n: index + 1 }])
        await client.query('COMMIT')
      })
    } finally {
      await client.end()
    }
  }
})

test('databases are led by different members, and each is served by all', async (t) => {
  await makeDatabases(cluster, 12, 4)
  for (const member of cluster.indexes) {
    for (const at of [0, 5, 11]) assert.deepEqual(await itemsOf(cluster, member, at), [[1, `shop-${at}`]])
  }
  await until('leadership is spread over the members', async () => {
    const leaders = await leadersOf(cluster)
    return !leaders.has(null) && leaders.size >= 3
  })
  t.diagnostic(JSON.stringify(Object.fromEntries(await leadersOf(cluster))))
})

test('`harmonydb status` and `member` tell of it; a transfer moves the leadership', async () => {
  const url = cluster.url(3)
  await until('all is well', async () => (await runCommand(['status', url])).exitCode === 0)
  const list = await runCommand(['member', 'list', url])
  assert.equal(list.stdout.match(/active/g)?.length, 4, list.stdout + list.stderr)
  const leader = await cluster.leader()
  const { member } = await cluster.state(leader)
  const transfer = ['member', 'transfer', url, '--database', 'default', '--from', String(member)]
  let moved = await runCommand(transfer)
  // By itself it may lead no more, or nobody may follow well enough just now.
  for (let attempt = 1; moved.exitCode !== 0 && attempt < 5; attempt++) {
    if ((await cluster.leader()) !== leader) break
    moved = await runCommand(transfer)
  }
  await until(
    'another member leads',
    async () => (await cluster.leader()) !== leader,
    () => moved.stderr,
  )
})

test('a member that was stopped and one that was killed come back and catch up', async () => {
  await insist(cluster.url(0), 'CREATE TABLE IF NOT EXISTS missed (id INTEGER PRIMARY KEY)')
  assert.equal(await cluster.stop(2), true)
  await insist(cluster.url(0), 'INSERT OR IGNORE INTO missed VALUES (1)')
  cluster.start(2)
  await cluster.ready(2)
  await cluster.kill(3)
  await insist(cluster.url(0), 'INSERT OR IGNORE INTO missed VALUES (2)')
  cluster.start(3)
  await cluster.ready(3)
  for (const index of cluster.indexes)
    assert.deepEqual(await insist(cluster.url(index), 'SELECT id FROM missed ORDER BY id'), [[1], [2]])
})

test('without a majority writes are refused after a while, stale reads go on; with it everything does', async () => {
  const { voters } = await cluster.group(await cluster.leader())
  const states = await Promise.all(cluster.indexes.map((index) => cluster.state(index)))
  const gone = states.flatMap(({ member }, index) => (voters.slice(0, 2).includes(member) ? [index] : []))
  const left = cluster.indexes.filter((index) => !gone.includes(index))
  await Promise.all(gone.map((index) => cluster.kill(index)))
  for (const index of left) {
    // One that was sent to the dead leader before anybody knew is told that its outcome is unknown.
    await until('writes are refused', async () => {
      const code = await codeOf(query(cluster.url(index), 'CREATE TABLE never (id)'))
      assert.ok(code === 'NOT_LEADER' || code === 'OUTCOME_UNKNOWN', code)
      return code === 'NOT_LEADER'
    })
    const { status, json } = await ask(cluster.url(index), {
      sql: 'SELECT count(*) AS n FROM missed',
      consistency: { level: 'stale' },
    })
    assert.equal(status, 200, JSON.stringify(json))
  }
  for (const index of gone) cluster.start(index)
  await cluster.ready(...gone)
  for (const index of cluster.indexes)
    assert.deepEqual(await insist(cluster.url(index), 'SELECT id FROM missed ORDER BY id'), [[1], [2]])
})

test('a fifth member joins under load', async (t) => {
  const joined = await joinUnderLoad(cluster)
  t.diagnostic(JSON.stringify(joined))
  let list = ''
  await until(
    'all members are active',
    async () => {
      const { stdout, stderr } = await runCommand(['member', 'list', cluster.url(joined.index)])
      list = stdout + stderr
      return stdout.match(/active/g)?.length === 5
    },
    () => list,
  )
})

test('all are killed at once, started again, and everything is there', async () => {
  const [[before] = []] = await insist(cluster.url(0), 'SELECT count(*) FROM load_1')
  await Promise.all(cluster.indexes.map((index) => cluster.kill(index)))
  for (const index of cluster.indexes) cluster.start(index)
  await cluster.ready()
  for (const index of cluster.indexes) {
    const [[now] = []] = await insist(cluster.url(index), 'SELECT count(*) FROM load_1')
    assert.equal(now, before)
  }
})
