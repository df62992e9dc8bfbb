import { test } from 'node:test'
import assert from 'node:assert/strict'
import { BatonSigner } from './baton.ts'

test('a baton names its stream and its place in the order', () => {
  const signer = new BatonSigner()
  const baton = { streamId: 2 ** 40, sequence: 4294967295 }
  assert.deepEqual(signer.verify(signer.sign(baton)), baton)
})

test('no bit of a baton can be changed', () => {
  const signer = new BatonSigner()
  const baton = Buffer.from(signer.sign({ streamId: 1, sequence: 1 }), 'base64url')
  for (let bit = 0; bit < baton.length * 8; bit++) {
    const forged = Buffer.from(baton)
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(signer.verify(forged.toString('base64url')), null, `bit ${bit}`)
  }
})

test('batons of another process, cut ones and other spellings are refused', () => {
  const signer = new BatonSigner()
  const baton = signer.sign({ streamId: 1, sequence: 1 })
  assert.equal(new BatonSigner().verify(baton), null)
  for (const other of ['', 'x', baton.slice(0, -1), `${baton}A`, `${baton}=`, ` ${baton}`, `${baton}\n`])
    assert.equal(signer.verify(other), null, other)
})
