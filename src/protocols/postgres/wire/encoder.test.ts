import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PgError } from '../error.ts'
import { commandComplete, Encoder, errorResponse, readyForQuery, rowDescription } from './encoder.ts'

test('messages carry their own length', () => {
  const out = new Encoder()
  commandComplete(out, 'SELECT 1')
  readyForQuery(out, 'T')
  assert.deepEqual(out.take(), Buffer.from('C\0\0\0\rSELECT 1\0Z\0\0\0\x05T', 'latin1'))
})

test('what was taken stays as it was while more is written', () => {
  const out = new Encoder()
  const taken: [Buffer, string][] = []
  for (let index = 0; index < 2000; index++) {
    commandComplete(out, `number ${index} ${'x'.repeat(index % 200)}`)
    const bytes = out.take()
    taken.push([bytes, bytes.toString('hex')])
  }
  for (const [bytes, hex] of taken) assert.equal(bytes.toString('hex'), hex)
})

test('a message larger than a slab is whole', () => {
  const out = new Encoder()
  const text = 'é'.repeat(100_000)
  readyForQuery(out, 'I')
  commandComplete(out, text)
  const bytes = out.take()
  assert.equal(bytes.length, 6 + 5 + 200_000 + 1)
  assert.equal(bytes.readInt32BE(7), 4 + 200_000 + 1)
  assert.equal(bytes.subarray(11, -1).toString(), text)
})

test('text values count bytes, whatever their length and letters', () => {
  const out = new Encoder()
  for (const text of ['', 'a', 'é', 'x'.repeat(20), 'x'.repeat(21), '😀'.repeat(9), `${'x'.repeat(19)}é`]) {
    out.textValue(text)
    const bytes = out.take()
    assert.equal(bytes.readInt32BE(0), Buffer.byteLength(text))
    assert.equal(bytes.subarray(4).toString(), text)
  }
})

test('integers are big-endian and signed', () => {
  const out = new Encoder()
  out.i16(-2)
  out.i32(-3)
  out.i64(-(2n ** 63n))
  assert.equal(out.take().toString('hex'), 'fffefffffffd8000000000000000')
})

test('integers in text format are their decimal digits, whatever their size', () => {
  const out = new Encoder()
  const edges = [0n, 9n, 10n, 2n ** 31n, 2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n]
  for (let exponent = 1n; exponent < 63n; exponent++) edges.push(2n ** exponent - 1n, 10n ** (exponent / 4n))
  for (const edge of edges) {
    for (const value of [edge, -edge]) {
      out.integerTextValue(value)
      const bytes = out.take()
      assert.equal(bytes.readInt32BE(0), bytes.length - 4)
      assert.equal(bytes.subarray(4).toString(), value.toString())
    }
  }
})

test('RowDescription has all fields of a column', () => {
  const out = new Encoder()
  rowDescription(out, [
    { name: 'a', tableOid: 16384, columnNumber: 2, typeOid: 23, typeSize: 4, typeModifier: -1, format: 1 },
  ])
  assert.equal(out.take().toString('hex'), '540000001a00016100000040000002000000170004ffffffff0001')
})

test('rewind takes back an unfinished message', () => {
  const out = new Encoder()
  readyForQuery(out, 'I')
  const mark = out.mark()
  out.beginMessage(0x44)
  out.textValue('half')
  out.rewind(mark)
  readyForQuery(out, 'E')
  assert.equal(out.take().toString('latin1'), 'Z\0\0\0\x05IZ\0\0\0\x05E')
})

test('a zero byte in an error message does not end its field', () => {
  const out = new Encoder()
  errorResponse(out, new PgError('22021', 'bad \0 byte', { position: 3 }))
  assert.equal(out.take().subarray(5).toString(), 'SERROR\0VERROR\0C22021\0Mbad \uFFFD byte\0P3\0\0')
})
