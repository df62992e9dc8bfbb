import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EMPTY_CONFIGURATION, initialConfiguration } from '../raft/membership.ts'
import { toDiskError } from '../host/disk.ts'
import { entry, newJournal } from '../journal/testing/journal-fixture.ts'
import { decodeOrigin, encodeOrigin, writeOrigin } from './log-origin.ts'

const JOINED = { generation: 3 * 2 ** 20, configuration: EMPTY_CONFIGURATION }

test('byte by byte: version, generation, configuration', () => {
  const bytes = encodeOrigin(JOINED)
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    '01' + '0000300000000000' + '01' + '00' + '00'.repeat(16) + '0000'.repeat(4),
  )
})

test('what was encoded is decoded', () => {
  const configuration = initialConfiguration([
    { id: 1, generation: 1 },
    { id: 2, generation: 1 },
  ])
  for (const origin of [JOINED, { generation: 1, configuration }]) {
    assert.deepEqual(decodeOrigin(encodeOrigin(origin)), origin)
  }
  assert.equal(decodeOrigin(new Uint8Array()), null, 'a log of which nothing was written down')
})

test('later versions and damaged bytes are refused', () => {
  const bytes = encodeOrigin(JOINED)
  assert.throws(() => decodeOrigin(bytes.with(0, 2)), { code: 'FORMAT_TOO_NEW' })
  for (const length of [1, 9, 10, bytes.length - 1]) {
    assert.throws(() => decodeOrigin(bytes.slice(0, length)), { code: 'DATA_CORRUPT' }, `${length} bytes`)
  }
})

test('an origin that the full disk refuses is told, so that the life of the replica ends and another one writes it', async () => {
  const { disk, journal } = await newJournal()
  disk.beforeOperation = ({ kind }) => {
    if (kind === 'allocate') throw toDiskError({ code: 'ENOSPC' }, 'allocate', 'the next segment')
  }
  const other = journal.group(2)
  const fill = async (): Promise<void> => {
    for (let index = 1; ; index++) await other.write({ entries: [entry(index)] })
  }
  await assert.rejects(fill(), { code: 'DISK_FULL' })
  const log = journal.group(1)
  const refused = Promise.withResolvers<string>()
  writeOrigin(log, { generation: 1, configuration: EMPTY_CONFIGURATION }, ({ code }) => refused.resolve(code))
  assert.equal(await refused.promise, 'DISK_FULL')
  assert.equal(log.rejectionCount, 1)
})
