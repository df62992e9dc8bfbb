import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DecodeError } from '../base/bytes.ts'
import { SeededRandom } from '../host/random.ts'
import { parsePeerAddress } from './peer-address.ts'
import * as codec from './visit-codec.ts'

const NEWCOMER: codec.Newcomer = {
  token: 'abc',
  name: 'one',
  addresses: { peer: '10.0.0.1:7001', http: '10.0.0.1:8080', postgres: null },
}
const PEERS = [
  { member: 1, address: 'a:1' },
  { member: 300, address: '[::1]:2' },
]
const STANDING: codec.Standing = {
  token: 't',
  peerAddress: 'a:1',
  cluster: '',
  member: 0,
  expected: 3,
  peers: PEERS,
}
const ADMISSION: codec.Admission = { cluster: 'c', member: 4, peers: PEERS }
const CLAIM: codec.Claim = { granted: true, promisedTo: 'a:1' }

const CASES: readonly [bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown, value: unknown][] = [
  [codec.encodeNewcomer(NEWCOMER), codec.decodeNewcomer, NEWCOMER],
  [codec.encodeStanding(STANDING), codec.decodeStanding, STANDING],
  [codec.encodeAdmission(ADMISSION), codec.decodeAdmission, ADMISSION],
  [codec.encodeClaim(CLAIM), codec.decodeClaim, CLAIM],
]

test('what is encoded is what is decoded, and its first byte is the version', () => {
  for (const [bytes, decode, value] of CASES) {
    assert.equal(bytes[0], 1)
    assert.deepEqual(decode(bytes), value)
  }
})

test('other versions, shorter and longer ones, and noise are refused and nothing else happens', () => {
  const random = new SeededRandom(2n)
  for (const [bytes, decode] of CASES) {
    assert.throws(() => decode(Uint8Array.of(2, ...bytes.subarray(1))), /version 2/)
    for (let end = 0; end < bytes.length; end++)
      assert.throws(() => decode(bytes.subarray(0, end)), DecodeError)
    assert.throws(() => decode(Uint8Array.of(...bytes, 0)), DecodeError)
    for (let round = 0; round < 500; round++) {
      const noise = random.bytes(random.integer(40))
      noise[0] = 1
      try {
        decode(noise)
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
    }
  }
})

test('addresses of members', () => {
  assert.deepEqual(parsePeerAddress('10.0.0.1:7001'), { host: '10.0.0.1', port: 7001 })
  assert.deepEqual(parsePeerAddress('[::1]:7001'), { host: '::1', port: 7001 })
  assert.deepEqual(parsePeerAddress('db-1.internal:1'), { host: 'db-1.internal', port: 1 })
  for (const text of ['', 'a', 'a:', ':1', 'a:0', 'a:65536', '::1:7001', 'a b:1', 'http://a:1'])
    assert.throws(() => parsePeerAddress(text), { code: 'ARGS_INVALID' }, text)
})
