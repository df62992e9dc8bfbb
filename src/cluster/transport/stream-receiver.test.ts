/** What a sender that breaks the rules of a stream gets: a DecodeError, which ends its connection. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ByteWriter, DecodeError } from '../../base/bytes.ts'
import { TRANSPORT_DEFAULTS } from './limits.ts'
import { StreamReceiver } from './stream-receiver.ts'

interface Scene {
  readonly receiver: StreamReceiver
  readonly written: number[]
  readonly chunk: (offset: number, sizeBytes: number) => void
}

async function openStream(sizeBytes: number): Promise<Scene> {
  const written: number[] = []
  const sink = {
    offset: 10,
    write: async ({ length }: Uint8Array) => void written.push(length),
    finish: async () => {},
    interrupted: () => {},
  }
  const limits = { ...TRANSPORT_DEFAULTS, streamWindowBytes: 100 }
  const shared = { from: 1, limits, wake: () => {}, overflow: () => assert.fail('overflow') }
  const receiver = new StreamReceiver({ ...shared, handler: async () => sink })
  receiver.takeOpen({ kind: 'open', stream: 1, payload: new ByteWriter().varint(sizeBytes).toBytes() })
  await new Promise((resolve) => setImmediate(resolve))
  const chunk = (offset: number, bytes: number): void => {
    const payload = new ByteWriter().varint(offset).raw(new Uint8Array(bytes)).toBytes()
    receiver.takeChunk({ kind: 'chunk', stream: 1, payload })
  }
  return { receiver, written, chunk }
}

test('chunks without credit', async () => {
  const { chunk, written } = await openStream(1_000)
  chunk(10, 100)
  assert.throws(() => chunk(110, 1), DecodeError)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(written, [100])
  chunk(110, 100)
})

test('chunks out of place, empty ones, and more than was announced', async () => {
  const { chunk } = await openStream(50)
  assert.throws(() => chunk(0, 5), DecodeError)
  assert.throws(() => chunk(11, 5), DecodeError)
  assert.throws(() => chunk(10, 0), DecodeError)
  assert.throws(() => chunk(10, 41), DecodeError)
  chunk(10, 40)
})

test('the same stream twice', async () => {
  const { receiver } = await openStream(50)
  const payload = new ByteWriter().varint(1).toBytes()
  assert.throws(() => receiver.takeOpen({ kind: 'open', stream: 1, payload }), DecodeError)
})
