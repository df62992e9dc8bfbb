/**
 * What a crash may leave is recovered: all that was acknowledged, nothing that was not written. What no crash leaves is damage: named, and
 * refused.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MemoryDisk } from '../host/memory-disk.ts'
import { SeededRandom } from '../host/random.ts'
import { SECTOR_BYTES, segmentName } from './format.ts'
import type { Journal } from './journal.ts'
import { FOLDER, contentOf, entry, newJournal, openJournal } from './testing/journal-fixture.ts'

const FIRST = `${FOLDER}/${segmentName(1)}`
const SECOND = `${FOLDER}/${segmentName(2)}`

interface Image {
  readonly disk: MemoryDisk
  /** Offset of each frame in the first segment, and where the last one ends. */
  readonly frames: readonly number[]
}

/** A journal of one group with `count` frames of one entry each. */
async function journalOf(count: number, segmentSizeBytes = 32 * SECTOR_BYTES): Promise<Image> {
  const { disk, journal } = await newJournal({ segmentSizeBytes })
  for (let index = 1; index <= count; index++) await journal.group(1).write({ entries: [entry(index)] })
  await journal.close()
  return { disk, frames: Array.from({ length: count + 1 }, (_, at) => (at + 1) * SECTOR_BYTES) }
}

function change(disk: MemoryDisk, path: string, edit: (bytes: Uint8Array) => Uint8Array | void): MemoryDisk {
  const bytes = disk.bytesOf(path)
  const copy = new MemoryDisk()
  for (const other of disk.paths()) copy.plant(other, disk.bytesOf(other))
  copy.plant(path, edit(bytes) ?? bytes)
  return copy
}

function flip(offset: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    bytes[offset] = (bytes[offset] as number) ^ 0x10
  }
}

async function entriesIn(disk: MemoryDisk): Promise<number> {
  const journal = await openJournal(disk, { segmentSizeBytes: 32 * SECTOR_BYTES })
  const content = await contentOf(journal.group(1))
  for (const [index, text] of Object.entries(content)) assert.equal(text, `data ${index}`)
  await journal.close()
  return Object.keys(content).length
}

/** As much as fits while the next segment can't be made. The last index that was acknowledged. */
async function writeUntilRefused(journal: Journal): Promise<number> {
  const log = journal.group(1)
  let acknowledged = log.lastIndex
  try {
    for (let count = 0; count < 60; count++)
      acknowledged = await log.write({ entries: [entry(acknowledged + 1)] }).then(() => acknowledged + 1)
  } catch {
    // As far as it came.
  }
  return acknowledged
}

test('a last frame cut at any byte: everything before it is there, and nothing else', async () => {
  const { disk, frames } = await journalOf(3)
  const [, , last = 0, end = 0] = frames
  const whole = disk.bytesOf(FIRST)
  for (let cut = last; cut < end; cut++) {
    const torn = change(disk, FIRST, (bytes) => void bytes.fill(0, cut, end))
    // The padding after the frame's last byte is not part of it.
    const isWhole = whole.subarray(cut, end).every((byte) => byte === 0)
    assert.equal(await entriesIn(torn), isWhole ? 3 : 2, `cut at ${cut}`)
  }
})

test('a last frame with any of its bytes wrong is cut', async () => {
  const { disk, frames } = await journalOf(3)
  const [, , last = 0, end = 0] = frames
  const sizeBytes =
    disk
      .bytesOf(FIRST)
      .subarray(last, end)
      .findLastIndex((byte) => byte !== 0) + 1
  for (let at = last; at < last + sizeBytes; at++) {
    assert.equal(await entriesIn(change(disk, FIRST, flip(at))), 2, `byte ${at}`)
  }
})

test('a file that ends at any byte of its last frame is recovered, gets its space back, and takes new entries', async () => {
  const { disk, frames } = await journalOf(3)
  for (const cut of [frames[2] ?? 0, (frames[2] ?? 0) + 1, (frames[2] ?? 0) + 40]) {
    const short = change(disk, FIRST, (bytes) => bytes.slice(0, cut))
    const journal = await openJournal(short)
    assert.equal(short.bytesOf(FIRST).length, 32 * SECTOR_BYTES)
    await journal.group(1).write({ entries: [entry(3)] })
    await journal.close()
    assert.equal(await entriesIn(short), 3)
  }
})

test('the cut is told', async () => {
  const { disk, frames } = await journalOf(3)
  const torn = change(disk, FIRST, flip((frames[2] ?? 0) + 30))
  assert.deepEqual((await openJournal(torn)).tornTail, { path: FIRST, offset: frames[2] })
  assert.equal((await openJournal(disk)).tornTail, null)
})

test('any wrong byte of an earlier frame is damage, named by file and offset', async () => {
  const { disk, frames } = await journalOf(4)
  const [first = 0, second = 0, third = 0] = frames
  const used =
    disk
      .bytesOf(FIRST)
      .subarray(first, second)
      .findLastIndex((byte) => byte !== 0) + 1
  for (const start of [first, second, third]) {
    for (let at = start; at < start + used; at++) {
      await assert.rejects(openJournal(change(disk, FIRST, flip(at))), (error: Error & { code: string }) => {
        assert.equal(error.code, 'DATA_CORRUPT')
        assert.ok(error.message.includes(`${FIRST} is damaged at byte ${start}:`), `${at}: ${error.message}`)
        return true
      })
    }
  }
})

