/** Stories of a cluster: members that come, go, are replaced and removed, and databases that are the same on all of them. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readCatalog } from './catalog-reader.ts'
import type { Member } from './member.ts'
import { BEGIN, RESULT_SIZE_BYTES_MAX, column, run, statement } from './testing/member-fixture.ts'
import { TestCluster, peerAddressOf } from './testing/cluster-fixture.ts'

const namesOf = async (member: Member): Promise<string[]> => (await member.list()).map(({ name }) => name)

function groupOf(member: Member, database: string) {
  const group = member.clusterState().groups.find((one) => one.database === database)
  assert.ok(group, `no group of ${database}`)
  return group
}

/** What the member's own file has, without asking the leader. */
async function localRows(member: Member, database: string, sql: string): Promise<unknown[]> {
  const { DatabaseSync } = await import('node:sqlite')
  const { dataFile } = await member.get(database)
  const db = new DatabaseSync(dataFile, { readOnly: true })
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row)[0])
  } finally {
    db.close()
  }
}

test('three members found a cluster, and a database that is made on one is on all, with all it holds', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  assert.deepEqual(
    members.map(({ number }) => number).toSorted((left, right) => left - right),
    [1, 2, 3],
  )
  const [first, , last] = members as [Member, Member, Member]
  await first.create('shop')
  for (const member of members)
    await cluster.until(async () => (await namesOf(member)).includes('shop'), 'shop everywhere')
  await run(await last.get('shop'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (7)')
  for (const member of members) {
    assert.deepEqual(await column(await member.get('shop'), 'SELECT a FROM t'), [7n])
    await cluster.until(
      async () =>
        (await localRows(member, 'shop', `SELECT count(*) FROM sqlite_schema WHERE name = 't'`))[0] === 1,
      'the table in every file',
    )
  }
  await cluster.until(
    () => ['_catalog', 'default', 'shop'].every((name) => groupOf(first, name).voters.length === 3),
    'three voters everywhere',
  )
})

test('who has founded a cluster is ready when all of its members vote: any of them may go at once', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  for (const member of members)
    assert.deepEqual(
      member.clusterState().groups.map(({ database, voters }) => [database, voters.length]),
      [
        ['_catalog', 3],
        ['default', 3],
      ],
    )
  const [first, second] = members.toSorted((left, right) => left.number - right.number)
  await first?.close()
  assert.ok(second)
  await run(await second.get('default'), 'CREATE TABLE t (a)')
})

/**
 * On a machine that stops for a second, members hold an election of their own in the middle of what is looked at. Not each time: what fails
 * again and again is broken.
 */
async function unlessElected(look: () => Promise<void>): Promise<void> {
  for (let left = 4; left > 0; left--) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error
    }
  }
  return look()
}

const FOUR_VOTES = ['_catalog', 'default']

async function untilSettled(cluster: TestCluster, members: readonly Member[], voters: number): Promise<void> {
  await cluster.until(
    () =>
      members.every((member) => {
        const { groups, members: rows } = member.clusterState()
        const active = rows.filter(({ status }) => status === 'active').map(({ member: one }) => one)
        return groups.every(
          (group) =>
            group.voters.length === voters &&
            group.leader === group.preferredLeader &&
            new Set([...group.voters, ...group.learners, ...active]).size === active.length &&
            group.voters.length + group.learners.length === active.length,
        )
      }),
    `${voters} voters of every database, led by the first choice`,
  )
}

test('a fourth member joins: it follows or votes as placement says, and has everything', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  const [first] = members as [Member, Member, Member]
  await run(await first.get('default'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
  const fourth = await cluster.start('d', 'join', ['b'])
  assert.equal(fourth.number, 4)
  await untilSettled(cluster, [...members, fourth], 3)
  for (const name of FOUR_VOTES) assert.equal(groupOf(fourth, name).learners.length, 1)
  assert.deepEqual(await column(await fourth.get('default'), 'SELECT a FROM t'), [1n])
  await run(await fourth.get('default'), 'INSERT INTO t VALUES (2)')
  await cluster.until(
    async () => (await localRows(fourth, 'default', 'SELECT a FROM t')).length === 2,
    'the row in the file of the fourth',
  )
})

test('a member that is removed hands over, stops and never comes back; the others go on', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  const [first] = members as [Member, Member, Member]
  await untilSettled(cluster, members, 3)
  const gone = [...cluster.members].find(([, member]) => member !== first)
  assert.ok(gone)
  const [host, member] = gone
  await first.removeMember(member.number)
  const reason = await member.failed
  assert.equal(reason.code, 'MEMBERSHIP_REFUSED')
  await cluster.stop(host)
  const rest = members.filter((one) => one !== member)
  await untilSettled(cluster, rest, 2)
  await run(await first.get('default'), 'CREATE TABLE t (a)')
  await assert.rejects(cluster.start(host, 'join', ['a', 'b', 'c']), {
    code: 'MEMBERSHIP_REFUSED',
    message: /was removed from its cluster/,
  })
  await assert.rejects(first.removeMember(member.number), { code: 'MEMBER_NOT_FOUND' })
})

