/** A short round of every fuzzer, with a fresh seed each time: a failure prints how to see it again. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mutate } from './mutate.ts'
import { FuzzRandom } from './random.ts'
import { fuzz } from './runner.ts'
import type { FuzzTarget, OpenTarget } from './target.ts'
import { refusal, utf8 } from './target.ts'
import { TARGETS } from './targets.ts'

for (const target of TARGETS) {
  test(`${target.name}: ${target.what}`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const figures = await fuzz(target, { inputs: target.testInputs, seed, first: 0 })
    // Else it is not the reader that is tested, but the first thing that it looks at.
    assert.ok(figures.taken > 0 && figures.refused > 0, JSON.stringify(figures))
  })
}

const OPEN: OpenTarget = {
  corpus: utf8('a good input'),
  feed: () => 'taken',
  allocationBytesMax: 4 * 1024 * 1024,
}

function targetOf(open: Partial<OpenTarget>): FuzzTarget {
  return { name: 'planted', what: 'a mistake', testInputs: 1, open: async () => ({ ...OPEN, ...open }) }
}

const REQUEST = { inputs: 200, seed: 1, first: 0 }

test('a reader that fails otherwise than by a refusal is found, and the input can be had again', async () => {
  const feed = (input: Uint8Array) => {
    if (input.includes(0xff)) throw new TypeError('of no use to a client')
    return 'taken' as const
  }
  const told = await fuzz(targetOf({ feed }), REQUEST).then(
    () => '',
    (error: unknown) => String(error),
  )
  const first = Number(/--first (\d+)/.exec(told)?.[1])
  assert.match(told, /TypeError: of no use to a client/)
  await assert.rejects(fuzz(targetOf({ feed }), { inputs: 1, seed: 1, first }), /TypeError/)
})

test('a reader that believes a length field is found by what it allocates', async () => {
  const held: Uint8Array[] = []
  const feed = () => {
    held.push(new Uint8Array(8 * 1024 * 1024))
    return 'taken' as const
  }
  await assert.rejects(fuzz(targetOf({ feed }), { ...REQUEST, inputs: 1 }), /allocated \d+ bytes/)
})

test('a reader that takes too long is found', async () => {
  const feed = () => {
    const start = process.threadCpuUsage()
    while (process.threadCpuUsage(start).user < 20_000);
    return 'taken' as const
  }
  await assert.rejects(fuzz(targetOf({ feed, timeMsMax: 10 }), { ...REQUEST, inputs: 1 }), /took \d+ ms/)
})

test('an error without one of the codes is no refusal', () => {
  assert.throws(() => refusal(new Error('?'), ['DATA_CORRUPT']))
})

test('the same seed and number give the same input, others give others', () => {
  const material = { corpus: utf8('the one', 'the other one'), pieces: utf8('piece') }
  const input = (seed: number, number: number): string =>
    Buffer.from(mutate(new FuzzRandom(seed, number), material)).toString('hex')
  const inputs = Array.from({ length: 200 }, (_, number) => input(7, number))
  assert.deepEqual(
    Array.from({ length: 200 }, (_, number) => input(7, number)),
    inputs,
  )
  assert.ok(new Set(inputs).size > 150, 'they differ')
  assert.notEqual(input(8, 0), inputs[0])
})
