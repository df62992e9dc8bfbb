import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { LocalEngine } from '../../engine/local-engine.ts'
import { readAppliedState } from '../../engine/snapshot.ts'
import { MemoryDisk } from '../../host/memory-disk.ts'
import { SystemDisk } from '../../host/system-disk.ts'
import { initialConfiguration } from '../../raft/membership.ts'
import { SplitDisk } from '../testing/split-disk.ts'
import type { CopyDescription } from './copy-codec.ts'
import { IncomingCopy } from './incoming-copy.ts'
import { settleLeftovers } from './leftovers.ts'

interface Copy {
  readonly bytes: Uint8Array
  readonly description: CopyDescription
}

async function makeCopy(folder: string): Promise<Copy> {
  const dataFile = `${folder}/source.sqlite`
  const engine = await LocalEngine.open({ database: 'shop', dataFile })
  await engine.replay([{ term: 3n, index: 7n, payload: new Uint8Array() }])
  const { digest } = await engine.snapshot(`${folder}/copy`)
  await engine.close()
  const bytes = readFileSync(`${folder}/copy`)
  const configuration = initialConfiguration([{ id: 1, generation: 1 }], [])
  const metadata = { index: 7, term: 3, configuration }
  const id = new Uint8Array(16).fill(5)
  return { bytes, description: { id, metadata, digest, sizeBytes: bytes.length } }
}

test('once the exchange of files has begun the next start ends it; before that nothing has changed', async (context) => {
  const root = mkdtempSync(`${tmpdir()}/harmony-leftovers-`)
  context.after(() => rmSync(root, { recursive: true }))
  const copy = await makeCopy(root)
  let moments = 0
  for (let at = 0; ; at++) {
    const folder = mkdtempSync(`${root}/life-`)
    const dataFile = `${folder}/shop.1.sqlite`
    writeFileSync(dataFile, 'old')
    writeFileSync(`${dataFile}-wal`, 'WAL of the old file')
    const hasDied = Promise.withResolvers<true>()
    let left = Number.POSITIVE_INFINITY
    const disk = new SplitDisk(new MemoryDisk(), () => {
      if (left-- > 0) return
      hasDied.resolve(true)
      return new Promise<void>(() => {})
    })
    const incoming = new IncomingCopy({ database: 'shop', dataFile, disk }, null)
    const sink = await incoming.receive(copy.description, () => Promise.resolve())
    await sink.write(copy.bytes)
    await sink.finish()
    assert.ok(incoming.claim(copy.description.metadata))
    left = at
    let isBegun = false
    const died = await Promise.race([
      hasDied.promise,
      incoming.install(() => (isBegun = true)).then(() => false),
    ])
    await disk.closeAll()
    const record = (await settleLeftovers(new SystemDisk(), folder)).get(dataFile)
    const names = readdirSync(folder)
    if (isBegun) {
      assert.deepEqual(names, ['shop.1.sqlite', 'shop.1.sqlite-incoming-record'], `at ${at}`)
      assert.equal(record?.state, 'installed', `at ${at}`)
      assert.equal(readAppliedState(dataFile).index, 7n)
    } else if (record?.state === 'receiving') {
      assert.equal(readFileSync(dataFile, 'utf8'), 'old')
      assert.ok(names.includes('shop.1.sqlite-wal'))
      assert.equal(record.syncedBytes, copy.bytes.length, 'nothing is sent again')
    }
    if (!died) break
    moments++
  }
  context.diagnostic(`${moments} moments`)
  assert.ok(moments >= 10)
})

test('what belongs to no record, and copies for others, are deleted', async (context) => {
  const folder = mkdtempSync(`${tmpdir()}/harmony-leftovers-`)
  context.after(() => rmSync(folder, { recursive: true }))
  const garbage = ['-incoming', '-outgoing-3', '-outgoing-3-journal', '-incoming-record.tmp', '-incoming-wal']
  for (const suffix of ['', '-wal', ...garbage]) writeFileSync(`${folder}/shop.1.sqlite${suffix}`, 'x')
  assert.equal((await settleLeftovers(new SystemDisk(), folder)).size, 0)
  assert.deepEqual(readdirSync(folder), ['shop.1.sqlite', 'shop.1.sqlite-wal'])
})