test('of two, whose votes are both needed, one is removed, and the other goes on alone', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b')
  await untilSettled(cluster, members, 2)
  const [first, second] = members.toSorted((left, right) => left.number - right.number) as [Member, Member]
  await second.removeMember(first.number)
  assert.equal((await first.failed).code, 'MEMBERSHIP_REFUSED')
  const [host] = [...cluster.members].find(([, member]) => member === first) as [string, Member]
  await cluster.stop(host)
  await untilSettled(cluster, [second], 1)
  await run(await second.get('default'), 'CREATE TABLE t (a)')
  await assert.rejects(second.removeMember(second.number), {
    code: 'MEMBERSHIP_REFUSED',
    message: /last one that votes/,
  })
})

test('a removal that would cost the majority is refused', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  const [first] = members as [Member, Member, Member]
  await untilSettled(cluster, members, 3)
  const [left, right] = [...cluster.members].filter(([, member]) => member !== first)
  assert.ok(left && right)
  await cluster.stop(left[0])
  await cluster.until(
    () => first.clusterState().members.some(({ connection }) => connection === 'unreachable'),
    'the loss of one',
  )
  await assert.rejects(first.removeMember(right[1].number), {
    code: 'MEMBERSHIP_REFUSED',
    message: /no majority/,
  })
  await first.removeMember(left[1].number)
  await untilSettled(cluster, [first, right[1]], 2)
})

test('a member whose folder was wiped takes the place of what it was, under a new number', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await untilSettled(cluster, members, 3)
  const old = cluster.members.get('c') as Member
  const [survivor] = members.filter((member) => member !== old) as [Member]
  await run(await survivor.get('default'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
  await cluster.stop('c')
  cluster.wipe('c')
  const again = await cluster.start('c', { expected: 3 }, ['a', 'b', 'c'])
  assert.equal(again.number, 4)
  const statuses = again.clusterState().members.map(({ member, status }) => `${member} ${status}`)
  assert.ok(statuses.includes(`${old.number} removed`), statuses.join())
  await untilSettled(cluster, [...cluster.members.values()], 3)
  assert.deepEqual(await column(await again.get('default'), 'SELECT a FROM t'), [1n])
})

test('a member that was away catches up from a leader of the catalog that joined meanwhile, which its own catalog does not have', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c', 'd')
  await untilSettled(cluster, members, 3)
  const { leader, learners } = groupOf(members[0] as Member, '_catalog')
  const hostOf = (number: number | null | undefined): string =>
    [...cluster.members].find(([, member]) => member.number === number)?.[0] ?? ''
  const [away, replaced] = [hostOf(learners[0]), hostOf(leader)]
  await cluster.stop(away)
  await cluster.stop(replaced)
  cluster.wipe(replaced)
  const newcomer = await cluster.start(replaced, 'join', ['a', 'b', 'c', 'd'])
  const leads = (): boolean => groupOf(newcomer, '_catalog').leader === newcomer.number
  await cluster.until(leads, 'the catalog led by the newcomer')
  const { members: known } = readCatalog(`${cluster.folderOf(away)}/databases/_catalog.0.sqlite`)
  assert.equal(known.length, 4, 'the catalog there does not have the newcomer')
  const back = await cluster.start(away, 'found-alone', [])
  await untilSettled(cluster, [...cluster.members.values()], 3)
  assert.ok(leads())
  assert.equal(back.clusterState().members.length, 5)
  await run(await back.get('default'), 'CREATE TABLE t (a)')
})

