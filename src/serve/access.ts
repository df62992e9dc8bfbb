/** Who may use a member over the network: whoever knows its token or brings a signed one; or, only where no other machine can reach it, everybody. */

import type { KeyObject } from 'node:crypto'
import { OPEN_AUTHENTICATOR, TokenAuthenticator } from '../protocols/http/authenticator.ts'
import type { Authenticator } from '../protocols/http/exchange.ts'
import type { ListenAddress } from './listen-address.ts'
import { isLoopback } from './listen-address.ts'

export { parsePublicKey } from '../protocols/http/jwt.ts'

export interface Access {
  /** Its bearer may do everything. */
  readonly authToken: string | null
  /** Ed25519 public keys of those who sign JSON Web Tokens. */
  readonly jwtKeys: readonly KeyObject[]
}

export function isAuthenticated({ authToken, jwtKeys }: Access): boolean {
  return authToken !== null || jwtKeys.length > 0
}

export function authenticatorOf(access: Access): Authenticator {
  if (!isAuthenticated(access)) return OPEN_AUTHENTICATOR
  return new TokenAuthenticator({ staticToken: access.authToken, jwtKeys: access.jwtKeys, now: Date.now })
}

/** A host among `addresses` that other machines could reach without any authentication; null if there is none. */
export function openHost(addresses: readonly (ListenAddress | null)[], access: Access): string | null {
  if (isAuthenticated(access)) return null
  return addresses.find((address) => address !== null && !isLoopback(address.host))?.host ?? null
}

/** True if `token` can be an `Authorization` header's: one word. */
export function isUsableToken(token: string): boolean {
  return token !== '' && !/\s/.test(token)
}

/** True for an origin as browsers send it (`https://app.example:8443`), and for `*`. */
export function isOrigin(origin: string): boolean {
  return origin === '*' || (URL.parse(origin)?.origin === origin && origin !== 'null')
}
