/** The URL that people give to the shell, as the base URL of requests. */

import { UsageError } from '../usage-error.ts'

/** libSQL's schemes mean HTTP here, too, so that a URL from an application's configuration can be pasted. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  'http:': 'http:',
  'https:': 'https:',
  'ws:': 'http:',
  'wss:': 'https:',
  'libsql:': 'https:',
}

export interface ConnectionTarget {
  /** Ends with a slash, without `/db/NAME`. */
  readonly origin: URL
  readonly database: string
  /** From `?authToken=`, as libSQL URLs carry it. */
  readonly token: string | null
}

/** Throws UsageError. A bare `host:port` means http. */
export function parseConnectionUrl(text: string): ConnectionTarget {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`)
  const protocol = url === null ? undefined : PROTOCOLS[url.protocol]
  if (url === null || protocol === undefined) {
    throw new UsageError(
      `${JSON.stringify(text)} is not a URL of a member; it looks like http://127.0.0.1:8080 or http://host:8080/db/NAME.`,
    )
  }
  const isPlain = url.protocol === 'libsql:' && url.searchParams.get('tls') === '0'
  const path = /^\/db\/([^/]+)\/?$/.exec(url.pathname)
  if (path === null && url.pathname !== '/' && url.pathname !== '') {
    throw new UsageError(`The path of ${JSON.stringify(text)} must be empty or /db/NAME.`)
  }
  return {
    origin: new URL(`${isPlain ? 'http:' : protocol}//${url.host}/`),
    database: path === null ? 'default' : decodeURIComponent(path[1] ?? ''),
    token: url.searchParams.get('authToken'),
  }
}

export function databaseUrl(target: ConnectionTarget): URL {
  return target.database === 'default'
    ? target.origin
    : new URL(`db/${encodeURIComponent(target.database)}/`, target.origin)
}