test('all members stop and start again: the same cluster, without being told how to join', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await run(await (members[0] as Member).get('default'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
  const numbers = new Map([...cluster.members].map(([host, { number }]) => [host, number]))
  const before = members[0]?.clusterState().cluster
  await Promise.all([...cluster.members.keys()].map((host) => cluster.stop(host)))
  const again = await Promise.all([...numbers.keys()].map((host) => cluster.start(host, 'found-alone', [])))
  for (const [host, member] of cluster.members) assert.equal(member.number, numbers.get(host))
  for (const member of again) {
    assert.equal(member.clusterState().cluster, before)
    assert.deepEqual(await column(await member.get('default'), 'SELECT a FROM t'), [1n])
    const own = member.clusterState().members.find(({ connection }) => connection === 'self')
    assert.equal(own?.incarnation, 2)
  }
})

test('members that all come back under other addresses find each other by their options', async () => {
  await using cluster = new TestCluster()
  await cluster.found('a', 'b', 'c')
  const moved = new Map([...cluster.members.keys()].map((host) => [host, `${host}2`]))
  await Promise.all([...moved.keys()].map((host) => cluster.stop(host)))
  for (const [host, next] of moved) cluster.move(host, next)
  const again = await Promise.all(
    [...moved.values()].map((host) => cluster.start(host, 'found-alone', [...moved.values()])),
  )
  await run(await (again[0] as Member).get('default'), 'CREATE TABLE t (a)')
  await cluster.until(
    () =>
      again.every((member) =>
        member.clusterState().members.every(({ addresses }) => addresses.peer?.includes('2:') === true),
      ),
    'the new addresses in the catalog',
  )
})

test('a database that is dropped while a member is away is gone there, too, when it comes back', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  const [first] = members as [Member]
  await first.create('shop')
  await untilSettled(cluster, members, 3)
  const [host, away] = [...cluster.members].find(([, member]) => member !== first) as [string, Member]
  const { dataFile } = await away.get('shop')
  await run(await away.get('shop'), 'CREATE TABLE t (a)')
  await cluster.stop(host)
  await first.drop('shop')
  await first.create('shop')
  const back = await cluster.start(host, 'found-alone', [])
  await cluster.until(() => !existsSync(dataFile), 'the end of the file')
  await cluster.until(
    async () =>
      (await localRows(back, 'shop', `SELECT name FROM sqlite_schema WHERE name = 't'`)).length === 0,
    'the new database of the name',
  )
})

test('a newcomer with another secret is refused with the reason, and does not wait', async () => {
  await using cluster = new TestCluster()
  await cluster.found('a')
  await assert.rejects(
    cluster.start('b', 'join', ['a'], {
      cluster: { ...cluster.optionsOf('b', 'join', ['a']), secret: new Uint8Array(32) },
    }),
    { code: 'MEMBERSHIP_REFUSED', message: /different cluster secrets/ },
  )
})

test('a newcomer that others can not reach at the address that it tells is refused', async () => {
  await using cluster = new TestCluster()
  const [first] = (await cluster.found('a')) as [Member]
  for (const [advertise, message] of [
    ['elsewhere:7001', /nobody answers at its address elsewhere:7001/],
    ['a:7001', /another one answers at its address a:7001: member 1/],
  ] as const) {
    const options = { ...cluster.optionsOf('b', 'join', ['a']), advertise }
    await assert.rejects(cluster.start('b', 'join', ['a'], { cluster: options }), {
      code: 'MEMBERSHIP_REFUSED',
      message,
    })
  }
  assert.equal(first.clusterState().members.length, 1)
})

test('an operator keeps a number for a learner, and promotes it later', async () => {
  await using cluster = new TestCluster()
  const [first, ...others] = (await cluster.found('a', 'b')) as [Member, Member]
  assert.equal(await first.addMember('c:7001', 'learner'), 3)
  await assert.rejects(first.addMember('c:7001', 'voter'), { code: 'MEMBERSHIP_REFUSED' })
  await assert.rejects(first.addMember('nonsense', 'voter'), { code: 'ARGS_INVALID' })
  const third = await cluster.start('c', 'join', ['a'])
  assert.equal(third.number, 3)
  await untilSettled(cluster, [first, ...others, third], 2)
  assert.deepEqual(groupOf(first, 'default').learners, [3])
  await first.promoteMember(3)
  await untilSettled(cluster, [first, ...others, third], 3)
  await assert.rejects(first.promoteMember(9), { code: 'MEMBER_NOT_FOUND' })
})

