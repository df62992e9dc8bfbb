/** Files of real members are damaged while they are down; the cluster makes them whole, and clients lose nothing. */

import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decodeFrameHeader, decodeSegmentHeader, frameBoundary } from '../../src/journal/format.ts'
import { Cluster, until } from './cluster.ts'
import { insist, query } from './load.ts'

const ROWS = 300

let cluster: Cluster

before(async () => {
  cluster = await Cluster.start({ members: 3 })
  await insist(cluster.url(0), 'CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, text TEXT)')
  for (let id = 1; id <= ROWS; id++)
    await insist(cluster.url(id % 3), 'INSERT OR IGNORE INTO kept VALUES (?, ?)', [
      id,
      `text ${id} ${'x'.repeat(500)}`,
    ])
})

after(async () => {
  await cluster[Symbol.asyncDispose]()
})

/** A member that does not lead. */
async function follower(): Promise<number> {
  const leader = await cluster.leader()
  return cluster.indexes.find((index) => index !== leader) ?? 0
}

function dataFile(index: number): string {
  return join(cluster.place(index).dataFolder, 'databases/default.1.sqlite')
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, offset)
  closeSync(file)
}

/** Offset of a frame in the middle of the journal's newest segment that has frames. */
function middleFrame(index: number): { path: string; offset: number } {
  const folder = join(cluster.place(index).dataFolder, 'journal')
  const found = readdirSync(folder)
    .filter((name) => name.endsWith('.segment'))
    .map((name) => ({ path: join(folder, name), offsets: frameOffsets(join(folder, name)) }))
    .toSorted((a, b) => b.offsets.length - a.offsets.length)[0]
  assert.ok(found !== undefined && found.offsets.length > 10, 'the journal has frames')
  return { path: found.path, offset: found.offsets[found.offsets.length >> 1] ?? 0 }
}

function frameOffsets(path: string): number[] {
  const bytes = readFileSync(path)
  const { seed } = decodeSegmentHeader(bytes)
  const offsets: number[] = []
  for (let at = 512; ;) {
    const header = decodeFrameHeader(bytes, seed, at)
    if (header === null) return offsets
    offsets.push(at)
    at = frameBoundary(at + header.sizeBytes)
  }
}

/** Everything is there, as the member itself has it and can show it. */
async function isWhole(index: number): Promise<boolean> {
  const rows = await query(cluster.url(index), 'SELECT count(*), sum(id), sum(length(text)) FROM kept').catch(
    () => null,
  )
  const expected = await insist(
    cluster.url(await cluster.leader()),
    'SELECT count(*), sum(id), sum(length(text)) FROM kept',
  )
  return rows !== null && JSON.stringify(rows) === JSON.stringify(expected)
}

async function restarted(index: number): Promise<void> {
  cluster.start(index)
  await cluster.ready(index)
  await until(
    `member ${index} is whole`,
    () => isWhole(index),
    () => cluster.log(index).slice(-3000),
  )
}

test('a journal that is damaged in the middle: the member puts it aside and joins again under a new number', async () => {
  const index = await follower()
  const { member } = await cluster.state(index)
  await cluster.kill(index)
  const { path, offset } = middleFrame(index)
  overwrite(path, offset + 40, Uint8Array.of(0xde, 0xad, 0xbe, 0xef))
  await restarted(index)
  assert.notEqual((await cluster.state(index)).member, member)
  assert.ok(readdirSync(cluster.place(index).dataFolder).some((name) => name.startsWith('damaged-')))
})

test('a database file that is damaged is replaced by a copy', async () => {
  const index = await follower()
  assert.equal(await cluster.stop(index), true)
  const { size } = statSync(dataFile(index))
  for (let page = 1; page * 4096 < size; page++)
    overwrite(dataFile(index), page * 4096, new Uint8Array(512).fill(0x5a))
  await insist(
    cluster.url(await cluster.leader()),
    "INSERT OR IGNORE INTO kept VALUES (1000, 'while it was away')",
  )
  await restarted(index)
})

test('a database file that is gone comes back', async () => {
  const index = await follower()
  assert.equal(await cluster.stop(index), true)
  for (const suffix of ['', '-wal', '-shm']) rmSync(dataFile(index) + suffix, { force: true })
  await restarted(index)
})

test('a replica that somebody else has written to differs, is found out by the next change of it, and heals', async () => {
  const index = await follower()
  assert.equal(await cluster.stop(index), true)
  const file = new DatabaseSync(dataFile(index))
  file.exec("UPDATE kept SET text = 'forged' WHERE id = 7")
  file.close()
  cluster.start(index)
  await cluster.ready(index)
  await insist(cluster.url(await cluster.leader()), "UPDATE kept SET text = text || '!' WHERE id = 7")
  await until(
    'the replica is whole',
    async () => {
      const [[text] = []] = await query(cluster.url(index), 'SELECT text FROM kept WHERE id = 7').catch(
        () => [],
      )
      return String(text).startsWith('text 7') && (await isWhole(index))
    },
    () => cluster.log(index).slice(-3000),
  )
  assert.match(cluster.log(index), /REPLICA_DIVERGED|differs/)
})
