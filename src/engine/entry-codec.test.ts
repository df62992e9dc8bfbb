import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom } from '../host/random.ts'
import { decodeEntry, EntryEncoder } from './entry-codec.ts'
import type { LoggedStatement, LoggedTransaction } from './entry-codec.ts'

const PLAIN = {
  isNewChunk: false,
  isUncaptured: false,
  isTried: false,
  isGuarded: false,
  isRead: false,
  failure: null,
}

const TRANSACTIONS: readonly LoggedTransaction[] = [
  {
    context: {
      foreignKeys: true,
      lastInsertRowid: -(2n ** 63n),
      changes: 2n ** 40n,
      totalChanges: 2n ** 62n,
    },
    idempotencyKey: 'key é',
    statements: [
      {
        ...PLAIN,
        position: 0,
        sql: 'INSERT INTO t VALUES (?)',
        values: [null, 1n, -1.5, 'x', new Uint8Array([1, 2])],
      },
      {
        ...PLAIN,
        position: 300,
        sql: 'INSERT INTO t VALUES (?)',
        values: [],
        isNewChunk: true,
        isTried: true,
      },
    ],
  },
  {
    context: { foreignKeys: false, lastInsertRowid: 0n, changes: 0n, totalChanges: 0n },
    idempotencyKey: null,
    statements: [
      {
        ...PLAIN,
        position: 1,
        sql: 'DELETE FROM t',
        values: [],
        isUncaptured: true,
        isGuarded: true,
        failure: 'SQLITE_FULL',
      },
      { ...PLAIN, position: 2, sql: 'INSERT INTO t VALUES (?)', values: [2n], isRead: true },
    ],
  },
]

const STAMP = { timeMs: 1_700_000_000_000, seed: new Uint8Array(16).map((_, at) => at) }
const DIGEST = new Uint8Array(32).fill(7)

function encode(transactions: readonly LoggedTransaction[]): Uint8Array {
  const encoder = new EntryEncoder()
  for (const transaction of transactions) encoder.add(transaction)
  return encoder.finish(STAMP, true, [{ table: 't', hash: new Uint8Array(16).fill(3) }], DIGEST)
}

test('an entry is decoded to what was encoded', () => {
  assert.deepEqual(decodeEntry(encode(TRANSACTIONS)), {
    stamp: STAMP,
    mayFailAtCommit: true,
    transactions: TRANSACTIONS,
    effects: [{ table: 't', hash: new Uint8Array(16).fill(3) }],
    digest: DIGEST,
  })
})

test('version 1 is these bytes', () => {
  const statement: LoggedStatement = { ...PLAIN, position: 1, sql: 'X', values: [5n], failure: 'E' }
  const context = { foreignKeys: true, lastInsertRowid: 2n, changes: 3n, totalChanges: 4n }
  const encoder = new EntryEncoder()
  encoder.add({ context, idempotencyKey: null, statements: [statement] })
  const bytes = encoder.finish({ timeMs: 6, seed: new Uint8Array(16) }, false, [], DIGEST)
  const zeros = '00'.repeat(16)
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    `010006${zeros}01` +
      '010200000000000000' +
      '0304' +
      '01' +
      '010400' +
      '0158' +
      '01' +
      '010500000000000000' +
      '0145' +
      '00' +
      '07'.repeat(32),
  )
})

test('a text that comes again is written once', () => {
  const once = encode([TRANSACTIONS[0] as LoggedTransaction]).length
  const twice = encode([TRANSACTIONS[0] as LoggedTransaction, TRANSACTIONS[0] as LoggedTransaction]).length
  assert.ok(twice - once < once)
  assert.ok(twice - once > 0)
})

test('damaged bytes never decode to a crash, only to an error or another entry', () => {
  const random = new SeededRandom(1n)
  const good = encode(TRANSACTIONS)
  for (let round = 0; round < 2_000; round++) {
    const bytes = Uint8Array.from(good)
    bytes[random.integer(bytes.length)] = random.integer(256)
    const cut = bytes.subarray(0, random.integer(4) === 0 ? random.integer(bytes.length) : bytes.length)
    try {
      decodeEntry(cut)
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error, String(error))
      assert.match(String(error.code), /^(DATA_CORRUPT|FORMAT_TOO_NEW)$/)
    }
  }
})
