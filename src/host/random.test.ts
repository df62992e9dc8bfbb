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
