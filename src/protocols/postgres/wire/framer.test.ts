import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Framer } from './framer.ts'
import type { FrontendMessage } from './messages.ts'

const LIMITS = { messageSizeBytesMax: 1024 * 1024, startupSizeBytesMax: 10_000 }

function message(type: string, ...parts: (Buffer | string | number[])[]): Buffer {
  const payload = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.from(part))),
  )
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(payload.length + 4, 1)
  return Buffer.concat([header, payload])
}

const i16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const i32 = (value: number): number[] => [...i16(value >> 16), ...i16(value)]

const STREAM = Buffer.concat([
  message('P', 's1', 'select $1, $2', i16(2), i32(23), i32(0)),
  message('B', 'p1', 's1', i16(1), i16(1), i16(2), i32(4), i32(42), i32(-1), i16(2), i16(0), i16(1)),
  message('D', Buffer.from('P'), 'p1'),
  message('E', 'p1', i32(10)),
  message('C', Buffer.from('S'), 's1'),
  message('S'),
  message('Q', 'select 1; -- é'),
  message('d', Buffer.from('1\tx\n')),
  message('c'),
  message('f', 'no more'),
  message('H'),
  message('p', Buffer.from('secret\0')),
  message('X'),
])

const EXPECTED: FrontendMessage[] = [
  { kind: 'parse', name: 's1', sql: 'select $1, $2', parameterTypes: [23, 0] },
  {
    kind: 'bind',
    portal: 'p1',
    statement: 's1',
    parameterFormats: [1],
    parameters: [Buffer.from(i32(42)), null],
    resultFormats: [0, 1],
  },
  { kind: 'describe', target: 'portal', name: 'p1' },
  { kind: 'execute', portal: 'p1', rowsMax: 10 },
  { kind: 'close', target: 'statement', name: 's1' },
  { kind: 'sync' },
  { kind: 'query', sql: 'select 1; -- é' },
  { kind: 'copyData', data: Buffer.from('1\tx\n') },
  { kind: 'copyDone' },
  { kind: 'copyFail', reason: 'no more' },
  { kind: 'flush' },
  { kind: 'authentication', payload: Buffer.from('secret\0') },
  { kind: 'terminate' },
]

function readAll(...chunks: Buffer[]): FrontendMessage[] {
  const framer = new Framer(LIMITS)
  const messages: FrontendMessage[] = []
  for (const chunk of chunks) {
    framer.push(chunk)
    for (let next = framer.next(); next !== null; next = framer.next()) messages.push(next)
  }
  assert.equal(framer.bufferedBytes, 0)
  return messages
}

test('a stream in one piece gives its messages', () => {
  assert.deepEqual(readAll(STREAM), EXPECTED)
})

test('a stream that is cut at any byte gives the same messages', () => {
  for (let at = 1; at < STREAM.length; at++) {
    assert.deepEqual(readAll(STREAM.subarray(0, at), STREAM.subarray(at)), EXPECTED, `cut at ${at}`)
  }
})

test('a stream byte by byte gives the same messages', () => {
  assert.deepEqual(readAll(...Array.from(STREAM, (byte) => Buffer.from([byte]))), EXPECTED)
})

function refusal(bytes: Buffer): { sqlState: string; message: string } {
  const framer = new Framer(LIMITS)
  framer.push(bytes)
  try {
    framer.next()
  } catch (error) {
    return error as { sqlState: string; message: string }
  }
  return { sqlState: 'none', message: '' }
}

