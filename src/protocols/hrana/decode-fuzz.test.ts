/**
 * Random damage to good messages: each decoder gives a message or throws REQUEST_INVALID, whatever comes, and never
 * anything else. A failure prints the seed, with which it runs again.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../../base/errors.ts'
import * as json from './json-decode.ts'
import * as protobuf from './protobuf-decode.ts'
import { damage, randomOf } from './testing/damage.ts'
import { encode } from './testing/protobuf-schema.ts'
import { BATCH, PB_BATCH, PB_STATEMENT, STATEMENT } from './testing/samples.ts'

const ROUNDS = 4000
const SEED = Number(process.env['HRANA_FUZZ_SEED'] ?? 20260107)

function fuzz(name: string, seeds: readonly Buffer[], decode: (bytes: Buffer) => unknown): void {
  test(`${name}: damaged messages are refused and nothing worse`, () => {
    const random = randomOf(SEED)
    const outcomes = { decoded: 0, refused: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      let bytes = seeds[random(seeds.length)] ?? Buffer.alloc(0)
      for (let times = 1 + random(3); times > 0; times--) bytes = damage(bytes, random)
      try {
        decode(bytes)
        outcomes.decoded++
      } catch (error) {
        const isRefused = error instanceof HarmonyError && error.code === 'REQUEST_INVALID'
        assert.ok(isRefused, `seed ${SEED}, round ${round}, ${bytes.toString('base64')}: ${String(error)}`)
        outcomes.refused++
      }
    }
    // Neither all nor nothing: the damage is neither too small nor too large to test something.
    assert.ok(outcomes.decoded > 0 && outcomes.refused > ROUNDS / 4, JSON.stringify(outcomes))
  })
}

const REQUESTS = [
  { type: 'execute', stmt: STATEMENT },
  { type: 'batch', batch: BATCH },
  { type: 'store_sql', sql_id: 1, sql: 'SELECT 1' },
  { type: 'describe', sql_id: 1 },
]
const JSON_BODIES = REQUESTS.map((request) =>
  Buffer.from(JSON.stringify({ baton: 'B', requests: [request] })),
)
const JSON_MESSAGES = [
  ...REQUESTS.map((request) =>
    Buffer.from(JSON.stringify({ type: 'request', request_id: 1, request: { stream_id: 1, ...request } })),
  ),
  Buffer.from('{"type":"hello","jwt":"T"}'),
]

const PB_BODIES = [
  { execute: { stmt: PB_STATEMENT } },
  { batch: { batch: PB_BATCH } },
  { storeSql: { sqlId: 1, sql: 'SELECT 1' } },
].map((request) => encode('PipelineReqBody', { baton: 'B', requests: [request] }))
const PB_MESSAGES = [
  { request: { requestId: 1, execute: { streamId: 1, stmt: PB_STATEMENT } } },
  { request: { requestId: 1, openCursor: { streamId: 1, cursorId: 2, batch: PB_BATCH } } },
  { hello: { jwt: 'T' } },
].map((message) => encode('ClientMsg', message))

fuzz('JSON over HTTP', JSON_BODIES, (body) => json.decodePipeline(body, 100))
fuzz('JSON over WebSocket', JSON_MESSAGES, (bytes) => json.decodeClientMessage(bytes.toString('utf8')))
fuzz('Protobuf over HTTP', PB_BODIES, (body) => protobuf.decodePipeline(body, 100))
fuzz('Protobuf over WebSocket', PB_MESSAGES, protobuf.decodeClientMessage)

/** A nested message as Protobuf writes it: field number and wire type, length, bytes. */
function wrap(field: number, inner: Buffer): Buffer {
  const head = [(field << 3) | 2]
  let rest = inner.length
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([...head, rest]), inner])
}

test('deep nesting is refused before it costs the stack', () => {
  const open = '{"type":"not","cond":'.repeat(100_000)
  const step = `{"stmt":{"sql":"A"},"condition":${open}null${'}'.repeat(100_000)}}`
  assert.throws(() => json.decodeCursor(Buffer.from(`{"batch":{"steps":[${step}]}}`)), {
    code: 'REQUEST_INVALID',
    message: /nested deeper than/,
  })

  let condition: Buffer = Buffer.alloc(0)
  for (let depth = 0; depth < 5000; depth++) condition = wrap(3, condition)
  const batch = wrap(1, Buffer.concat([encode('BatchStep', { stmt: { sql: 'A' } }), wrap(1, condition)]))
  assert.throws(() => protobuf.decodeCursor(wrap(2, batch)), {
    code: 'REQUEST_INVALID',
    message: /nested deeper than/,
  })
})
