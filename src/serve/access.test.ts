import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAuthenticated, isOrigin, isUsableToken, openHost } from './access.ts'

const NOBODY = { authToken: null, jwtKeys: [] }
const LOOPBACK = { host: '127.0.0.1', port: 1 }
const EVERYWHERE = { host: '0.0.0.0', port: 2 }

test('an address that other machines reach needs a token, whichever of the two it is', () => {
  assert.equal(openHost([LOOPBACK, null], NOBODY), null)
  assert.equal(openHost([LOOPBACK, EVERYWHERE], NOBODY), '0.0.0.0')
  assert.equal(openHost([EVERYWHERE, null], NOBODY), '0.0.0.0')
  assert.equal(openHost([EVERYWHERE, EVERYWHERE], { ...NOBODY, authToken: 'secret' }), null)
  assert.equal(isAuthenticated(NOBODY), false)
})

test('tokens are one word, origins as browsers send them', () => {
  assert.deepEqual(['secret', '', 'two words', 'line\n'].map(isUsableToken), [true, false, false, false])
  assert.deepEqual(['*', 'https://app.example:8443', 'https://app.example/', 'null', 'app'].map(isOrigin), [
    true,
    true,
    false,
    false,
    false,
  ])
})
