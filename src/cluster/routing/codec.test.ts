/** What is sent between members comes out as it went in, and nothing that a peer may send does more than to be refused. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DecodeError } from '../../base/bytes.ts'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import { SeededRandom } from '../../host/random.ts'
import type { Random } from '../../host/random.ts'
import { decodeAnswer, encodeAnswer, encodeSubmitted } from './answer-codec.ts'
import { decodeCall, encodeCall, SubmitEncoder } from './call-codec.ts'
import type { RoutingCall, SubmitAnswer } from './message.ts'
import {
  ANSWER_KINDS,
  CALL_TYPES,
  randomAnswer,
  randomCall,
  randomRequest,
  randomSubmitAnswer,
} from './testing/random-messages.ts'

const ROUNDS = 100

test('every call comes out as it went in, integers exact', () => {
  const random = new SeededRandom(1n)
  for (const type of CALL_TYPES)
    for (let round = 0; round < ROUNDS; round++) {
      const call = randomCall(random, type)
      assert.deepEqual(decodeCall(encodeCall(call)), call)
    }
})

test('every answer comes out as it went in', () => {
  const random = new SeededRandom(2n)
  for (const kind of ANSWER_KINDS)
    for (let round = 0; round < ROUNDS; round++) {
      const answer = randomAnswer(random, kind)
      assert.deepEqual(decodeAnswer(encodeAnswer(answer)), answer)
    }
})

test('requests that are collected one by one make the call that they make together', () => {
  const random = new SeededRandom(3n)
  const encoder = new SubmitEncoder(5)
  for (let round = 0; round < 50; round++) {
    const requests = Array.from({ length: 1 + random.integer(5) }, () => randomRequest(random))
    for (const request of requests) encoder.add(request)
    assert.deepEqual(encoder.finish(), encodeCall({ type: 'submit', group: 5, requests }).slice())
  }
})

test('a text that many statements share is sent once', () => {
  const sql = `INSERT INTO notes VALUES (?, ?)${' '.repeat(500)}`
  const statements = Array.from({ length: 1_000 }, (_, at) => ({
    sql,
    args: { positional: [BigInt(at)], named: [] },
  }))
  const request = { statements, context: INITIAL_CONTEXT, idempotencyKey: null, resultSizeBytesMax: 1 }
  const bytes = encodeCall({ type: 'submit', group: 1, requests: [request] })
  assert.ok(bytes.length < 16 * 1_000, `${bytes.length} bytes`)
  assert.deepEqual(decodeCall(bytes), { type: 'submit', group: 1, requests: [request] })
})

test('answers beyond the size that may be kept are told without their results', () => {
  const random = new SeededRandom(4n)
  for (let round = 0; round < 20; round++) {
    const answers = Array.from({ length: 20 }, () => randomSubmitAnswer(random))
    const decoded = decodeAnswer(encodeSubmitted(answers, 5_000))
    assert.equal(decoded.kind, 'submitted')
    if (decoded.kind !== 'submitted') return
    decoded.answers.forEach((answer, at) => checkTold(answers[at] as SubmitAnswer, answer))
  }
})

function checkTold(given: SubmitAnswer, told: SubmitAnswer): void {
  if (told.kind === 'results-lost' && given.kind === 'committed') return assert.equal(told.index, given.index)
  if (given.kind !== 'failed' || told.kind !== 'failed') return assert.deepEqual(told, given)
  assert.deepEqual(told.error, given.error)
  // Which statement failed is told by how many results there are.
  assert.equal(told.results.length, given.results.length)
}

test('bytes of the first version stay readable', () => {
  const statement = { sql: 'INSERT', args: { positional: [1n, 1.5, 'a', null], named: [] } }
  const request = {
    statements: [statement],
    context: INITIAL_CONTEXT,
    idempotencyKey: 'k',
    resultSizeBytesMax: 300,
  }
  const call: RoutingCall = { type: 'submit', group: 7, requests: [request] }
  assert.equal(
    Buffer.from(encodeCall(call)).toString('hex'),
    '01010701000000' + // version, type, group, one request
      '010000000000000000' + // foreign keys, last_insert_rowid
      '0000' + // changes, total_changes
      '01016bac02' + // key, result size
      '010006494e53455254' + // one statement with a text of its own
      '0401010000000000000002000000000000f83f03016100' + // four values
      '00', // no named ones
  )
  const answers: SubmitAnswer[] = [
    { kind: 'committed', results: [], context: INITIAL_CONTEXT, index: 300n },
    { kind: 'rejected', error: { code: 'NOT_LEADER', message: 'm', offset: null }, leader: 2 },
  ]
  assert.equal(
    Buffer.from(encodeAnswer({ kind: 'submitted', answers })).toString('hex'),
    '010102' + // version, kind, two answers
      '010100000000000000000000' + // committed: context
      'ac0200' + // index, no results
      '030a4e4f545f4c4541444552016d000102', // rejected: code, message, no offset, leader
  )
})

/** The bytes with something wrong in them. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  const kind = random.integer(4)
  if (kind === 0) return copy.subarray(0, random.integer(copy.length))
  if (kind === 1) return Buffer.concat([copy, random.bytes(1 + random.integer(8))])
  if (kind === 2) return random.bytes(random.integer(200))
  for (let count = 0; count <= random.integer(4); count++)
    copy[random.integer(copy.length)] = random.integer(256)
  return copy
}

test('whatever a peer sends is decoded or refused with a DecodeError, in time and memory of its size', () => {
  const random = new SeededRandom(6n)
  const calls = CALL_TYPES.flatMap((type) =>
    Array.from({ length: 20 }, () => encodeCall(randomCall(random, type))),
  )
  const answers = ANSWER_KINDS.flatMap((kind) =>
    Array.from({ length: 20 }, () => encodeAnswer(randomAnswer(random, kind))),
  )
  let refused = 0
  for (let round = 0; round < 100; round++) {
    for (const call of calls) refused += isRefused(() => decodeCall(damaged(random, call)))
    for (const answer of answers) refused += isRefused(() => decodeAnswer(damaged(random, answer)))
  }
  assert.ok(refused > 10_000, `${refused} were refused`)
})

function isRefused(decode: () => unknown): number {
  try {
    decode()
    return 0
  } catch (error) {
    if (error instanceof DecodeError) return 1
    throw error
  }
}

test('a count that the bytes can not hold is refused before anything is made of it', () => {
  for (const hex of [
    '010105ffffffff', // 4,294,967,295 requests
    '0103010a01', // the text of the statement before the first
  ])
    assert.throws(() => decodeCall(Buffer.from(hex, 'hex')), DecodeError)
  // A result with no columns and 2^20 rows.
  assert.throws(() => decodeAnswer(Buffer.from(`010300808040${'00'.repeat(2 ** 20)}`, 'hex')), DecodeError)
})

test('another version is refused by its number', () => {
  assert.throws(() => decodeCall(Buffer.from('0206', 'hex')), /version 2/)
  assert.throws(() => decodeAnswer(Buffer.from('0302', 'hex')), /version 3/)
})