test('what makes no sense is refused with 08P01', () => {
  const cases: [string, Buffer][] = [
    ['an unknown type', message('?')],
    ['a length below its own size', Buffer.from([0x53, 0, 0, 0, 3])],
    ['a negative length', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])],
    ['a long message of a short type', Buffer.from([0x53, 0x00, 0x10, 0, 0])],
    ['a string without an end', message('Q', Buffer.from('select 1'))],
    ['bytes behind the last field', message('S', [1])],
    ['more parameters than there are bytes', message('B', '', '', i16(0), i16(1000))],
    ['a parameter longer than the message', message('B', '', '', i16(0), i16(1), i32(1_000_000))],
    ['a negative parameter length', message('B', '', '', i16(0), i16(1), i32(-2), i16(0))],
    ['a format that is neither text nor binary', message('B', '', '', i16(1), i16(2), i16(0), i16(0))],
    ['a target that is neither statement nor portal', message('D', Buffer.from('X'), '')],
  ]
  for (const [name, bytes] of cases) assert.equal(refusal(bytes).sqlState, '08P01', name)
})

test('names are what the client sent, however many of them share a place among those that are known', () => {
  const framer = new Framer(LIMITS)
  const names = Array.from({ length: 2000 }, (_, number) => `${'n'.repeat(number % 30)}${number}`)
  for (const name of [...names, ...names, 'é', '\x01', ' ']) {
    framer.push(message('E', Buffer.from(`${name}\0`), Buffer.alloc(4)))
    assert.deepEqual(framer.next(), { kind: 'execute', portal: name, rowsMax: 0 })
  }
})

test('a name without an end is refused, short or long', () => {
  for (const name of ['P', 'P'.repeat(24), 'P'.repeat(100)]) {
    const framer = new Framer(LIMITS)
    framer.push(Buffer.concat([message('E', Buffer.from(name)), Buffer.alloc(10)]))
    assert.throws(() => framer.next(), { sqlState: '08P01' }, name)
  }
})

test('text that is not UTF-8 is refused with 22021', () => {
  assert.equal(refusal(message('Q', Buffer.from([0xc3, 0x28, 0]))).sqlState, '22021')
})

test('a claimed length allocates nothing', () => {
  const framer = new Framer({ ...LIMITS, messageSizeBytesMax: 2 ** 30 })
  const before = process.memoryUsage().arrayBuffers
  framer.push(Buffer.from([0x51, 0x3f, 0xff, 0xff, 0xff]))
  assert.equal(framer.next(), null)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
})

test('startup packets: SSL, GSS, cancel, protocol 3.0 and 3.2, and none of 2.0', () => {
  const packet = (...body: number[][]): Buffer => {
    const payload = Buffer.from(body.flat())
    return Buffer.concat([Buffer.from(i32(payload.length + 4)), payload])
  }
  const read = (bytes: Buffer): unknown => {
    const framer = new Framer(LIMITS)
    framer.push(bytes)
    return framer.nextStartup()
  }
  assert.deepEqual(read(packet(i32(80877103))), { kind: 'sslRequest' })
  assert.deepEqual(read(packet(i32(80877104))), { kind: 'gssEncRequest' })
  assert.deepEqual(read(packet(i32(80877102), i32(7), i32(9))), {
    kind: 'cancelRequest',
    processId: 7,
    secret: Buffer.from(i32(9)),
  })
  const parameters = [...Buffer.from('user\0me\0\0')]
  assert.deepEqual(read(packet(i32(196608), parameters)), {
    kind: 'startup',
    minorVersion: 0,
    parameters: new Map([['user', 'me']]),
  })
  assert.throws(() => read(packet(i32(131072), parameters)), { sqlState: '08P01' })
  assert.deepEqual(read(Buffer.from(i32(1_000_000))), { kind: 'unintelligible' })
  assert.throws(() => read(packet(i32(196608), [...Buffer.from('user\0me')])), { sqlState: '08P01' })
})

test('a Sync behind Close and Describe is seen, one behind Execute is not', () => {
  const followed = (...messages: Buffer[]): boolean => {
    const framer = new Framer(LIMITS)
    framer.push(Buffer.concat(messages))
    return framer.isFollowedBySync()
  }
  assert.equal(followed(message('S')), true)
  assert.equal(followed(message('C', Buffer.from('P'), ''), message('S')), true)
  assert.equal(followed(message('E', '', i32(0)), message('S')), false)
  assert.equal(followed(), false)
})
