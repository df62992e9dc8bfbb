import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { GroupFixture } from './testing/group-fixture.ts'
import { request, resultOf, withGroup } from './testing/group-fixture.ts'
import type { DatabaseGroup } from './database-group.ts'

async function insertUpTo(group: DatabaseGroup, from: number, to: number): Promise<void> {
  for (let value = from; value <= to; value++) await group.submit(request(`INSERT INTO t VALUES (${value})`))
}

/** Keeps the file as it is now, complete, to put it back later. */
function keepFile(fixture: GroupFixture): void {
  const source = new DatabaseSync(fixture.dataFile)
  source.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  source.close()
  copyFileSync(fixture.dataFile, `${fixture.dataFile}.kept`)
}

function putBack(fixture: GroupFixture): void {
  for (const suffix of ['-wal', '-shm']) rmSync(fixture.dataFile + suffix, { force: true })
  copyFileSync(`${fixture.dataFile}.kept`, fixture.dataFile)
}

/** The journal without its newest writes: as if the disk had lost them although it had said that they are there. */
function cutJournal(fixture: GroupFixture, keptFrames: number): void {
  const path = '/journal/0000000000000001.segment'
  const bytes = fixture.disk.bytesOf(path)
  fixture.disk.plant(path, bytes.fill(0, (1 + keptFrames) * 512))
}

const KEEP_LOG = { checkpointEntries: 1_000_000, checkpointSizeBytes: 1_000_000_000 }

test('a file that is behind the journal gets what is missing', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 3)
    keepFile(fixture)
    await insertUpTo(group, 4, 9)
    fixture.faults.before = (method) => {
      if (method === 'checkpoint') throw new Error('killed')
    }
    await fixture.close()
    fixture.faults.before = () => {}
    putBack(fixture)
    const again = await fixture.open()
    await again.wake()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2, 3, 4, 5, 6, 7, 8, 9])
    // The elections of both lives have an entry each.
    assert.equal(again.appliedIndex, 12n)
  }, KEEP_LOG))

test('a file that is gone is built again from the journal, while that has everything', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 5)
    fixture.faults.before = (method) => {
      if (method === 'checkpoint') throw new Error('killed')
    }
    await fixture.close()
    fixture.faults.before = () => {}
    for (const suffix of ['', '-wal', '-shm']) rmSync(fixture.dataFile + suffix, { force: true })
    await (await fixture.open()).wake()
    assert.deepEqual(fixture.read('SELECT a FROM t'), [1, 2, 3, 4, 5])
  }, KEEP_LOG))

test('a file behind the base of the journal is refused: what lies between is nowhere', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 3)
    keepFile(fixture)
    await insertUpTo(group, 4, 6)
    await fixture.close()
    putBack(fixture)
    const again = await fixture.open()
    await assert.rejects(again.wake(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'DATA_CORRUPT')
      assert.match(error.message, /the file has entries up to 5, and the journal begins after entry 8/)
      return true
    })
    assert.equal(await resultOf(again.submit(request('SELECT 1'))), 'DATA_CORRUPT')
  }))

test('a journal that lost acknowledged entries at its very end is found out by the file', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 3)
    fixture.faults.before = (method) => {
      if (method === 'checkpoint') throw new Error('killed')
    }
    await fixture.close()
    fixture.faults.before = () => {}
    cutJournal(fixture, 2)
    await assert.rejects(
      (await fixture.open()).wake(),
      /the file has entry 5, and the journal ends with entry 2/,
    )
  }, KEEP_LOG))

test('a file that somebody else changed diverges, and says so', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 3)
    keepFile(fixture)
    await group.submit(request('UPDATE t SET a = a + 100'))
    fixture.faults.before = (method) => {
      if (method === 'checkpoint') throw new Error('killed')
    }
    await fixture.close()
    fixture.faults.before = () => {}
    putBack(fixture)
    const stranger = new DatabaseSync(fixture.dataFile)
    stranger.exec('CREATE TABLE IF NOT EXISTS other (x); DELETE FROM t WHERE a = 2')
    stranger.close()
    await assert.rejects((await fixture.open()).wake(), { code: 'REPLICA_DIVERGED' })
  }, KEEP_LOG))

test('a checkpoint lets the journal forget, and the next start replays nothing', () =>
  withGroup(
    async (group, fixture) => {
      await insertUpTo(group, 1, 25)
      await new Promise(setImmediate)
      assert.ok(group.stats().checkpoints >= 2)
      assert.ok(group.stats().baseIndex >= 20)
      await fixture.close()
      fixture.faults.calls.length = 0
      const again = await fixture.open()
      await again.wake()
      assert.equal(fixture.faults.calls.includes('replay'), false)
      assert.equal(again.appliedIndex, 28n)
    },
    { checkpointEntries: 10 },
  ))

test('a checkpoint that fails costs nothing but time', () =>
  withGroup(
    async (group, fixture) => {
      fixture.faults.before = (method) => {
        if (method === 'checkpoint') throw new Error('no')
      }
      await insertUpTo(group, 1, 12)
      assert.equal(group.stats().baseIndex, 0)
      fixture.faults.before = () => {}
      await insertUpTo(group, 13, 14)
      await new Promise(setImmediate)
      assert.ok(group.stats().baseIndex > 0)
      assert.equal(fixture.read('SELECT count(*) FROM t')[0], 14)
    },
    { checkpointEntries: 10 },
  ))

test('the term of each life is higher, as an election would make it', () =>
  withGroup(async (group, fixture) => {
    await insertUpTo(group, 1, 1)
    const terms = [fixture.read('SELECT term FROM _harmony_state')[0]]
    for (let life = 0; life < 2; life++) {
      await insertUpTo(await fixture.reopen(), 2, 2)
      terms.push(fixture.read('SELECT term FROM _harmony_state')[0])
    }
    assert.deepEqual(terms, [1, 2, 3])
  }))
