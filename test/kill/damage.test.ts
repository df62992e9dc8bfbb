/** Real members on damaged folders and full disks: each says what is wrong and where, and nothing acknowledged is lost. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import type { FrameHeader } from '../../src/journal/format.ts'
import {
  decodeFrameHeader,
  decodeSegmentHeader,
  frameBoundary,
  segmentName,
} from '../../src/journal/format.ts'
import { atomicTransaction, query } from './client.ts'
import { ServerProcess } from './server-process.ts'

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-damage-`)
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10 })
  }
}

/** A folder whose member was killed after it had acknowledged `count` rows in the table `t`. */
async function folderWith(folder: string, count: number): Promise<void> {
  const server = new ServerProcess(folder)
  const url = await server.url()
  await query(url, ['CREATE TABLE t (a INTEGER PRIMARY KEY)'])
  for (let value = 1; value <= count; value++) await query(url, ['INSERT INTO t VALUES (?)', value])
  await server.kill()
}

async function rowsAfterStart(folder: string): Promise<number> {
  const server = new ServerProcess(folder)
  try {
    const [[count] = []] = await query(await server.url(), ['SELECT count(*) FROM t'])
    return Number(count)
  } finally {
    await server.kill()
  }
}

/** The output of a member that must not start. */
async function refusalOf(folder: string): Promise<string> {
  const server = new ServerProcess(folder)
  await assert.rejects(server.url())
  await server.exited()
  assert.equal(server.exitCode, 1)
  return server.output
}

function journalFile(folder: string): string {
  return `${folder}/journal/${segmentName(1)}`
}

/** The frames of the first segment, and where they end. */
function framesOf(folder: string): { offsets: number[]; end: number } {
  const bytes = readFileSync(journalFile(folder))
  const { seed } = decodeSegmentHeader(bytes)
  const offsets: number[] = []
  let end = 512
  for (;;) {
    const header: FrameHeader | null = decodeFrameHeader(bytes, seed, end)
    if (header === null) return { offsets, end }
    offsets.push(end)
    end = frameBoundary(end + header.sizeBytes)
  }
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, offset)
  closeSync(file)
}

test('an unfinished write at the end of the journal is cut, and all rows are there', () =>
  withFolder(async (folder) => {
    await folderWith(folder, 20)
    const { offsets, end } = framesOf(folder)
    const last = readFileSync(journalFile(folder)).subarray(offsets.at(-1), end)
    overwrite(journalFile(folder), end, last.subarray(0, 100))
    truncateSync(journalFile(folder), end + 100)
    assert.equal(await rowsAfterStart(folder), 20)
    assert.equal(await rowsAfterStart(folder), 20)
  }))

test('a journal damaged in the middle: the member does not start, and says which file and where', () =>
  withFolder(async (folder) => {
    await folderWith(folder, 20)
    const { offsets } = framesOf(folder)
    const offset = offsets[10] ?? 0
    const byte = readFileSync(journalFile(folder)).subarray(offset + 40, offset + 41)
    overwrite(journalFile(folder), offset + 40, Uint8Array.of((byte[0] ?? 0) ^ 1))
    const output = await refusalOf(folder)
    assert.ok(output.includes(`${journalFile(folder)} is damaged at byte ${offset}`), output)
    assert.match(output, /DATA_CORRUPT/)
    overwrite(journalFile(folder), offset + 40, byte)
    assert.equal(await rowsAfterStart(folder), 20)
  }))

test('a journal that lost its newest acknowledged entries: the database says so and serves nothing old', () =>
  withFolder(async (folder) => {
    await folderWith(folder, 20)
    const { offsets, end } = framesOf(folder)
    const from = offsets.at(-3) ?? 0
    overwrite(journalFile(folder), from, new Uint8Array(end - from))
    const server = new ServerProcess(folder)
    try {
      const url = await server.url()
      await assert.rejects(query(url, ['SELECT count(*) FROM t']), { code: 'DATA_CORRUPT' })
      const outcome = await atomicTransaction(url, [['INSERT INTO t VALUES (99)']], null)
      assert.deepEqual(outcome, { kind: 'refused', code: 'DATA_CORRUPT' })
    } finally {
      await server.kill()
    }
  }))

test('a folder in use is refused, naming the process; the first member does not notice', () =>
  withFolder(async (folder) => {
    const first = new ServerProcess(folder)
    try {
      const url = await first.url()
      const output = await refusalOf(folder)
      assert.match(output, /DATA_LOCKED/)
      assert.ok(output.includes(`process ${first.pid}`), output)
      await query(url, ['CREATE TABLE t (a)'])
    } finally {
      await first.kill()
    }
    assert.equal(await rowsAfterStart(folder), 0)
  }))

test('a folder and a journal of a later format are refused', () =>
  withFolder(async (folder) => {
    await folderWith(folder, 1)
    const format = readFileSync(`${folder}/format`, 'utf8')
    writeFileSync(`${folder}/format`, format.replace(/"format": \d+/, '"format": 9'))
    assert.match(await refusalOf(folder), /format version 9.*FORMAT_TOO_NEW/)
    writeFileSync(`${folder}/format`, 'not JSON')
    assert.match(await refusalOf(folder), /format is damaged.*DATA_CORRUPT/)
    writeFileSync(`${folder}/format`, format)
    assert.equal(await rowsAfterStart(folder), 1)
  }))

