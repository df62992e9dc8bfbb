import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { SystemClock } from '../host/clock.ts'
import type { DiskOperation } from '../host/memory-disk.ts'
import { toDiskError } from '../host/disk.ts'
import { SystemDisk } from '../host/system-disk.ts'
import { SystemRandom } from '../host/random.ts'
import { Journal } from './journal.ts'
import {
  FOLDER,
  NO_SIZE_LIMIT,
  contentOf,
  entry,
  newJournal,
  openJournal,
  textOf,
} from './testing/journal-fixture.ts'

const base = (index: number, term = 1) => ({ index, term, configuration: Uint8Array.of(7) })

test('what is acknowledged is there after closing and opening, for every group', async () => {
  const { disk, journal } = await newJournal()
  const hardState = { term: 3, votedFor: { id: 2, generation: 1 }, commit: 1 }
  await Promise.all([
    journal.group(1).write({ entries: [entry(1), entry(2)], hardState }),
    journal.group(9).write({ entries: [entry(1, 'nine')] }),
  ])
  await journal.close()
  const again = await openJournal(disk)
  assert.deepEqual(await contentOf(again.group(1)), { 1: 'data 1', 2: 'data 2' })
  assert.deepEqual(await contentOf(again.group(9)), { 1: 'nine' })
  assert.deepEqual(again.group(1).hardState, hardState)
  assert.deepEqual(again.groupsWithState(), [1, 9])
  await again.close()
})

test('entries keep term and kind; empty data stays empty', async () => {
  const { disk, journal } = await newJournal()
  const entries = [
    { index: 1, term: 5, kind: 'empty', data: new Uint8Array() },
    { index: 2, term: 6, kind: 'membership', data: Uint8Array.of(1) },
  ] as const
  await journal.group(1).write({ entries })
  await journal.close()
  const log = (await openJournal(disk, { cacheSizeBytes: 0 })).group(1)
  assert.deepEqual(await log.entries(1, 3, NO_SIZE_LIMIT), entries)
  assert.deepEqual([log.term(0), log.term(1), log.term(2), log.term(3)], [0, 5, 6, null])
})

test('everything that waits while a sync runs shares the next one', async () => {
  const { journal } = await newJournal({ segmentSizeBytes: 64 * 512 })
  const first = journal.group(1).write({ entries: [entry(1)] })
  const others = Array.from({ length: 20 }, (_, at) => journal.group(2 + at).write({ entries: [entry(1)] }))
  await Promise.all([first, ...others])
  assert.equal(journal.stats().syncs, 1)
  const second = journal.group(1).write({ entries: [entry(2)] })
  await new Promise(setImmediate)
  const late = Array.from({ length: 20 }, (_, at) => journal.group(2 + at).write({ entries: [entry(2)] }))
  await Promise.all([second, ...late])
  assert.ok(journal.stats().syncs <= 3, `${journal.stats().syncs} syncs for 42 writes`)
  await journal.close()
})

test('a write is not acknowledged, and not shown, before it is durable', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  let isAcknowledged = false
  disk.beforeOperation = (operation) => {
    if (operation.kind !== 'sync') return
    assert.equal(isAcknowledged, false)
    assert.equal(log.lastIndex, 0)
  }
  await log.write({ entries: [entry(1)] }).then(() => (isAcknowledged = true))
  assert.equal(log.lastIndex, 1)
})

test('an entry at an index that exists replaces it and everything after it', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  await log.write({ entries: [entry(1), entry(2), entry(3)] })
  await log.write({ entries: [entry(2, 'new', 2)] })
  assert.deepEqual(await contentOf(log), { 1: 'data 1', 2: 'new' })
  await journal.close()
  assert.deepEqual(await contentOf((await openJournal(disk)).group(1)), { 1: 'data 1', 2: 'new' })
})

test('compaction drops entries up to the base, keeps its term, and survives', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  await log.write({ entries: [entry(1), entry(2), entry(3)] })
  await log.compact(base(2))
  assert.deepEqual(await contentOf(log), { 3: 'data 3' })
  assert.equal(log.term(2), 1)
  await journal.close()
  const again = (await openJournal(disk)).group(1)
  assert.deepEqual(await contentOf(again), { 3: 'data 3' })
  assert.deepEqual(again.base, base(2))
})