test('what clients of a lost member have open is rolled back at once, also where that member can not be dialed', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await untilSettled(cluster, members, 3)
  await run(await (members[0] as Member).get('default'), 'CREATE TABLE t (a)')
  await cluster.stop('c')
  const options = cluster.optionsOf('c', 'found-alone', [])
  const advertise = peerAddressOf('nowhere')
  const shy = await cluster.start('c', 'found-alone', [], { cluster: { ...options, advertise } })
  const transaction = await (await shy.get('default')).begin(BEGIN)
  await transaction.execute(statement('INSERT INTO t VALUES (1)'), RESULT_SIZE_BYTES_MAX)
  await cluster.stop('c')
  const rest = [...cluster.members.values()]
  const held = (): number[] => rest.map((member) => member.stats().routing?.heldTransactions ?? 0)
  await cluster.until(() => Math.max(...held()) === 0, 'the end of the transaction')
  const database = await (rest[0] as Member).get('default')
  assert.deepEqual(await column(database, 'SELECT count(*) FROM t'), [0n])
})

test('leadership is handed over on request, from any member', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await untilSettled(cluster, members, 3)
  const [first] = members as [Member]
  await unlessElected(async () => {
    const { leader } = groupOf(first, 'default')
    const target = members.map(({ number }) => number).find((number) => number !== leader) ?? 0
    assert.equal(await first.transferLeadership({ database: 'default', from: null, to: target }), 1)
    await new Promise((resolve) => void cluster.clock.after(1_500, () => resolve(null)))
    assert.equal(groupOf(first, 'default').leader, target, 'it stays where the operator put it')
  })
  await assert.rejects(first.transferLeadership({ database: 'none', from: null, to: null }), {
    code: 'DATABASE_NOT_FOUND',
  })
  await assert.rejects(first.transferLeadership({ database: null, from: null, to: 9 }), {
    code: 'MEMBER_NOT_FOUND',
  })
})

test('a member that stops has handed over: the others have a leader at once', () =>
  unlessElected(async () => {
    await using cluster = new TestCluster()
    const members = await cluster.found('a', 'b', 'c')
    await untilSettled(cluster, members, 3)
    const leader = groupOf(members[0] as Member, 'default').leader
    const [host] = [...cluster.members].find(([, member]) => member.number === leader) as [string, Member]
    const rest = members.filter(({ number }) => number !== leader)
    const terms = rest.map((member) => groupOf(member, 'default').term)
    await cluster.stop(host)
    for (const [at, member] of rest.entries()) {
      const group = groupOf(member, 'default')
      assert.ok(
        group.leader !== null && group.leader !== leader,
        'a leader is known before the member is gone',
      )
      assert.equal(group.term, (terms[at] ?? 0) + 1)
    }
  }))

/** Changes a byte in the middle of what is durable: not the tail, which a crash may tear. */
function damageJournal(folder: string): void {
  const [segment = ''] = readdirSync(`${folder}/journal`).filter((name) => name.endsWith('.segment'))
  const path = `${folder}/journal/${segment}`
  const bytes = readFileSync(path)
  const at = 512 + 24 + 12
  bytes[at] = (bytes[at] ?? 0) ^ 0xff
  writeFileSync(path, bytes)
}