test('SIGTERM: exit code 0, and everything is in the file', () =>
  withFolder(async (folder) => {
    const server = new ServerProcess(folder)
    await query(await server.url(), ['CREATE TABLE t (a)'], ['INSERT INTO t VALUES (1)'])
    assert.equal(await server.stop(), 0)
    assert.equal(await rowsAfterStart(folder), 1)
  }))

/** Writes rows of 64 KiB until one is refused. Gives how many were acknowledged and the refusal's code. */
async function fill(url: string): Promise<{ acknowledged: number; code: string }> {
  await query(url, ['CREATE TABLE t (a INTEGER PRIMARY KEY, b)'])
  for (let value = 1; value < 2_000; value++) {
    const statement = ['INSERT INTO t VALUES (?, randomblob(65536))', value] as const
    const outcome = await atomicTransaction(url, [statement, ['INSERT INTO t VALUES (?, 1)', -value]], null)
    if (outcome.kind === 'refused') return { acknowledged: value - 1, code: outcome.code }
    if (outcome.kind === 'unknown') return { acknowledged: value - 1, code: 'unknown' }
  }
  return assert.fail('the disk did not get full')
}

/** What was acknowledged is there, each transaction whole; at most the one in doubt is there besides. */
async function checkFilled(url: string, acknowledged: number, code: string): Promise<void> {
  const [[positive, negative] = []] = await query(url, ['SELECT sum(a > 0), sum(a < 0) FROM t'])
  assert.equal(positive, negative)
  assert.ok(positive === acknowledged || (code === 'unknown' && positive === acknowledged + 1), `${positive}`)
}

test('files that can not grow: refused with nothing lost, reads go on, and with space everything is there', () =>
  withFolder(async (folder) => {
    // The limit is on each file (in units of 512 bytes): the journal's segments fit, the database does not.
    const server = new ServerProcess(
      folder,
      [],
      `trap '' XFSZ; ulimit -f ${(18 * 1024 * 1024) / 512}; exec "$@"`,
    )
    let filled
    try {
      const url = await server.url()
      filled = await fill(url)
      assert.match(filled.code, /DISK_FULL|SQLITE_FULL|SQLITE_IOERR|unknown/)
      await checkFilled(url, filled.acknowledged, filled.code)
    } finally {
      await server.kill()
    }
    assert.ok(filled.acknowledged > 10)
    const again = new ServerProcess(folder)
    try {
      await checkFilled(await again.url(), filled.acknowledged, filled.code)
      await query(await again.url(), ['INSERT INTO t VALUES (0, 0)'])
    } finally {
      await again.kill()
    }
  }))

test('no space for the journal: the member does not start and says so', () =>
  withFolder(async (folder) => {
    const server = new ServerProcess(
      folder,
      [],
      `trap '' XFSZ; ulimit -f ${(4 * 1024 * 1024) / 512}; exec "$@"`,
    )
    await assert.rejects(server.url(), /The disk is full.*DISK_FULL/)
    await server.exited()
    // What was begun is no obstacle once there is space.
    await folderWith(folder, 1)
    assert.equal(await rowsAfterStart(folder), 1)
  }))

test('a journal that can not be written: nobody is told a guess, the member ends, and a new start tells what is there', () =>
  withFolder(async (folder) => {
    const server = new ServerProcess(folder, [], `trap '' XFSZ; exec "$@"`)
    const url = await server.url()
    await query(url, ['CREATE TABLE t (a)'], ['INSERT INTO t VALUES (1)'])
    // From now on no write of this process gets anywhere: as with a disk that fails.
    const limited = spawnSync('prlimit', ['--pid', String(server.pid), '--fsize=16'])
    if (limited.status !== 0) return server.kill()
    const outcome = await atomicTransaction(url, [['INSERT INTO t VALUES (2)']], null)
    assert.deepEqual(outcome, { kind: 'unknown' })
    await server.exited()
    assert.equal(server.exitCode, 1)
    assert.match(server.output, /the member can not go on/)
    assert.equal(await rowsAfterStart(folder), 1)
  }))

function mount(...args: string[]): boolean {
  return spawnSync('mount', args).status === 0
}

test('a full file system: refused with nothing lost, and it works again when there is space', () =>
  withFolder(async (folder) => {
    // Only root may mount; everywhere else the limit on files above stands in.
    if (!mount('-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', folder)) return
    const servers: ServerProcess[] = []
    const start = (): Promise<string> => {
      const server = new ServerProcess(folder)
      servers.push(server)
      return server.url()
    }
    try {
      const url = await start()
      const { acknowledged, code } = await fill(url)
      assert.match(code, /DISK_FULL|SQLITE_FULL|SQLITE_IOERR|unknown/)
      await checkFilled(url, acknowledged, code)
      assert.ok(mount('-o', 'remount,size=200m', folder))
      assert.equal(await untilCommitted(url), 'committed')
      await servers[0]?.kill()
      const again = await start()
      await query(again, ['DELETE FROM t WHERE a = 0'])
      await checkFilled(again, acknowledged, code)
    } finally {
      for (const server of servers) await server.kill()
      // Lazily: the killed member's engines may need a moment to notice.
      spawnSync('umount', ['-l', folder])
    }
  }))

/** A database that could not be written may need a moment until it is opened again. */
async function untilCommitted(url: string): Promise<string> {
  let outcome = 'none'
  for (let attempt = 0; attempt < 300 && outcome !== 'committed'; attempt++) {
    outcome = (await atomicTransaction(url, [['INSERT OR REPLACE INTO t VALUES (0, 0)']], null)).kind
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return outcome
}