test('a snapshot replaces the whole log, and the log goes on behind it', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  await log.write({ entries: [entry(1), entry(2)] })
  await log.write({ replacedBy: base(100, 7), entries: [entry(101, 'after', 7)] })
  await journal.close()
  const again = (await openJournal(disk)).group(1)
  assert.deepEqual(await contentOf(again), { 101: 'after' })
  assert.deepEqual(again.base, base(100, 7))
})

test('a removed group leaves nothing but its tombstone', async () => {
  const { disk, journal } = await newJournal()
  await journal.group(1).write({ entries: [entry(1)], hardState: { term: 1, votedFor: null, commit: 1 } })
  await journal.group(1).remove(1)
  await journal.close()
  const again = await openJournal(disk)
  assert.deepEqual(again.groupsWithState(), [])
  assert.equal(again.group(1).lastIndex, 0)
  assert.equal(again.group(1).hardState.term, 0)
  assert.equal(again.group(1).removedGeneration, 1)
})

test('reading gives as many entries as fit, at least one, cached or from the disk', async () => {
  const { disk, journal } = await newJournal()
  await journal.group(1).write({ entries: [1, 2, 3, 4].map((index) => entry(index, 'x'.repeat(100))) })
  await journal.close()
  for (const cacheSizeBytes of [0, 1_000_000]) {
    const opened = await openJournal(disk, { cacheSizeBytes })
    const log = opened.group(1)
    assert.equal((await log.entries(1, 5, 1)).length, 1)
    assert.equal((await log.entries(1, 5, 300)).length, 2)
    assert.equal((await log.entries(2, 5, NO_SIZE_LIMIT)).length, 3)
    assert.equal(log.cachedEntries(1, 5, NO_SIZE_LIMIT).length, cacheSizeBytes === 0 ? 0 : 4)
    await opened.close()
  }
})

test('the cache keeps the newest entries within its bound', async () => {
  const { journal } = await newJournal({ cacheSizeBytes: 400, segmentSizeBytes: 64 * 512 })
  const log = journal.group(1)
  for (let index = 1; index <= 10; index++) await log.write({ entries: [entry(index, 'x'.repeat(100))] })
  assert.ok(journal.stats().cacheBytes <= 400)
  assert.equal(log.cachedEntries(1, 11, NO_SIZE_LIMIT).length, 0)
  assert.equal(log.cachedEntries(10, 11, NO_SIZE_LIMIT).length, 1)
  assert.equal((await log.entries(1, 2, NO_SIZE_LIMIT)).map(textOf)[0]?.length, 100)
})

test('a write larger than a segment gets a segment of its own size', async () => {
  const { disk, journal } = await newJournal()
  const large = 'large '.repeat(5000)
  await journal.group(1).write({ entries: [entry(1)] })
  await journal.group(1).write({ entries: [entry(2, large)] })
  await journal.group(1).write({ entries: [entry(3)] })
  await journal.close()
  const again = await openJournal(disk)
  assert.deepEqual(await contentOf(again.group(1)), { 1: 'data 1', 2: large, 3: 'data 3' })
})

test('without space for a segment nothing is written, and with space the journal works again', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  disk.capacityBytes = 2 * 8 * 512
  let written = 0
  const fill = async () => {
    for (;;) {
      await log.write({ entries: [entry(written + 1)] })
      written++
    }
  }
  await assert.rejects(fill(), { code: 'DISK_FULL' })
  assert.equal(log.lastIndex, written)
  await assert.rejects(log.write({ entries: [entry(written + 1)] }), { code: 'DISK_FULL' })
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await log.write({ entries: [entry(written + 1, 'after')] })
  assert.equal(journal.failure, null)
  await journal.close()
  const content = await contentOf((await openJournal(disk)).group(1))
  assert.equal(Object.keys(content).length, written + 1)
  assert.equal(content[written + 1], 'after')
})

