import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BIND_COMPLETE, commandComplete, Encoder, readyForQuery } from './encoder.ts'
import { SLAB_BYTES } from './slabs.ts'

const TEXTS: readonly string[] = ['', 'x', 'y'.repeat(150), 'z'.repeat(5_000), 'w'.repeat(SLAB_BYTES)]

/** An encoder beside what it has to give. */
interface Connection {
  readonly out: Encoder
  expected: string
}

/** The generator of Numerical Recipes: the same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test('connections that wait share one slab', () => {
  const outs = Array.from({ length: 500 }, () => new Encoder())
  for (const out of outs) {
    out.bytes(BIND_COMPLETE)
    out.shareSlab()
  }
  const slabs = new Set(outs.map((out) => out.take().buffer))
  assert.ok(slabs.size <= 2, `${slabs.size} slabs for ${outs.length} connections`)
})

test('who goes on before anybody else has written does so in the same place', () => {
  const out = new Encoder()
  out.bytes(BIND_COMPLETE)
  const first = out.mark()
  out.shareSlab()
  readyForQuery(out, 'I')
  const before = out.take(first)
  const after = out.take()
  assert.equal(before.buffer, after.buffer)
  assert.equal(before.byteOffset + before.length, after.byteOffset)
})

test('what waits in a shared slab stays as it was, whoever writes behind it', () => {
  const below = numbers(1)
  const connections = Array.from({ length: 9 }, (): Connection => ({ out: new Encoder(), expected: '' }))
  const taken: [Buffer, string][] = []
  for (let step = 0; step < 20_000; step++) {
    const connection = connections[below(connections.length)] as Connection
    const { out } = connection
    const choice = below(10)
    if (choice < 5) {
      const text = TEXTS[Math.min(below(TEXTS.length), below(40))] as string
      commandComplete(out, text)
      connection.expected += text
    } else if (choice < 8) out.shareSlab()
    else if (choice === 8) {
      const mark = out.mark()
      commandComplete(out, 'forgotten')
      if (below(2) === 0) out.shareSlab()
      out.rewind(mark)
    } else {
      taken.push([out.take(), connection.expected])
      connection.expected = ''
    }
  }
  for (const [bytes, expected] of taken) assert.equal(textsOf(bytes), expected)
})

/** Of CommandComplete messages, one behind the other. */
function textsOf(bytes: Buffer): string {
  let [texts, at] = ['', 0]
  while (at < bytes.length) {
    assert.equal(String.fromCharCode(bytes[at] ?? 0), 'C')
    const end = at + 1 + bytes.readInt32BE(at + 1)
    texts += bytes.toString('latin1', at + 5, end - 1)
    at = end
  }
  return texts
}
