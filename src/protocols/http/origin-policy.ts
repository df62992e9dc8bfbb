/**
 * Which web pages may use the member from a browser. DESIGN.md "A web page is a client that nobody authorised"
 * tells why this is more than CORS headers.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HarmonyError } from '../../base/errors.ts'

export interface OriginPolicyOptions {
  /** Whether every client must bring a token. */
  readonly isAuthenticated: boolean
  /** Origins allowed without authentication besides those of this machine; `*` for all. */
  readonly allowedOrigins: readonly string[]
}

const ALLOWED_METHODS = 'GET, HEAD, POST, DELETE, OPTIONS'
const ALLOWED_HEADERS =
  'authorization, content-type, accept, x-namespace, idempotency-key, x-harmonydb-consistency'
const PREFLIGHT_AGE_SECONDS = '7200'
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

export class OriginPolicy {
  readonly #allowsAll: boolean
  readonly #allowed: ReadonlySet<string>

  constructor(options: OriginPolicyOptions) {
    this.#allowsAll = options.isAuthenticated || options.allowedOrigins.includes('*')
    this.#allowed = new Set(options.allowedOrigins)
  }

  /** Throws AUTH_REQUIRED if a browser asks for a page that may not use this member. */
  check(request: IncomingMessage): void {
    const origin = request.headers.origin
    if (origin === undefined || this.allows(origin)) return
    throw new HarmonyError(
      'AUTH_REQUIRED',
      `A web page of ${origin.slice(0, 200)} may not use this member: it runs without authentication, so only pages of this ` +
        'machine may. Start it with --auth-token or --auth-jwt-key, or allow the page with --allow-origin.',
    )
  }

  allows(origin: string): boolean {
    if (this.#allowsAll || this.#allowed.has(origin)) return true
    const url = URL.parse(origin)
    return url !== null && (LOOPBACK_HOSTS.has(url.hostname) || url.hostname.endsWith('.localhost'))
  }

  /** Adds the CORS headers for an origin that `check` has let pass. */
  addHeaders(request: IncomingMessage, response: ServerResponse): void {
    const origin = request.headers.origin
    if (origin === undefined || !this.allows(origin)) return
    response.setHeader('access-control-allow-origin', this.#allowsAll ? '*' : origin)
    response.setHeader('access-control-expose-headers', 'retry-after')
    if (!this.#allowsAll) response.setHeader('vary', 'origin')
    if (request.method !== 'OPTIONS') return
    response.setHeader('access-control-allow-methods', ALLOWED_METHODS)
    response.setHeader('access-control-allow-headers', ALLOWED_HEADERS)
    response.setHeader('access-control-allow-private-network', 'true')
    response.setHeader('access-control-max-age', PREFLIGHT_AGE_SECONDS)
  }
}
