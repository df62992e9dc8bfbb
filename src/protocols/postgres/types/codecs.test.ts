/** Every codec in both formats and both directions, against bytes and texts that PostgreSQL itself gives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SqlValue } from '../../../base/value.ts'
import { Encoder } from '../wire/encoder.ts'
import { typeOfDeclaration, formatType } from './declared-type.ts'
import { numericModifier } from './numeric-codec.ts'
import { typeByName } from './registry.ts'
import { timeZone, UTC } from './time-zone.ts'

function codec(name: string): NonNullable<ReturnType<typeof typeByName>>['codec'] {
  const type = typeByName(name)
  assert.ok(type !== null, name)
  return type.codec
}

function binary(name: string, value: Exclude<SqlValue, null>, modifier = -1): string {
  const out = new Encoder()
  codec(name).encodeBinary(out, value, modifier)
  const bytes = out.take()
  assert.equal(bytes.readInt32BE(0), bytes.length - 4)
  return bytes.subarray(4).toString('hex')
}

const style = { timeZone: UTC }

/** type, text as PostgreSQL prints it, value as SQLite stores it, binary form (from `select …send(…)`). */
const SAMPLES: readonly (readonly [
  type: string,
  text: string,
  stored: Exclude<SqlValue, null>,
  hex: string,
])[] = [
  ['bool', 't', 1n, '01'],
  ['bool', 'f', 0n, '00'],
  ['int2', '-32768', -32768n, '8000'],
  ['int4', '2147483647', 2147483647n, '7fffffff'],
  ['int8', '-9223372036854775808', -(2n ** 63n), '8000000000000000'],
  ['oid', '4294967295', 4294967295n, 'ffffffff'],
  ['float8', '0.1', 0.1, '3fb999999999999a'],
  ['float8', '-Infinity', -Infinity, 'fff0000000000000'],
  ['float4', '1.5', 1.5, '3fc00000'],
  ['numeric', '0', 0n, '0000000000000000'],
  ['numeric', '12345.678', 12345.678, '0003000100000003000109291a7c'],
  ['numeric', '-0.0001', -0.0001, '0001ffff400000040001'],
  ['numeric', '100000000', 100000000n, '00010002000000000001'],
  ['text', 'héllo', 'héllo', Buffer.from('héllo').toString('hex')],
  ['varchar', '', '', ''],
  ['bytea', '\\x00ff10', Uint8Array.from([0, 255, 16]), '00ff10'],
  ['date', '2000-01-01', '2000-01-01', '00000000'],
  ['date', '1969-12-31', '1969-12-31', 'ffffd532'],
  ['time', '10:11:12.5', '10:11:12.5', '0000000889d9f120'],
  ['timestamp', '2000-01-01 00:00:00', '2000-01-01 00:00:00', '0000000000000000'],
  ['timestamp', '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59.999999', 'ffffffffffffffff'],
  ['timestamptz', '2000-01-01 00:00:01+00', '2000-01-01 00:00:01+00:00', '00000000000f4240'],
  [
    'interval',
    '1 year 2 mons 3 days 04:05:06.7',
    '1 year 2 mons 3 days 04:05:06.7',
    '000000036c966ee0000000030000000e',
  ],
  [
    'uuid',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0eebc999c0b4ef8bb6d6bb9bd380a11',
  ],
  ['json', '{"a" :1}', '{"a" :1}', Buffer.from('{"a" :1}').toString('hex')],
  ['jsonb', '{"a": 1}', '{"a": 1}', `01${Buffer.from('{"a": 1}').toString('hex')}`],
  [
    '_int4',
    '{1,NULL,3}',
    '[1,null,3]',
    '00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003',
  ],
  [
    '_text',
    '{a,"b c",NULL,"NULL",""}',
    '["a","b c",null,"NULL",""]',
    '0000000100000001000000190000000500000001000000016100000003622063ffffffff000000044e554c4c00000000',
  ],
  ['_int4', '{}', '[]', '000000000000000000000017'],
  [
    '_int4',
    '{{1,2},{3,4}}',
    '[[1,2],[3,4]]',
    '000000020000000000000017000000020000000100000002000000010000000400000001000000040000000200000004000000030000000400000004',
  ],
]

for (const [type, text, stored, hex] of SAMPLES) {
  test(`${type} ${text}: text and binary, both ways`, () => {
    assert.equal(codec(type).encodeText(stored, -1, style), text)
    assert.deepEqual(codec(type).decodeText(text, -1, style), stored)
    assert.equal(binary(type, stored), hex)
    assert.deepEqual(codec(type).decodeBinary(Buffer.from(hex, 'hex'), -1), stored)
  })
}

test('input that is not of its type is refused', () => {
  const cases: [string, string, string][] = [
    ['int4', '2147483648', '22003'],
    ['int4', '1.5', '22P02'],
    ['int4', '', '22P02'],
    ['int8', '9223372036854775808', '22003'],
    ['bool', 'maybe', '22P02'],
    ['float8', '1e999', '22003'],
    ['float8', 'NaN', '0A000'],
    ['numeric', '1.2345678901234567', '22003'],
    ['numeric', '123456789012345678901', '22003'],
    ['numeric', '1e999999999', '22003'],
    ['date', '2024-02-30', '22008'],
    ['date', 'infinity', '0A000'],
    ['timestamp', 'yesterday', '0A000'],
    ['timestamp', '2024-01-01 25:00', '22008'],
    ['uuid', 'a0eebc99', '22P02'],
    ['bytea', '\\xabc', '22023'],
    ['json', '{', '22P02'],
    ['_int4', '{1,2', '22P02'],
    ['_int4', '1,2', '22P02'],
    ['interval', '3 potatoes', '22P02'],
  ]
  for (const [type, text, sqlState] of cases) {
    assert.throws(() => codec(type).decodeText(text, -1, style), { sqlState }, `${type} ${text}`)
  }
})

