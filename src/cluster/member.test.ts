import { test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Member } from './member.ts'
import type { Timer } from '../host/clock.ts'
import { SystemClock } from '../host/clock.ts'
import { SystemDisk } from '../host/system-disk.ts'
import {
  BEGIN,
  RESULT_SIZE_BYTES_MAX,
  column,
  openMember,
  run,
  statement,
  withFolder,
  withMember,
} from './testing/member-fixture.ts'

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('a new member has the database default, and writes are there', () =>
  withMember(async (member) => {
    assert.deepEqual(
      (await member.list()).map(({ name }) => name),
      ['default'],
    )
    const database = await member.get('default')
    await run(database, 'CREATE TABLE t (a)')
    await run(database, statement('INSERT INTO t VALUES (?), (?)', 1n, 'two'))
    assert.deepEqual(await column(database, 'SELECT a FROM t'), [1n, 'two'])
    // The first entry is Raft's own: each leader begins its term with one.
    assert.equal(database.appliedIndex, 3n)
    assert.equal(await database.readIndex(), 3n)
  }))

test('databases and their content survive a restart', () =>
  withFolder(async (folder) => {
    const first = await openMember(folder)
    await first.create('shop')
    await run(await first.get('shop'), 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (7)')
    await first.close()
    const second = await openMember(folder)
    const infos = await second.list()
    assert.deepEqual(
      infos.map(({ name }) => name),
      ['default', 'shop'],
    )
    assert.ok((infos[1]?.appliedIndex ?? 0n) >= 2n)
    assert.deepEqual(await column(await second.get('shop'), 'SELECT a FROM t'), [7n])
    await second.close()
  }))

test('databases know nothing of each other, and each is its own file', () =>
  withMember(async (member, folder) => {
    await member.create('a')
    await member.create('b')
    await run(await member.get('a'), 'CREATE TABLE only_in_a (x)')
    await assert.rejects(run(await member.get('b'), 'SELECT * FROM only_in_a'), /no such table/)
    const files = readdirSync(`${folder}/databases`).filter((name) => name.endsWith('.sqlite'))
    assert.deepEqual(files.sort(), ['_catalog.0.sqlite', 'a.2.sqlite', 'b.3.sqlite'])
  }))

test('a dropped database is gone with its files; the name begins anew', () =>
  withMember(async (member, folder) => {
    await member.create('a')
    const old = await member.get('a')
    await run(old, 'CREATE TABLE t (x)')
    await member.drop('a')
    await assert.rejects(member.get('a'), { code: 'DATABASE_NOT_FOUND' })
    await assert.rejects(run(old, 'SELECT 1'), { code: 'DATABASE_NOT_FOUND' })
    assert.deepEqual(
      readdirSync(`${folder}/databases`).filter((name) => name.startsWith('a.')),
      [],
    )
    await member.create('a')
    await assert.rejects(run(await member.get('a'), 'SELECT * FROM t'), /no such table/)
  }))

test('a drop that was interrupted is finished at the next start', () =>
  withFolder(async (folder) => {
    class FailingDisk extends SystemDisk {
      override remove(path: string): Promise<void> {
        return path.endsWith('.sqlite') ? Promise.reject(new Error('power cut')) : super.remove(path)
      }
    }
    const first = await openMember(folder, { disk: new FailingDisk() })
    await first.create('a')
    const { dataFile } = await first.get('a')
    await run(await first.get('a'), 'CREATE TABLE t (x)')
    await first.drop('a')
    await first.close()
    assert.equal(existsSync(dataFile), true)
    const second = await openMember(folder)
    assert.deepEqual(
      (await second.list()).map(({ name }) => name),
      ['default'],
    )
    await until(() => !existsSync(dataFile))
    await second.create('a')
  }))

test('a drop that a full disk did not let through is finished while the member runs', () =>
  withFolder(async (folder) => {
    let isFull = false
    class FillingDisk extends SystemDisk {
      override remove(path: string): Promise<void> {
        return isFull ? Promise.reject(new Error('the disk is full')) : super.remove(path)
      }
    }
    class HastyClock extends SystemClock {
      override after(delayMs: number, action: () => void): Timer {
        return super.after(Math.min(delayMs, 20), action)
      }
    }
    const logs: string[] = []
    const member = await openMember(folder, {
      disk: new FillingDisk(),
      clock: new HastyClock(),
      log: (_level, event) => logs.push(event),
    })
    await member.create('a')
    const { dataFile } = await member.get('a')
    await run(await member.get('a'), 'CREATE TABLE t (x)')
    isFull = true
    await member.drop('a')
    await until(() => logs.includes('A database could not be deleted'))
    assert.equal(existsSync(dataFile), true)
    isFull = false
    await until(() => !existsSync(dataFile))
    await member.create('a')
  }))

test('names: what exists, what can not be, what is not there', () =>
  withMember(async (member) => {
    await assert.rejects(member.create('default'), { code: 'DATABASE_EXISTS' })
    for (const name of ['', 'Shop', '_catalog', '-a', 'a/b', '../a', 'a b', 'ä', 'x'.repeat(64)]) {
      await assert.rejects(member.create(name), { code: 'DATABASE_NAME_INVALID' })
    }
    for (const name of ['a', '0', 'a_b-c', 'x'.repeat(63)]) await member.create(name)
    for (const name of ['none', '_catalog', '../default']) {
      await assert.rejects(member.get(name), { code: 'DATABASE_NOT_FOUND' })
    }
    await assert.rejects(member.drop('none'), { code: 'DATABASE_NOT_FOUND' })
  }))

test('of two creations of one name at the same time, one wins', () =>
  withMember(async (member) => {
    const results = await Promise.allSettled([member.create('a'), member.create('a')])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  }))

test('a folder in use is refused, with the id of the process that has it', () =>
  withMember(async (_member, folder) => {
    await assert.rejects(openMember(folder), (error: Error & { code: string }) => {
      assert.equal(error.code, 'DATA_LOCKED')
      assert.match(error.message, new RegExp(`process ${process.pid}`))
      return true
    })
  }))

test('a folder of a later format is refused and left alone', () =>
  withFolder(async (folder) => {
    await (await openMember(folder)).close()
    const format = JSON.parse(readFileSync(`${folder}/format`, 'utf8')) as object
    writeFileSync(`${folder}/format`, JSON.stringify({ ...format, format: 3 }))
    await assert.rejects(openMember(folder), { code: 'FORMAT_TOO_NEW' })
    writeFileSync(`${folder}/format`, JSON.stringify(format))
    await (await openMember(folder)).close()
  }))

test('a folder with something else in it is not taken over', () =>
  withFolder(async (folder) => {
    writeFileSync(`${folder}/thesis.docx`, 'years of work')
    await assert.rejects(openMember(folder), /thesis\.docx/)
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.startsWith('lock')),
      ['thesis.docx'],
    )
  }))

