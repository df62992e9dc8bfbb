import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SeededRandom, SystemRandom } from './random.ts'

test('SplitMix64 gives the published sequence for seed 1234567', () => {
  const random = new SeededRandom(1234567n)
  assert.deepEqual(
    [random.u64(), random.u64(), random.u64()],
    [6457827717110365317n, 3203168211198807973n, 9817491932198370423n],
  )
})

test('numbers stay in their ranges, bytes have the length asked for', () => {
  for (const random of [new SeededRandom(1n), new SystemRandom()]) {
    for (let round = 0; round < 200; round++) {
      const float = random.float()
      assert.ok(float >= 0 && float < 1)
      assert.ok([0, 1, 2].includes(random.integer(3)))
    }
    assert.equal(random.bytes(13).length, 13)
  }
  assert.deepEqual(new SeededRandom(7n).bytes(20), new SeededRandom(7n).bytes(20))
  assert.throws(() => new SystemRandom().integer(0), /positive/)
})

test("the system's random numbers never come twice, in any mixture of sizes", () => {
  const random = new SystemRandom()
  const seen = new Set<string>()
  const sizes = [16, 8, 4_000, 16, 5_000, 200]
  for (let round = 0; round < 300; round++) {
    const sizeBytes = sizes[round % sizes.length] as number
    const bytes = random.bytes(sizeBytes)
    assert.equal(bytes.length, sizeBytes)
    for (let at = 0; at + 8 <= sizeBytes; at += 8)
      seen.add(Buffer.from(bytes.subarray(at, at + 8)).toString('hex'))
    seen.add(random.u64().toString(16).padStart(16, '0'))
  }
  const expected = 300 + 50 * sizes.reduce((sum, size) => sum + size / 8, 0)
  assert.equal(seen.size, expected)
})

test('bytes that were handed out stay as they are', () => {
  const random = new SystemRandom()
  const bytes = random.bytes(16)
  const copy = Uint8Array.from(bytes)
  for (let round = 0; round < 600; round++) random.bytes(16)
  assert.deepEqual(bytes, copy)
})
