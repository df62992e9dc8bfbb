/**
 * JSON Web Tokens as libSQL servers accept them: signed with Ed25519 (`alg: EdDSA`, RFC 8037), optional claims.
 *
 *   exp, nbf   seconds since 1970, checked with a minute of leeway for clocks that differ
 *   a          "ro" or "rw"; full access without it
 *   id         the one database (libSQL: namespace) that the token is for
 *   p          {"rw": {"ns": [names]}, "ro": {"ns": [names]}}: replaces `a` and `id`. `rwa` and `roa` count as
 *              `rw` and `ro`: they allow ATTACH besides, which is refused for everyone here.
 */

import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { HarmonyError } from '../../base/errors.ts'
import type { Credential } from '../../gateway/session.ts'

/** What a valid token allows. */
export type Grant =
  /** The same access to every listed database. */
  | { readonly kind: 'uniform'; readonly credential: Credential }
  /** Access that differs between databases. */
  | { readonly kind: 'per-database'; readonly access: ReadonlyMap<string, Credential['access']> }

export interface VerifiedToken {
  readonly grant: Grant
  /** Milliseconds since 1970, leeway included. */
  readonly validFromMs: number
  readonly validUntilMs: number
}

const LEEWAY_SECONDS = 60
const RAW_KEY_BYTES = 32
/** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 bytes of the key (RFC 8410 section 4). */
const ED25519_DER_PREFIX: Buffer = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * A public key from PEM, or from url-safe base64 of its 32 bytes (the two forms that libSQL servers take).
 * Throws REQUEST_INVALID for anything else.
 */
export function parsePublicKey(text: string): KeyObject {
  const trimmed = text.trim()
  const key = trimmed.startsWith('-----BEGIN') ? keyFromPem(trimmed) : keyFromRaw(trimmed)
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new HarmonyError(
      'REQUEST_INVALID',
      `The JWT key must be an Ed25519 public key, not ${key.asymmetricKeyType}.`,
    )
  }
  return key
}

function keyFromPem(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) {
    throw new HarmonyError(
      'REQUEST_INVALID',
      'The JWT key is a private key. Give the member the public one only: openssl pkey -in private.pem -pubout',
    )
  }
  try {
    return createPublicKey(pem)
  } catch (error) {
    throw new HarmonyError('REQUEST_INVALID', 'The JWT key is not a PEM public key that can be read.', {
      cause: error,
    })
  }
}

function keyFromRaw(text: string): KeyObject {
  const raw = Buffer.from(text, 'base64url')
  if (!/^[\w+/-]+=*$/.test(text) || raw.length !== RAW_KEY_BYTES) {
    throw new HarmonyError(
      'REQUEST_INVALID',
      'The JWT key must be an Ed25519 public key: PEM, or the url-safe base64 of its 32 bytes.',
    )
  }
  return createPublicKey({ key: Buffer.concat([ED25519_DER_PREFIX, raw]), format: 'der', type: 'spki' })
}

/** Whether `token` has the form of a JWT: three parts, the first of them a JSON object. Says nothing of its signature. */
export function looksLikeJwt(token: string): boolean {
  const parts = token.split('.')
  try {
    return parts.length === 3 && parseJsonPart(parts[0] ?? '') !== null
  } catch {
    return false
  }
}

/** Checks the signature and reads the claims; times are not compared yet. Throws AUTH_INVALID. */
export function verifyJwt(token: string, keys: readonly KeyObject[]): VerifiedToken {
  const parts = token.split('.')
  if (parts.length !== 3) throw invalid('it is not a JWT')
  const [header = '', payload = '', signature = ''] = parts
  const { alg, crit } = parseJsonPart(header) as { alg?: unknown; crit?: unknown }
  if (alg !== 'EdDSA') throw invalid('its algorithm is not EdDSA')
  // RFC 7515, 4.1.11: extensions named there change what the token means, and none is known here.
  if (crit !== undefined) throw invalid('its header asks for extensions (crit) that are not supported')
  const signed = Buffer.from(`${header}.${payload}`)
  const signatureBytes = Buffer.from(signature, 'base64url')
  if (!keys.some((key) => verify(null, signed, key, signatureBytes))) throw invalid('its signature is wrong')
  return readClaims(parseJsonPart(payload))
}

function parseJsonPart(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    // Falls through to the error below: the parser's message would quote the token.
  }
  throw invalid('it is not a JWT')
}

function readClaims(claims: Record<string, unknown>): VerifiedToken {
  const validUntil = readSeconds(claims, 'exp') ?? Number.POSITIVE_INFINITY
  const validFrom = readSeconds(claims, 'nbf') ?? Number.NEGATIVE_INFINITY
  return {
    grant: isPresent(claims['p'])
      ? readPermissions(claims['p'])
      : { kind: 'uniform', credential: readAccess(claims) },
    validFromMs: (validFrom - LEEWAY_SECONDS) * 1000,
    validUntilMs: (validUntil + LEEWAY_SECONDS) * 1000,
  }
}

function readSeconds(claims: Record<string, unknown>, name: string): number | null {
  const value = claims[name]
  if (!isPresent(value)) return null
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`its claim ${name} is not a number`)
  return value
}

function readAccess(claims: Record<string, unknown>): Credential {
  const { a, id } = claims as { a?: unknown; id?: unknown }
  if (isPresent(a) && a !== 'ro' && a !== 'rw') throw invalid('its claim a is neither "ro" nor "rw"')
  if (isPresent(id) && typeof id !== 'string') throw invalid('its claim id is not a database name')
  return {
    access: a === 'ro' ? 'read-only' : 'read-write',
    databases: typeof id === 'string' ? [id] : null,
  }
}

function readPermissions(p: unknown): Grant {
  if (typeof p !== 'object' || p === null) throw invalid('its claim p is not an object')
  const permissions = p as Record<string, unknown>
  const access = new Map<string, Credential['access']>()
  for (const kind of ['ro', 'roa', 'rw', 'rwa']) {
    const granted = kind.startsWith('rw') ? 'read-write' : 'read-only'
    for (const name of readNames(permissions[kind], kind)) access.set(name, granted)
  }
  return { kind: 'per-database', access }
}

function readNames(scope: unknown, kind: string): readonly string[] {
  if (!isPresent(scope)) return []
  const names = typeof scope === 'object' ? (scope as { ns?: unknown }).ns : undefined
  if (!isPresent(names)) return []
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) {
    throw invalid(`its claim p.${kind}.ns is not a list of database names`)
  }
  return names as string[]
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

function invalid(why: string): HarmonyError {
  return new HarmonyError('AUTH_INVALID', `The token was not accepted: ${why}.`)
}
