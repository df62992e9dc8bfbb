/** Both disks keep the same contract; the machine's real one shows that the one in memory is no fiction. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HarmonyError } from '../base/errors.ts'
import type { Disk } from './disk.ts'
import { readWhole, replaceWhole, toDiskError } from './disk.ts'
import { MemoryDisk, SECTOR_BYTES } from './memory-disk.ts'
import { SeededRandom } from './random.ts'
import { SystemDisk } from './system-disk.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

async function withEach(work: (disk: Disk, folder: string) => Promise<void>): Promise<void> {
  const memory = new MemoryDisk()
  await memory.createFolder('/data')
  await work(memory, '/data')
  const folder = mkdtempSync(`${tmpdir()}/harmony-disk-`)
  try {
    await work(new SystemDisk(), folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('reads what was written, and no more than the file has', () =>
  withEach(async (disk, folder) => {
    const file = await disk.create(`${folder}/a`)
    await file.write(2, bytes(1, 2, 3))
    await file.sync()
    await file.writeDurable(1, bytes(9))
    assert.deepEqual([...(await file.read(0, 100))], [0, 9, 1, 2, 3])
    await file.truncate(3)
    assert.equal(await file.sizeBytes(), 3)
    await file.close()
    const again = await disk.open(`${folder}/a`)
    assert.deepEqual([...(await again.read(1, 5))], [9, 1])
    await again.close()
  }))

test('allocated files are zeros of the size asked for', () =>
  withEach(async (disk, folder) => {
    const file = await disk.create(`${folder}/a`)
    await file.allocate(3_000_000)
    assert.equal(await file.sizeBytes(), 3_000_000)
    assert.equal(
      (await file.read(0, 3_000_000)).every((byte) => byte === 0),
      true,
    )
    await file.close()
  }))

test('folders list their files in order; rename replaces; remove is fine twice', () =>
  withEach(async (disk, folder) => {
    for (const name of ['b', 'a', 'c']) await (await disk.create(`${folder}/${name}`)).close()
    await disk.createFolder(`${folder}/sub/inner`)
    assert.deepEqual(await disk.list(folder), ['a', 'b', 'c', 'sub'])
    await disk.rename(`${folder}/a`, `${folder}/b`)
    await disk.remove(`${folder}/c`)
    await disk.remove(`${folder}/c`)
    await disk.syncFolder(folder)
    assert.deepEqual(await disk.list(folder), ['b', 'sub'])
    assert.equal(await disk.exists(`${folder}/c`), false)
  }))

test('a small file is replaced as a whole', () =>
  withEach(async (disk, folder) => {
    assert.equal(await readWhole(disk, `${folder}/f`), null)
    await replaceWhole(disk, folder, 'f', bytes(1))
    await replaceWhole(disk, folder, 'f', bytes(2, 3))
    assert.deepEqual([...((await readWhole(disk, `${folder}/f`)) ?? [])], [2, 3])
    assert.deepEqual(await disk.list(folder), ['f'])
  }))

test('a missing file is DISK_FAILED and names the file', () =>
  withEach(async (disk, folder) => {
    await assert.rejects(disk.open(`${folder}/none`), (error: HarmonyError) => {
      assert.equal(error.code, 'DISK_FAILED')
      assert.match(error.message, /open .*none \(ENOENT\)/)
      return true
    })
  }))

test('no space, quota and file size limit are DISK_FULL', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG']) {
    assert.equal(toDiskError({ code }, 'write', '/f').code, 'DISK_FULL')
  }
  assert.equal(toDiskError({ code: 'EIO' }, 'write', '/f').code, 'DISK_FAILED')
})

test('a real disk reports a real failure: a full device', async () => {
  const file = await new SystemDisk().open('/dev/full')
  await assert.rejects(file.write(0, bytes(1)), { code: 'DISK_FULL' })
  await file.close()
})

test('a file where a folder should be is told as what it is', async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/harmony-disk-`)
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'file')
  writeFileSync(file, 'mine')
  const disk = new SystemDisk()
  await assert.rejects(disk.createFolder(file), {
    code: 'DISK_FAILED',
    message: /A file of this name is there/,
  })
  await assert.rejects(disk.createFolder(join(file, 'x')), { message: /A part of this path is a file/ })
})

test('in memory, a crash keeps what was synced and any of the sectors that were not', async () => {
  const outcomes = new Set<string>()
  for (let seed = 1n; seed <= 60n; seed++) {
    const disk = new MemoryDisk()
    const file = await disk.create('/f')
    await disk.syncFolder('')
    await file.allocate(2 * SECTOR_BYTES)
    await file.writeDurable(0, bytes(1))
    await file.write(0, bytes(2))
    await file.write(SECTOR_BYTES, bytes(3))
    const after = disk.crash(new SeededRandom(seed)).bytesOf('/f')
    outcomes.add(`${after[0]}${after[SECTOR_BYTES]}`)
  }
  assert.deepEqual([...outcomes].sort(), ['10', '13', '20', '23'])
})

test('in memory, an unsynced rename may be lost, a synced one may not', async () => {
  const outcomes = new Set<string>()
  for (let seed = 1n; seed <= 30n; seed++) {
    const disk = new MemoryDisk()
    await disk.create('/old')
    await disk.syncFolder('')
    await disk.rename('/old', '/new')
    outcomes.add(disk.crash(new SeededRandom(seed)).paths().join())
    await disk.syncFolder('')
    assert.deepEqual(disk.crash(new SeededRandom(seed)).paths(), ['/new'])
  }
  assert.deepEqual([...outcomes].sort(), ['/new', '/old'])
})

test('in memory, a full disk refuses growth and lets the file be', async () => {
  const disk = new MemoryDisk()
  disk.capacityBytes = 10
  const file = await disk.create('/f')
  await file.write(0, new Uint8Array(10))
  await assert.rejects(file.write(5, new Uint8Array(6)), { code: 'DISK_FULL' })
  await file.write(5, new Uint8Array(5))
  assert.equal(await file.sizeBytes(), 10)
})

test('folders are created with what is missing above them, and a refusal is told instead of tried again for ever', async () => {
  const disk = new SystemDisk()
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-disk-'))
  await disk.createFolder(join(folder, 'a/b/c'))
  await disk.createFolder(join(folder, 'a/b/c'))
  assert.deepEqual(await disk.list(join(folder, 'a/b')), ['c'])
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700, 'nobody else may look into a data folder')
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(disk.createFolder(join(folder, 'file')), { code: 'DISK_FAILED' })
  if (process.platform === 'linux')
    await assert.rejects(disk.createFolder('/proc/harmonydb/data'), { code: 'DISK_FAILED' })
  rmSync(folder, { recursive: true })
})
