import { test } from 'node:test'
import assert from 'node:assert/strict'
import { EMPTY_CONFIGURATION, initialConfiguration } from '../raft/membership.ts'
import { decodeOrigin, encodeOrigin } from './log-origin.ts'

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
