/**
 * What a request's URL and headers say about where it goes: `/db/NAME/` before the protocol's own path chooses the database, else the
 * header `x-namespace` (as libSQL servers do), else it is `default`.
 */

import type { IncomingMessage } from 'node:http'
import { HarmonyError } from '../../base/errors.ts'

export interface Target {
  /** Without the `/db/NAME` prefix and the query string. */
  readonly path: string
  readonly query: URLSearchParams
  readonly database: string
}

export const DEFAULT_DATABASE = 'default'

const DATABASE_PREFIX = /^\/db\/([^/]+)(\/.*)?$/
const NO_QUERY = new URLSearchParams()

/** Throws REQUEST_INVALID where the URL can't be read. */
export function targetOf(request: IncomingMessage): Target {
  const url = withoutOrigin(request.url ?? '/')
  const queryAt = url.indexOf('?')
  const wholePath = queryAt < 0 ? url : url.slice(0, queryAt)
  const query = queryAt < 0 ? NO_QUERY : new URLSearchParams(url.slice(queryAt + 1))
  const prefixed = wholePath.startsWith('/db/') ? DATABASE_PREFIX.exec(wholePath) : null
  if (prefixed !== null) {
    return { path: prefixed[2] ?? '/', query, database: decodePathSegment(prefixed[1] ?? '') }
  }
  const namespace = request.headers['x-namespace']
  return { path: wholePath, query, database: typeof namespace === 'string' ? namespace : DEFAULT_DATABASE }
}

/** Proxies send the absolute form `GET http://host/path` (RFC 9112 section 3.2.2). */
function withoutOrigin(url: string): string {
  if (url.startsWith('/')) return url
  const parsed = URL.parse(url)
  if (parsed === null)
    throw new HarmonyError('REQUEST_INVALID', `The request's URL can't be read: ${url.slice(0, 200)}`)
  return parsed.pathname + parsed.search
}

/** A segment of a path with its percent escapes resolved. Throws REQUEST_INVALID where they are malformed. */
export function decodePathSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new HarmonyError(
      'REQUEST_INVALID',
      `The path holds a malformed percent escape: ${segment.slice(0, 200)}`,
    )
  }
}