test('everything queued behind a write without space is rejected with it', async () => {
  const { disk, journal } = await newJournal()
  disk.capacityBytes = 8 * 512
  const large = 'x'.repeat(8 * 512)
  const results = await Promise.allSettled([
    journal.group(1).write({ entries: [entry(1, large)] }),
    journal.group(2).write({ entries: [entry(1)] }),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'rejected' ? result.reason.code : 'written')),
    ['DISK_FULL', 'DISK_FULL'],
  )
  await journal.group(2).write({ entries: [entry(1, 'small')] })
  assert.deepEqual(await contentOf(journal.group(2)), { 1: 'small' })
})

test('what a full disk refused was never part of the log: it has to be given again, from where the log ends', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  await log.write({ entries: [entry(1)] })
  disk.capacityBytes = 8 * 512
  const large = 'x'.repeat(8 * 512)
  const refused = [log.write({ entries: [entry(2, large)] }), log.compact(base(1))]
  for (const one of refused) await assert.rejects(one, { code: 'DISK_FULL' })
  assert.throws(() => log.write({ entries: [entry(3)] }), /does not join/)
  disk.capacityBytes = Number.POSITIVE_INFINITY
  await log.compact(base(1))
  await log.write({ entries: [entry(2)] })
  await journal.close()
  const again = await openJournal(disk)
  assert.deepEqual(again.group(1).base, base(1))
  assert.deepEqual(await contentOf(again.group(1)), { 2: 'data 2' })
})

for (const kind of ['write', 'sync'] as const) {
  test(`after a failed ${kind} nothing is pretended: unknown for what was on its way, refused from then on`, async () => {
    const { disk, journal } = await newJournal()
    await journal.group(1).write({ entries: [entry(1)] })
    const failOnce = (operation: DiskOperation) => {
      if (operation.kind !== kind || !operation.path.endsWith('.segment')) return
      disk.beforeOperation = () => {}
      throw toDiskError({ code: 'EIO' }, kind, operation.path)
    }
    disk.beforeOperation = failOnce
    await assert.rejects(journal.group(1).write({ entries: [entry(2)] }), { code: 'OUTCOME_UNKNOWN' })
    // The disk works again, but what a second sync says about the first write would be a lie.
    await assert.rejects(journal.group(1).write({ entries: [entry(2)] }), { code: 'DISK_FAILED' })
    assert.equal(journal.failure?.code, 'DISK_FAILED')
    assert.equal(journal.group(1).lastIndex, 1)
  })
}

test('a closed journal takes nothing', async () => {
  const { journal } = await newJournal()
  const last = journal.group(1).write({ entries: [entry(1)] })
  await journal.close()
  await last
  await assert.rejects(journal.group(1).write({ entries: [entry(2)] }), { code: 'SHUTTING_DOWN' })
})

test('an entry that does not join the log is our bug', async () => {
  const { journal } = await newJournal()
  assert.throws(() => journal.group(1).write({ entries: [entry(2)] }), /does not join/)
})

test('on the real disk', async () => {
  const folder = mkdtempSync(`${tmpdir()}/harmony-journal-`)
  const options = {
    disk: new SystemDisk(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    folder,
    segmentSizeBytes: 64 * 1024,
    cacheSizeBytes: 0,
  }
  try {
    const journal = await Journal.open(options)
    const log = journal.group(1)
    for (let index = 1; index <= 300; index++) await log.write({ entries: [entry(index, 'x'.repeat(400))] })
    await log.compact(base(250))
    await journal.close()
    const again = await Journal.open(options)
    assert.equal(Object.keys(await contentOf(again.group(1))).length, 50)
    assert.ok(readdirSync(folder).length <= 3, `${readdirSync(folder)}`)
    await again.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a later format is refused by name and version', async () => {
  const { disk, journal } = await newJournal()
  await journal.close()
  const path = `${FOLDER}/0000000000000001.segment`
  const { crc32c } = await import('../base/crc32c.ts')
  const bytes = disk.bytesOf(path)
  const view = new DataView(bytes.buffer)
  view.setUint32(8, 2, true)
  view.setUint32(12, crc32c(bytes, 2, 16, 64), true)
  disk.plant(path, bytes)
  await assert.rejects(openJournal(disk), (error: Error & { code: string }) => {
    assert.equal(error.code, 'FORMAT_TOO_NEW')
    assert.match(error.message, /0000000000000001\.segment has format version 2/)
    return true
  })
})