test('after close everything is refused, and closing twice is fine', () =>
  withFolder(async (folder) => {
    const member = await openMember(folder)
    const database = await member.get('default')
    await Promise.all([member.close(), member.close()])
    await assert.rejects(member.get('default'), { code: 'SHUTTING_DOWN' })
    await assert.rejects(member.create('a'), { code: 'SHUTTING_DOWN' })
    await assert.rejects(run(database, 'SELECT 1'), { code: 'SHUTTING_DOWN' })
  }))

test('close finishes what was accepted and ends the open interactive transaction', () =>
  withFolder(async (folder) => {
    const member = await openMember(folder)
    const database = await member.get('default')
    await run(database, 'CREATE TABLE t (a)')
    const accepted = run(database, 'INSERT INTO t VALUES (1)')
    const transaction = await database.begin(BEGIN)
    await transaction.execute(statement('INSERT INTO t VALUES (2)'), RESULT_SIZE_BYTES_MAX)
    await member.close()
    await accepted
    await assert.rejects(transaction.commit(), { code: 'SHUTTING_DOWN' })
    const again = await openMember(folder)
    assert.deepEqual(await column(await again.get('default'), 'SELECT a FROM t'), [1n])
    await again.close()
  }))

test('an idle database sleeps and wakes up', () =>
  withMember(async (member) => {
    const database = await member.get('default')
    const replica = member.replica('default')
    await run(database, 'CREATE TABLE t (a)')
    // Whoever was answered a moment ago may still hold the writer: then nothing happens.
    await until(async () => {
      await replica?.rest()
      return replica?.stats().isAwake === false
    })
    await run(database, 'INSERT INTO t VALUES (1)')
    assert.equal(replica?.stats().isAwake, true)
    assert.deepEqual(await column(database, 'SELECT a FROM t'), [1n])
  }))

test('stats tell what happened', () =>
  withMember(async (member) => {
    const database = await member.get('default')
    await run(database, 'CREATE TABLE t (a)')
    await Promise.all([1, 2, 3].map((value) => run(database, `INSERT INTO t VALUES (${value})`)))
    const stats = member.stats()
    const mine = stats.databases.find((one) => one.database === 'default')
    assert.equal(mine?.requests, 4)
    assert.equal(mine?.entries, 2)
    assert.equal(mine?.appliedIndex, 3)
    assert.equal(mine?.submitLatency.count, 4)
    assert.equal(stats.journal.syncs, stats.journal.syncLatency.count)
    assert.ok(stats.journal.syncs >= 3)
  }))

test('with engines in processes, as a member runs in production', () =>
  withFolder(async (folder) => {
    const member = await Member.open({ folder })
    try {
      const database = await member.get('default')
      await run(database, 'CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)')
      assert.deepEqual(await column(database, 'SELECT a FROM t'), [1n])
      const transaction = await database.begin(BEGIN)
      await transaction.execute(statement('INSERT INTO t VALUES (2)'), RESULT_SIZE_BYTES_MAX)
      assert.equal((await transaction.commit()).index, database.appliedIndex)
      assert.deepEqual(await column(database, 'SELECT a FROM t'), [1n, 2n])
    } finally {
      await member.close()
    }
  }))