test('a member with a damaged journal puts it aside and joins under a new number; of two it does not', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await untilSettled(cluster, members, 3)
  await run(await (members[0] as Member).get('default'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
  const { number } = cluster.members.get('c') as Member
  await cluster.stop('c')
  damageJournal(cluster.folderOf('c'))
  await assert.rejects(cluster.start('c', 'found-alone', [], { cluster: null }), { code: 'DATA_CORRUPT' })
  const again = await cluster.start('c', 'found-alone', [])
  assert.equal(again.number, 4)
  const old = again.clusterState().members.find(({ member }) => member === number)
  assert.equal(old?.status, 'removed')
  await untilSettled(cluster, [...cluster.members.values()], 3)
  assert.deepEqual(await column(await again.get('default'), 'SELECT a FROM t'), [1n])
  const kept = readdirSync(cluster.folderOf('c')).filter((name) => name.startsWith('damaged-'))
  assert.equal(kept.length, 1)
  assert.ok(readdirSync(`${cluster.folderOf('c')}/${kept[0]}/databases`).includes('_catalog.0.sqlite'))

  await using two = new TestCluster()
  await untilSettled(two, await two.found('a', 'b'), 2)
  await two.stop('b')
  damageJournal(two.folderOf('b'))
  await assert.rejects(two.start('b', 'found-alone', []), { code: 'DATA_CORRUPT' })
})

test('a member with a damaged journal asks under one token at all of its starts, so that no late request replaces it', async () => {
  await using cluster = new TestCluster()
  await untilSettled(cluster, await cluster.found('a', 'b', 'c'), 3)
  const token = (): string =>
    (JSON.parse(readFileSync(`${cluster.folderOf('c')}/format`, 'utf8')) as { member: string }).member
  const before = token()
  for (const host of ['c', 'a', 'b']) await cluster.stop(host)
  damageJournal(cluster.folderOf('c'))
  const tokens: string[] = []
  const isAsking = (line: string): boolean => line.startsWith('c info Waiting for a member of the cluster')
  for (let start = 1; start <= 2; start++) {
    // Nobody is there to take it in.
    const abort = new AbortController()
    const refused = assert.rejects(cluster.start('c', 'found-alone', [], { signal: abort.signal }))
    await cluster.until(() => cluster.logs.filter(isAsking).length === start, 'a member that asks')
    abort.abort()
    await refused
    tokens.push(token())
  }
  assert.notEqual(tokens[0], before)
  assert.equal(tokens[0], tokens[1])
  await Promise.all(['a', 'b'].map((host) => cluster.start(host, 'found-alone', [])))
  const again = await cluster.start('c', 'found-alone', [])
  assert.equal(again.number, 4)
  await untilSettled(cluster, [...cluster.members.values()], 3)
})

test('a member that joins gets a copy of what the log has no more, of the catalog, too', async () => {
  await using cluster = new TestCluster()
  const limits = { tailEntries: 5, tailSizeBytes: 1_000, restingTailEntries: 5, checkpointEntries: 10 }
  const hosts = ['a', 'b', 'c']
  const members = await Promise.all(
    hosts.map((host) => cluster.start(host, { expected: 3 }, hosts, { limits })),
  )
  const [first] = members as [Member]
  for (let count = 0; count < 15; count++) await first.create(`d${count}`)
  const database = await first.get('default')
  await run(database, 'CREATE TABLE t (a)')
  for (let count = 0; count < 60; count++) await run(database, `INSERT INTO t VALUES (${count})`)
  const bases = (): number[] =>
    first
      .stats()
      .databases.filter(({ group }) => group <= 1)
      .map(({ baseIndex }) => baseIndex)
  await cluster.until(() => bases().every((base) => base > 10), 'logs that begin later')
  const fourth = await cluster.start('d', 'join', ['a'], { limits })
  assert.deepEqual(await column(await fourth.get('default'), 'SELECT count(*) FROM t'), [60n])
  await cluster.until(
    async () => (await localRows(fourth, 'default', 'SELECT count(*) FROM t'))[0] === 60,
    'all rows in the file of the fourth',
  )
  assert.equal((await namesOf(fourth)).length, 16)
})

test('a journal that has lost its end is found out by the files, and the next start joins anew', async () => {
  await using cluster = new TestCluster()
  const members = await cluster.found('a', 'b', 'c')
  await untilSettled(cluster, members, 3)
  await cluster.stop('c')
  const journal = `${cluster.folderOf('c')}/journal`
  cpSync(journal, `${journal}-old`, { recursive: true })
  const again = await cluster.start('c', 'found-alone', [])
  await run(await again.get('default'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
  await cluster.until(
    async () =>
      (await localRows(again, 'default', `SELECT name FROM sqlite_schema WHERE name = 't'`)).length === 1,
    'the table in the file',
  )
  await cluster.stop('c')
  rmSync(journal, { recursive: true })
  renameSync(`${journal}-old`, journal)
  const forgetful = await cluster.start('c', 'found-alone', [])
  void forgetful.get('default').catch(() => {})
  assert.match((await forgetful.failed).message, /the journal ends with entry/)
  await cluster.stop('c')
  const anew = await cluster.start('c', 'found-alone', [])
  assert.equal(anew.number, 4)
  assert.deepEqual(await column(await anew.get('default'), 'SELECT a FROM t'), [1n])
})
