/** What `harmonydb start` prints for the person who started it: where it is, and a line to paste. */

import { typedCommand } from './program-name.ts'
import { urlOf, type ListenAddress } from '../serve/listen-address.ts'

export interface BannerFacts {
  readonly version: string
  readonly address: ListenAddress
  /** Null where PostgreSQL clients are not served. */
  readonly postgres: ListenAddress | null
  readonly dataFolder: string
  readonly needsToken: boolean
  /** Listening for other machines without authentication. */
  readonly isOpen: boolean
  readonly startedInMs: number
}

export function startBanner(facts: BannerFacts): string {
  const url = urlOf('http', facts.address)
  const token = facts.needsToken ? `\n       -H "Authorization: Bearer $HARMONYDB_AUTH_TOKEN" \\` : ''
  const access = facts.needsToken
    ? 'with a token'
    : facts.isOpen
      ? 'ANYONE who can reach this address can read and change everything'
      : 'open, for this machine only'
  const postgres =
    facts.postgres === null
      ? 'not served'
      : `postgres://${facts.postgres.host}:${facts.postgres.port}/default`
  return `
  HarmonyDB ${facts.version} is ready (${Math.round(facts.startedInMs)} ms)

  HTTP and libSQL   ${url}
  WebSocket         ${urlOf('ws', facts.address)}
  PostgreSQL        ${postgres}
  data              ${facts.dataFolder}
  access            ${access}

  Try it, in another terminal:

  curl ${url}/v1/databases/default/query \\${token}
       -d '{"sql": "SELECT sqlite_version() AS version"}'

  With a driver:    createClient({ url: '${url}'${facts.needsToken ? ", authToken: '…'" : ''} })   // @libsql/client
  With the shell:   ${typedCommand('shell', url)}
  Stop with Ctrl-C.

`
}
