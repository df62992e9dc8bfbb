/**
 * The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: the user name inside the exchange is
 * ignored in favour of the startup packet's, and there is no channel binding (SCRAM-SHA-256-PLUS is not offered).
 */

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { PgError, protocolViolation } from '../error.ts'

export const SCRAM_MECHANISM = 'SCRAM-SHA-256'
const ITERATIONS = 4096
const SALT_BYTES = 16
const NONCE_BYTES = 18

/** What the server keeps of a password: enough to check it, not enough to log in with it. */
export interface ScramVerifier {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** Costs some milliseconds on purpose: once per password, not per connection. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES)): ScramVerifier {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  return {
    salt,
    iterations: ITERATIONS,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: hmac(salted, 'Server Key'),
  }
}

/**
 *   client-first ──first()──▶ server-first ──client-final──final()──▶ server-final, or PgError 28P01
 */
export class ScramExchange {
  readonly #verifier: ScramVerifier
  readonly #nonceOfServer: string
  #gs2Header = ''
  #clientFirstBare = ''
  #serverFirst = ''
  #nonce = ''

  constructor(verifier: ScramVerifier, nonce: string = randomBytes(NONCE_BYTES).toString('base64')) {
    this.#verifier = verifier
    this.#nonceOfServer = nonce
  }

  first(clientFirst: string): string {
    const match = /^([ny]|p=[^,]*),([^,]*),((?:m=[^,]*,)?n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+).*)$/s.exec(
      clientFirst,
    )
    if (match === null) throw protocolViolation('malformed SCRAM message: client-first-message')
    const [, binding = '', authorization = '', bare = '', nonce = ''] = match
    if (binding.startsWith('p=')) throw protocolViolation('SCRAM channel binding was not offered')
    if (bare.startsWith('m=')) throw protocolViolation('SCRAM extensions are not supported')
    this.#gs2Header = `${binding},${authorization},`
    this.#clientFirstBare = bare
    this.#nonce = nonce + this.#nonceOfServer
    const { salt, iterations } = this.#verifier
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`
    return this.#serverFirst
  }

  final(clientFinal: string): string {
    const match = /^(c=([^,]*),r=([^,]*)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(clientFinal)
    if (match === null) throw protocolViolation('malformed SCRAM message: client-final-message')
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = match
    if (binding !== Buffer.from(this.#gs2Header).toString('base64')) {
      throw protocolViolation('SCRAM channel binding check failed')
    }
    if (nonce !== this.#nonce) throw protocolViolation('SCRAM nonce does not match')
    const message = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`
    if (!this.#proofHolds(message, Buffer.from(proof, 'base64'))) {
      throw new PgError('28P01', 'password authentication failed', {}, 'FATAL')
    }
    return `v=${hmac(this.#verifier.serverKey, message).toString('base64')}`
  }

  #proofHolds(message: string, proof: Buffer): boolean {
    const signature = hmac(this.#verifier.storedKey, message)
    if (proof.length !== signature.length) return false
    const clientKey = Buffer.from(proof.map((byte, index) => byte ^ (signature[index] as number)))
    return timingSafeEqual(createHash('sha256').update(clientKey).digest(), this.#verifier.storedKey)
  }
}

function hmac(key: Buffer, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest()
}
