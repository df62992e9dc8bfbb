/**
 * Turns bearer tokens into credentials: a static token that may do everything, JSON Web Tokens, both, or no
 * authentication at all. Verified JWTs are remembered, because a signature check (about 0.1 ms) for every
 * request of a pipelining client would cost more than its query. No message and no log line holds a token.
 */

import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto'
import { HarmonyError } from '../../base/errors.ts'
import type { Credential } from '../../gateway/session.ts'
import type { Authenticator } from './exchange.ts'
import { looksLikeJwt, verifyJwt, type Grant, type VerifiedToken } from './jwt.ts'

export interface AuthenticatorOptions {
  readonly staticToken: string | null
  readonly jwtKeys: readonly KeyObject[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const FULL_ACCESS: Credential = { access: 'read-write', databases: null }
const REMEMBERED_TOKENS_MAX = 1000
/** Nothing longer is looked at: a token with many databases stays far below. */
const TOKEN_LENGTH_MAX = 16 * 1024

/** Everybody may do everything: only for loopback, or where `--insecure` says that it is wanted. */
export const OPEN_AUTHENTICATOR: Authenticator = { authenticate: () => FULL_ACCESS }

export class TokenAuthenticator implements Authenticator {
  readonly #staticDigest: Buffer | null
  readonly #jwtKeys: readonly KeyObject[]
  readonly #now: () => number
  readonly #remembered = new Map<string, VerifiedToken>()

  constructor(options: AuthenticatorOptions) {
    this.#staticDigest = options.staticToken === null ? null : digest(options.staticToken)
    this.#jwtKeys = options.jwtKeys
    this.#now = options.now
  }

  authenticate(token: string | null, database?: string): Credential {
    if (token === null || token === '') {
      throw new HarmonyError(
        'AUTH_REQUIRED',
        'This member asks for a token. Send it as "Authorization: Bearer TOKEN", or as authToken of your libSQL client.',
      )
    }
    if (token.length > TOKEN_LENGTH_MAX) throw invalid(`it is longer than ${TOKEN_LENGTH_MAX} characters`)
    const tokenDigest = digest(token)
    if (this.#staticDigest !== null && timingSafeEqual(this.#staticDigest, tokenDigest)) return FULL_ACCESS
    if (this.#jwtKeys.length === 0) throw invalid('it is not the one that this member was started with')
    if (this.#staticDigest !== null && !looksLikeJwt(token))
      throw invalid('it is neither the static token that this member was started with nor a JWT')
    return credentialOf(this.#verified(token, tokenDigest.toString('base64')).grant, database)
  }

  #verified(token: string, key: string): VerifiedToken {
    const verified = this.#remembered.get(key) ?? verifyJwt(token, this.#jwtKeys)
    const now = this.#now()
    if (now >= verified.validUntilMs) throw invalid('it has expired')
    if (now < verified.validFromMs) throw invalid('it is not valid yet')
    if (!this.#remembered.has(key)) this.#remember(key, verified)
    return verified
  }

  #remember(key: string, verified: VerifiedToken): void {
    const oldest = this.#remembered.keys().next()
    if (this.#remembered.size >= REMEMBERED_TOKENS_MAX && !oldest.done) this.#remembered.delete(oldest.value)
    this.#remembered.set(key, verified)
  }
}

/** Digests have the same length whatever the token, so that comparing them tells nothing of it. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function credentialOf(grant: Grant, database: string | undefined): Credential {
  if (grant.kind === 'uniform') return grant.credential
  const access = database === undefined ? undefined : grant.access.get(database)
  if (database !== undefined && access !== undefined) return { access, databases: [database] }
  const isWritable = grant.access.size > 0 && [...grant.access.values()].every((one) => one === 'read-write')
  return { access: isWritable ? 'read-write' : 'read-only', databases: [...grant.access.keys()] }
}

function invalid(why: string): HarmonyError {
  return new HarmonyError('AUTH_INVALID', `The token was not accepted: ${why}.`)
}

/** The token of an `Authorization: Bearer …` header; null without one. Throws AUTH_INVALID for other schemes. */
export function bearerToken(header: string | undefined): string | null {
  if (header === undefined || header === '') return null
  const match = /^bearer +(\S+) *$/i.exec(header)
  if (match === null) throw invalid('the Authorization header must read "Bearer TOKEN"')
  return match[1] ?? null
}
