import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HarmonyError } from '../../base/errors.ts'
import { initialConfiguration } from '../../raft/membership.ts'
import type { CopyDescription, Transfer } from './copy-codec.ts'
import { decodePull, decodeTransfer, encodePull, encodeTransfer, isSameCopy } from './copy-codec.ts'
import { decodeRecord, encodeRecord } from './incoming-record.ts'

const COPY: CopyDescription = {
  id: Uint8Array.from({ length: 16 }, (_, at) => at),
  metadata: {
    index: 2 ** 40 + 5,
    term: 7,
    configuration: initialConfiguration([{ id: 1, generation: 1 }], [{ id: 300, generation: 1 }]),
  },
  digest: Uint8Array.from({ length: 32 }, (_, at) => 255 - at),
  sizeBytes: 2 ** 33,
}
const ENVELOPE = { group: 9, from: 1, fromGeneration: 1, to: 300, toGeneration: 2 ** 21, term: 8 }
const FOLLOW: Transfer = {
  purpose: 'follow',
  copy: COPY,
  request: { ...ENVELOPE, type: 'snapshot-request', snapshot: COPY.metadata },
}
const HEAL: Transfer = { purpose: 'heal', group: 9, copy: COPY }

function isInvalid(error: unknown): boolean {
  return error instanceof HarmonyError && error.code === 'REQUEST_INVALID'
}

test('a transfer arrives as it was sent', () => {
  for (const transfer of [FOLLOW, HEAL]) assert.deepEqual(decodeTransfer(encodeTransfer(transfer)), transfer)
})

test('every shortened or changed transfer is refused or understood, and never throws anything else', () => {
  const bytes = encodeTransfer(FOLLOW)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeTransfer(bytes.subarray(0, length)), isInvalid)
  }
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ 0xff
    try {
      decodeTransfer(changed)
    } catch (error) {
      assert.ok(isInvalid(error), String(error))
    }
  }
})

test('a later version of a transfer is refused', () => {
  const bytes = encodeTransfer(HEAL)
  bytes[0] = 2
  assert.throws(() => decodeTransfer(bytes), /version 2 instead of 1/)
})

test('a pull arrives as it was sent', () => {
  assert.deepEqual(decodePull(encodePull({ group: 3, position: 2 ** 35 })), { group: 3, position: 2 ** 35 })
  assert.throws(() => decodePull(Uint8Array.of(1, 3)), isInvalid)
})

test('copies are told apart by their id', () => {
  assert.ok(isSameCopy(COPY, { ...COPY, metadata: { ...COPY.metadata, term: 8 } }))
  assert.ok(!isSameCopy(COPY, { ...COPY, id: COPY.digest.subarray(0, 16) }))
})

test('a record is read as it was written; damage to any byte is noticed', () => {
  const record = { state: 'installing', syncedBytes: 2 ** 33, copy: COPY } as const
  const bytes = encodeRecord(record)
  assert.deepEqual(decodeRecord(bytes, 'x'), record)
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ 1
    assert.throws(
      () => decodeRecord(changed, 'shop.1.sqlite-incoming-record'),
      /shop\.1\.sqlite-incoming-record is damaged/,
    )
  }
  assert.throws(() => decodeRecord(bytes.subarray(0, 3), 'x'), /damaged/)
})
