import { test } from 'node:test'
import assert from 'node:assert/strict'
import { MemoryDisk } from '../host/memory-disk.ts'
import { SeededRandom } from '../host/random.ts'
import { foundingIdentity, IDENTITY_FILE, readIdentity, writeIdentity } from './identity.ts'
import type { MemberIdentity } from './identity.ts'

const IDENTITY: MemberIdentity = {
  cluster: 'c0ffee',
  member: 3,
  incarnation: 7,
  peers: [{ member: 1, address: '10.0.0.1:7001' }],
  isRemoved: false,
  isLost: false,
  isPutAside: false,
}

async function diskWith(text: string | null): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.createFolder('/data')
  if (text === null) return disk
  const file = await disk.create(`/data/${IDENTITY_FILE}`)
  await file.write(0, new TextEncoder().encode(text))
  await file.close()
  return disk
}

test('what was written is what is read', async () => {
  const disk = await diskWith(null)
  assert.equal(await readIdentity(disk, '/data'), null)
  await writeIdentity(disk, '/data', IDENTITY)
  assert.deepEqual(await readIdentity(disk, '/data'), IDENTITY)
})

test('clusters that are founded apart have different names', () => {
  const random = new SeededRandom(1n)
  const [one, other] = [foundingIdentity(random), foundingIdentity(random)]
  assert.notEqual(one.cluster, other.cluster)
  assert.equal(one.member, 1)
})

test('anything else than an identity is damage, and a later one is told so', async () => {
  const texts = ['', '[]', 'null', '{"cluster":"c"}', JSON.stringify({ ...IDENTITY, format: 1, member: 0 })]
  texts.push(JSON.stringify({ ...IDENTITY, format: 1, peers: [{ member: 'one' }] }))
  for (const text of texts) {
    const disk = await diskWith(text)
    await assert.rejects(readIdentity(disk, '/data'), { code: 'DATA_CORRUPT' }, text)
  }
  const later = await diskWith(JSON.stringify({ format: 2, clusters: [] }))
  await assert.rejects(readIdentity(later, '/data'), { code: 'FORMAT_TOO_NEW' })
})