test('an earlier frame that the disk lost as a whole is damage, not the end of the journal', async () => {
  const { disk, frames } = await journalOf(4)
  const lost = change(disk, FIRST, (bytes) => void bytes.fill(0, frames[1], frames[2]))
  await assert.rejects(openJournal(lost), new RegExp(`damaged at byte ${frames[1]}: frame 2 is missing`))
})

test('damage at the end of a segment is found by the frames of the next one', async () => {
  const { disk, frames } = await journalOf(12, 8 * SECTOR_BYTES)
  const last = frames[6] ?? 0
  for (const edit of [flip(last + 30), (bytes: Uint8Array) => void bytes.fill(0, last)]) {
    await assert.rejects(
      openJournal(change(disk, FIRST, edit)),
      new RegExp(`${FIRST} is damaged at byte ${last}:`),
    )
  }
})

test('the first frame of the last segment may be torn', async () => {
  const { disk } = await journalOf(8, 8 * SECTOR_BYTES)
  assert.equal(await entriesIn(change(disk, SECOND, flip(SECTOR_BYTES + 30))), 7)
  assert.equal(await entriesIn(change(disk, SECOND, flip(SECTOR_BYTES))), 7)
})

test('a damaged segment header is damage', async () => {
  const { disk } = await journalOf(2)
  for (const at of [0, 7, 8, 12, 16, 32, 40, 63]) {
    await assert.rejects(openJournal(change(disk, FIRST, flip(at))), { code: 'DATA_CORRUPT' })
  }
})

test('a missing segment is damage, named by its file', async () => {
  const { disk } = await journalOf(20, 8 * SECTOR_BYTES)
  await disk.remove(SECOND)
  await assert.rejects(openJournal(disk), new RegExp(`${segmentName(2)} before it is missing`))
})

test('a missing first segment is missed by the entries that were in it', async () => {
  const { disk } = await journalOf(12, 8 * SECTOR_BYTES)
  await disk.remove(FIRST)
  await assert.rejects(openJournal(disk), /entry 1 of group 1 is missing/)
})

test('a segment of another journal is refused', async () => {
  const { disk } = await journalOf(12, 8 * SECTOR_BYTES)
  const other = await newJournal({ segmentSizeBytes: 8 * SECTOR_BYTES, random: new SeededRandom(2n) })
  for (let index = 1; index <= 12; index++) await other.journal.group(1).write({ entries: [entry(index)] })
  disk.plant(SECOND, other.disk.bytesOf(SECOND))
  await assert.rejects(openJournal(disk), /belongs to another journal/)
})

test('a segment that was being made is removed; one that was ready is used', async () => {
  const { disk } = await journalOf(6, 8 * SECTOR_BYTES)
  disk.plant(`${FOLDER}/next.tmp`, new Uint8Array(100))
  const journal = await openJournal(disk)
  assert.deepEqual(await disk.list(FOLDER), [segmentName(1), segmentName(2)])
  for (const index of [7, 8, 9]) await journal.group(1).write({ entries: [entry(index)] })
  await journal.close()
  assert.equal(await entriesIn(disk), 9)
})

test('what recovery found in the last frame is made durable before anyone relies on it', async () => {
  const disk = new MemoryDisk()
  const journal = await openJournal(disk)
  await journal.group(1).write({ entries: [entry(1)] })
  // A process that is killed between write and sync: the operating system has the bytes, the disk has not.
  disk.beforeOperation = (operation) => {
    if (operation.kind === 'sync') throw new Error('killed')
  }
  await assert.rejects(journal.group(1).write({ entries: [entry(2)] }))
  disk.beforeOperation = () => {}
  const again = await openJournal(disk)
  assert.equal(again.group(1).lastIndex, 2)
  for (let seed = 1n; seed <= 20n; seed++) {
    assert.equal((await openJournal(disk.crash(new SeededRandom(seed)))).group(1).lastIndex, 2)
  }
})

test('a segment whose name a killed process did not make durable has it before anything is written there', async () => {
  for (let killedAt = 1; killedAt <= 4; killedAt++) {
    const disk = new MemoryDisk()
    const journal = await openJournal(disk)
    let folderSyncs = 0
    disk.beforeOperation = (operation) => {
      if (operation.kind === 'sync-folder' && ++folderSyncs >= killedAt) throw new Error('killed')
    }
    await writeUntilRefused(journal)
    disk.beforeOperation = () => {}
    const again = await openJournal(disk)
    // What this one makes later would make the name durable as well.
    disk.beforeOperation = (operation) => {
      if (operation.kind === 'sync-folder') throw new Error('killed')
    }
    const acknowledged = await writeUntilRefused(again)
    disk.beforeOperation = () => {}
    for (let seed = 1n; seed <= 20n; seed++) {
      const found = await openJournal(disk.crash(new SeededRandom(seed)))
      assert.ok(found.group(1).lastIndex >= acknowledged, `killed at ${killedAt}, seed ${seed}`)
    }
  }
})

test('old bytes of a recycled segment never come back', async () => {
  const { disk, journal } = await newJournal()
  const log = journal.group(1)
  for (let index = 1; index <= 60; index++) {
    await log.write({ entries: [entry(index)] })
    await log.compact({ index, term: 1, configuration: new Uint8Array() })
  }
  await log.write({ entries: [entry(61, 'live')] })
  await journal.close()
  assert.ok(disk.paths().length <= 4)
  const again = await openJournal(disk)
  assert.deepEqual(await contentOf(again.group(1)), { 61: 'live' })
})
