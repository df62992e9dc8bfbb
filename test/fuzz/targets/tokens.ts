/** Bearer tokens. Half of them are signed after they were damaged, as by somebody who has a key and no idea of the claims. */

import { generateKeyPairSync, sign } from 'node:crypto'
import { TokenAuthenticator, bearerToken } from '../../../src/protocols/http/authenticator.ts'
import type { Credential } from '../../../src/gateway/session.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { refusal, utf8 } from '../target.ts'

const CODES = ['AUTH_INVALID', 'AUTH_REQUIRED']
const CLAIMS = [
  {},
  { exp: 2_000_000_000, nbf: 1_000_000_000, a: 'ro', id: 'shop' },
  { p: { rw: { ns: ['a', 'b'] }, ro: { ns: ['c'] }, roa: { ns: [] } } },
  { a: 'rw', exp: 1e12 },
]
const HEADER = '{"alg":"EdDSA","typ":"JWT"}'
const NOW_MS = 1_700_000_000_000

export const tokens: FuzzTarget = {
  name: 'tokens',
  what: 'tokens and headers of authentication, from a client',
  testInputs: 2_000,
  async open() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const authenticator = new TokenAuthenticator({
      staticToken: 'secret',
      jwtKeys: [publicKey],
      now: () => NOW_MS,
    })
    const signed = (header: Buffer, payload: Buffer): string => {
      const text = `${header.toString('base64url')}.${payload.toString('base64url')}`
      return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
    }
    return {
      corpus: [
        ...CLAIMS.map((claims) => Buffer.from(`\0${HEADER}\n${JSON.stringify(claims)}`)),
        ...CLAIMS.map((claims) =>
          Buffer.from(`\x01Bearer ${signed(Buffer.from(HEADER), Buffer.from(JSON.stringify(claims)))}`),
        ),
        ...utf8('\x01Bearer secret', '\x01Basic c2VjcmV0', '\x01bearer  secret'),
      ],
      pieces: utf8(
        '"exp":',
        '"p":{"rw":',
        '"ns":[',
        '1e999',
        '-1',
        'null',
        '.',
        '"crit":["x"]',
        '"none"',
        '__proto__',
      ),
      feed: (input) => {
        const bytes = Buffer.from(input.subarray(1))
        const isClaims = (input[0] ?? 0) % 2 === 0
        const token = () => (isClaims ? seal(bytes, signed) : bearerToken(bytes.toString('latin1')))
        return ask(() => authenticator.authenticate(token(), 'shop'))
      },
      allocationBytesMax: 4 * 1024 * 1024,
    }
  },
}

/** Header and claims are divided by the first line's end. */
function seal(bytes: Buffer, signed: (header: Buffer, payload: Buffer) => string): string {
  const end = bytes.indexOf(10)
  return end < 0
    ? signed(Buffer.from(HEADER), bytes)
    : signed(bytes.subarray(0, end), bytes.subarray(end + 1))
}

function ask(authenticate: () => Credential): Outcome {
  try {
    const { access, databases } = authenticate()
    if (access !== 'read-only' && access !== 'read-write') throw new Error(`an access of ${String(access)}`)
    if (databases?.some((name) => typeof name !== 'string') === true)
      throw new Error('a database that is no name')
    return 'taken'
  } catch (error) {
    return refusal(error, CODES)
  }
}
