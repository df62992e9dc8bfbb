import { test } from 'node:test'
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { bearerToken, TokenAuthenticator } from './authenticator.ts'
import { parsePublicKey } from './jwt.ts'

const KEYS = generateKeyPairSync('ed25519')
const OTHER_KEYS = generateKeyPairSync('ed25519')
const NOW_MS = Date.UTC(2026, 0, 1)
const NOW_SECONDS = NOW_MS / 1000

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function jwt(
  claims: object,
  key: KeyObject = KEYS.privateKey,
  header: object = { alg: 'EdDSA', typ: 'JWT' },
): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

function authenticator(nowMs = NOW_MS, staticToken: string | null = null): TokenAuthenticator {
  return new TokenAuthenticator({ staticToken, jwtKeys: [KEYS.publicKey], now: () => nowMs })
}

function refused(token: string | null, message: RegExp, code = 'AUTH_INVALID'): void {
  assert.throws(() => authenticator().authenticate(token), { code, message })
}

test('a static token may do everything; anything else nothing', () => {
  const only = new TokenAuthenticator({ staticToken: 'secret', jwtKeys: [], now: () => NOW_MS })
  assert.deepEqual(only.authenticate('secret'), { access: 'read-write', databases: null })
  for (const wrong of ['secre', 'secret2', 'Secret']) {
    assert.throws(() => only.authenticate(wrong), { code: 'AUTH_INVALID' })
  }
  assert.throws(() => only.authenticate(null), { code: 'AUTH_REQUIRED' })
  assert.throws(() => only.authenticate(''), { code: 'AUTH_REQUIRED' })
})

test('a JWT without claims has full access, as on libSQL servers', () => {
  assert.deepEqual(authenticator().authenticate(jwt({})), { access: 'read-write', databases: null })
})

test('the claims a and id restrict access', () => {
  assert.deepEqual(authenticator().authenticate(jwt({ a: 'ro' })), { access: 'read-only', databases: null })
  assert.deepEqual(authenticator().authenticate(jwt({ a: 'rw', id: 'shop' })), {
    access: 'read-write',
    databases: ['shop'],
  })
})

test('the claim p replaces a and id, database by database', () => {
  const token = jwt({ a: 'rw', id: 'other', p: { rw: { ns: ['shop'] }, ro: { ns: ['shop', 'books'] } } })
  const one = authenticator()
  assert.deepEqual(one.authenticate(token, 'shop'), { access: 'read-write', databases: ['shop'] })
  assert.deepEqual(one.authenticate(token, 'books'), { access: 'read-only', databases: ['books'] })
  assert.deepEqual(one.authenticate(token, 'other'), { access: 'read-only', databases: ['shop', 'books'] })
  assert.deepEqual(one.authenticate(jwt({ p: {} }), 'shop'), { access: 'read-only', databases: [] })
})

test('exp and nbf are obeyed with a minute of leeway', () => {
  const token = jwt({ exp: NOW_SECONDS + 100, nbf: NOW_SECONDS - 100 })
  const at = (seconds: number): unknown => authenticator(NOW_MS + seconds * 1000).authenticate(token)
  assert.ok(at(0))
  assert.ok(at(159))
  assert.throws(() => at(160), /has expired/)
  assert.ok(at(-160))
  assert.throws(() => at(-161), /not valid yet/)
})

test('a token that was good expires although its signature is remembered', () => {
  let nowMs = NOW_MS
  const one = new TokenAuthenticator({ staticToken: null, jwtKeys: [KEYS.publicKey], now: () => nowMs })
  const token = jwt({ exp: NOW_SECONDS + 10 })
  assert.ok(one.authenticate(token))
  nowMs += 71_000
  assert.throws(() => one.authenticate(token), /has expired/)
})

test('forged and malformed tokens are refused, and never quoted', () => {
  refused(jwt({}, OTHER_KEYS.privateKey), /signature is wrong/)
  const [header, , signature] = jwt({ a: 'ro' }).split('.')
  refused(`${header}.${Buffer.from('{"a":"rw"}').toString('base64url')}.${signature}`, /signature is wrong/)
  refused(jwt({}, KEYS.privateKey, { alg: 'none' }), /algorithm is not EdDSA/)
  refused(jwt({}, KEYS.privateKey, { alg: 'HS256' }), /algorithm is not EdDSA/)
  refused(jwt({}, KEYS.privateKey, { alg: 'EdDSA', crit: ['b64'], b64: false }), /crit/)
  refused(jwt([]), /not a JWT/)
  refused(`${header}..`, /signature is wrong/)
  refused('not-a-token', /not a JWT/)
  refused('a.b.c', /not a JWT/)
  refused('x'.repeat(20_000), /longer than/)
  refused(jwt({ a: 'admin' }), /claim a/)
  refused(jwt({ id: 7 }), /claim id/)
  refused(jwt({ exp: 'tomorrow' }), /claim exp/)
  refused(jwt({ p: { rw: { ns: [1] } } }), /claim p.rw.ns/)
  try {
    authenticator().authenticate('top-secret-token')
    assert.fail('must be refused')
  } catch (error) {
    assert.doesNotMatch(String(error), /top-secret/)
  }
})

test('a static token and JWTs work side by side', () => {
  const both = authenticator(NOW_MS, 'secret')
  assert.ok(both.authenticate('secret'))
  assert.ok(both.authenticate(jwt({ a: 'ro' })))
  const neither = { code: 'AUTH_INVALID', message: /neither the static token .* nor a JWT/ }
  for (const wrong of ['wrong', 'wrong.with.dots']) assert.throws(() => both.authenticate(wrong), neither)
  assert.throws(() => both.authenticate(jwt({}, OTHER_KEYS.privateKey)), /signature is wrong/)
})

test('public keys come as PEM or as url-safe base64 of 32 bytes', () => {
  const pem = KEYS.publicKey.export({ type: 'spki', format: 'pem' })
  const raw = KEYS.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64url')
  for (const text of [pem, `\n${pem}\n`, raw, `${raw}=`]) {
    assert.ok(parsePublicKey(text).equals(KEYS.publicKey), text)
  }
})

test('keys that are none are refused with what to do', () => {
  const privatePem = KEYS.privateKey.export({ type: 'pkcs8', format: 'pem' })
  assert.throws(() => parsePublicKey(privatePem), /private key.*-pubout/s)
  assert.throws(() => parsePublicKey('AAAA'), /32 bytes/)
  assert.throws(
    () => parsePublicKey('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'),
    /can be read/,
  )
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  assert.throws(() => parsePublicKey(rsa.export({ type: 'spki', format: 'pem' })), /not rsa/)
})

test('the Authorization header holds a bearer token or nothing', () => {
  assert.equal(bearerToken(undefined), null)
  assert.equal(bearerToken('Bearer abc'), 'abc')
  assert.equal(bearerToken('bearer abc'), 'abc')
  assert.throws(() => bearerToken('Basic dTpw'), { code: 'AUTH_INVALID' })
  assert.throws(() => bearerToken('Bearer a b'), { code: 'AUTH_INVALID' })
})