test('binary input of a wrong size or shape is refused', () => {
  const sizes = [
    'int2',
    'int4',
    'int8',
    'float8',
    'float4',
    'bool',
    'date',
    'time',
    'timestamp',
    'interval',
    'uuid',
    'numeric',
    '_int4',
  ]
  for (const type of sizes) {
    assert.throws(() => codec(type).decodeBinary(Buffer.from([1, 2, 3]), -1), { name: 'PgError' }, type)
  }
  const hugeArray = Buffer.from('0000000100000000000000177fffffff00000001', 'hex')
  assert.throws(() => codec('_int4').decodeBinary(hugeArray, -1), { sqlState: '22P03' })
  const hugeNumeric = Buffer.from('00017fff000000000001', 'hex')
  assert.throws(() => codec('numeric').decodeBinary(hugeNumeric, -1), { sqlState: '22003' })
})

test('a stored value that breaks its declared type is shown in text and refused in binary', () => {
  for (const [type, value] of [
    ['int4', 'abc'],
    ['int4', 2n ** 40n],
    ['bool', 'maybe'],
    ['timestamp', 17n],
    ['date', 'soon'],
    ['uuid', 'x'],
    ['_int4', 'x'],
  ] as const) {
    assert.equal(codec(type).encodeText(value, -1, style), String(value))
    assert.throws(() => binary(type, value), { name: 'PgError' }, `${type} ${value}`)
  }
})

test('modifiers: lengths, scales, precisions', () => {
  assert.equal(codec('varchar').decodeText('abc', 7, style), 'abc')
  assert.equal(codec('varchar').decodeText('abc  ', 7, style), 'abc')
  assert.throws(() => codec('varchar').decodeText('abcd', 7, style), { sqlState: '22001' })
  assert.equal(codec('varchar').decodeText('😀😀😀', 7, style), '😀😀😀')
  assert.equal(codec('bpchar').encodeText('ab', 9, style), 'ab   ')
  assert.equal(codec('numeric').encodeText(1.5, numericModifier(10, 2), style), '1.50')
  assert.equal(codec('numeric').encodeText(-Infinity, numericModifier(10, 2), style), '-Infinity')
  assert.throws(() => binary('int8', 2 ** 63), { sqlState: '22003' })
  assert.equal(codec('numeric').decodeText('1.005', numericModifier(10, 2), style), 1.01)
  assert.throws(() => codec('numeric').decodeText('1000', numericModifier(5, 2), style), {
    sqlState: '22003',
  })
  assert.equal(codec('timestamp').decodeText('2024-01-01 00:00:00.1239', 3, style), '2024-01-01 00:00:00.124')
})

test('timestamptz is stored in UTC and shown in the zone of the session', () => {
  const berlin = { timeZone: timeZone('Europe/Berlin') }
  assert.equal(codec('timestamptz').decodeText('2024-07-01 12:00', -1, berlin), '2024-07-01 10:00:00+00:00')
  assert.equal(
    codec('timestamptz').decodeText('2024-01-01 12:00-05:30', -1, berlin),
    '2024-01-01 17:30:00+00:00',
  )
  assert.equal(
    codec('timestamptz').encodeText('2024-01-01 12:00:00+00:00', -1, berlin),
    '2024-01-01 13:00:00+01',
  )
  const kolkata = { timeZone: timeZone('Asia/Kolkata') }
  assert.equal(
    codec('timestamptz').encodeText('2024-01-01 12:00:00+00:00', -1, kolkata),
    '2024-01-01 17:30:00+05:30',
  )
})

test('stored times sort as text as they do in time', () => {
  const texts = [
    '2024-01-01 10:00:00',
    '2024-01-01 10:00:00.5',
    '2024-01-01 10:00:00.51',
    '2024-01-01 10:00:01',
  ]
  const stored = texts.map((text) => codec('timestamptz').decodeText(`${text}+00`, -1, style) as string)
  assert.deepEqual(stored.toSorted(), stored)
})

test('declared types: PostgreSQL, SQLite and affinity by substring', () => {
  const cases: [string, string][] = [
    ['INT4', 'integer'],
    ['INTEGER', 'bigint'],
    ['varchar(20)', 'character varying(20)'],
    ['CHARACTER VARYING(20)', 'character varying(20)'],
    ['NUMERIC(10, 2)', 'numeric(10,2)'],
    ['TIMESTAMP WITH TIME ZONE', 'timestamp with time zone'],
    ['TIMESTAMP(3) WITHOUT TIME ZONE', 'timestamp(3) without time zone'],
    ['TEXT[]', 'text[]'],
    ['INT4[]', 'integer[]'],
    ['DATETIME', 'timestamp without time zone'],
    ['BLOB', 'bytea'],
    ['UNSIGNED BIG INT', 'bigint'],
    ['NVARCHAR(100)', 'text'],
    ['', 'text'],
    ['REAL', 'double precision'],
  ]
  for (const [declared, shown] of cases)
    assert.equal(formatType(typeOfDeclaration(declared)), shown, declared)
})
