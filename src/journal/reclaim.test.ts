import { test } from 'node:test'
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { HarmonyError } from '../base/errors.ts'
import { contentOf, entry, newJournal, openJournal } from './testing/journal-fixture.ts'

const base = (index: number) => ({ index, term: 1, configuration: new Uint8Array() })

/** Segments of eight sectors: each frame takes one, so seven frames fill a segment. */
const FRAMES_PER_SEGMENT = 7

test('segments that nobody needs are given back at once, and recycled', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  for (let index = 1; index <= 20 * FRAMES_PER_SEGMENT; index++) {
    await log.write({ entries: [entry(index)] })
    await log.compact(base(index))
  }
  await turn()
  assert.ok(journal.stats().segments <= 3, `${journal.stats().segments} segments`)
  assert.ok(disk.paths().length <= 4)
  assert.equal(journal.stats().copiedBytes, 0)
})

test('the live tail of a slow group is copied, so a busy group does not keep the whole journal', async () => {
  const { disk, journal } = await newJournal()
  const hardState = { term: 4, votedFor: { id: 3, generation: 1 }, commit: 1 }
  await journal.group(1).write({ entries: [entry(1, 'slow'), entry(2, 'slow too')], hardState })
  await journal.group(3).remove(2)
  const busy = journal.group(2)
  for (let index = 1; index <= 20 * FRAMES_PER_SEGMENT; index++) {
    await busy.write({ entries: [entry(index)] })
    await busy.compact(base(index))
  }
  await turn()
  assert.ok(journal.stats().segments <= 7, `${journal.stats().segments} segments`)
  assert.ok(journal.stats().copiedBytes > 0)
  assert.deepEqual(await contentOf(journal.group(1)), { 1: 'slow', 2: 'slow too' })
  await journal.close()
  const again = await openJournal(disk, { cacheSizeBytes: 0 })
  assert.deepEqual(await contentOf(again.group(1)), { 1: 'slow', 2: 'slow too' })
  assert.deepEqual(again.group(1).hardState, hardState)
  assert.equal(again.group(3).removedGeneration, 2)
  assert.deepEqual(again.groupsWithState(), [1, 2])
})

test('a copy brings nothing back that was cut or compacted since', async () => {
  const { disk, journal } = await newJournal()
  const slow = journal.group(1)
  await slow.write({ entries: [1, 2, 3, 4].map((index) => entry(index, `old ${index}`)) })
  const busy = journal.group(2)
  const work = async (from: number, to: number) => {
    for (let index = from; index <= to; index++) {
      await busy.write({ entries: [entry(index)] })
      await busy.compact(base(index))
    }
  }
  await work(1, 60)
  await slow.write({ entries: [entry(3, 'new 3', 2)] })
  await work(61, 120)
  await slow.compact(base(1))
  await work(121, 180)
  await journal.close()
  const again = await openJournal(disk, { cacheSizeBytes: 0 })
  assert.deepEqual(await contentOf(again.group(1)), { 2: 'old 2', 3: 'new 3' })
})

test('nothing is copied while most of the journal is live', async () => {
  const { journal } = await newJournal()
  const text = 'x'.repeat(400)
  for (let index = 1; index <= 10 * FRAMES_PER_SEGMENT; index++) {
    await journal.group(1).write({ entries: [entry(index, text)] })
  }
  await turn()
  assert.equal(journal.stats().copiedBytes, 0)
  assert.equal(journal.stats().segments, 10)
})

test('segments that are half empty because nothing more fits are not copied round and round', async () => {
  const { journal } = await newJournal()
  // Four of the seven sectors of a segment: the next one does not fit, and less than half of the file is live.
  const text = 'x'.repeat(1_800)
  for (let index = 1; index <= 10; index++) await journal.group(1).write({ entries: [entry(index, text)] })
  for (let turns = 0; turns < 500; turns++) await turn()
  assert.ok(journal.stats().copiedBytes <= 10 * 2_000, `${journal.stats().copiedBytes} bytes were copied`)
  assert.equal(Object.keys(await contentOf(journal.group(1))).length, 10)
})

test('a copy that the full disk refuses is none of the log\u2019s own writes', async () => {
  const { disk, journal } = await newJournal()
  const slow = journal.group(1)
  await slow.write({ entries: [entry(1, 'slow')] })
  const busy = journal.group(2)
  disk.beforeOperation = ({ kind }) => {
    if (kind === 'allocate') throw new HarmonyError('DISK_FULL', 'The disk is full.')
  }
  let refused = 0
  for (let index = 1; index <= 60 && refused < 3; index++) {
    try {
      await busy.write({ entries: [entry(busy.lastIndex + 1)] })
      await busy.compact(base(busy.lastIndex))
    } catch {
      refused++
    }
  }
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(slow.rejectionCount, 0)
})
