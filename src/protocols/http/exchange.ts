/**
 * One HTTP request and its response, as every protocol over HTTP sees it: already routed to a database,
 * already authenticated, with limits on what comes from outside.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Credential, Gateway } from '../../gateway/session.ts'

export interface HttpExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The path without the `/db/NAME` prefix that chose the database, and without the query string. */
  readonly path: string
  readonly query: URLSearchParams
  /** From `/db/NAME/` before the path, else the header `x-namespace`, else `default`. */
  readonly database: string
  readonly credential: Credential
  /** Aborted when the client has gone away or the member drains. */
  readonly signal: AbortSignal
  /**
   * The whole body. Rejects with REQUEST_TOO_LARGE before it would hold more than the limit, and with
   * ENCODING_UNSUPPORTED if the body is compressed.
   */
  readBody(): Promise<Uint8Array>
  sendJson(status: number, body: unknown): void
  send(status: number, contentType: string, body: Uint8Array | string): void
  /** Writes one piece of a streamed response; resolves when the client can take more (back-pressure). */
  write(piece: Uint8Array | string): Promise<void>
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Matched against the whole `path`. Named groups are passed on as `parameters`. */
  readonly path: RegExp
  /** Open to clients without a credential (health, probes). */
  readonly isPublic?: boolean
  /** A HarmonyError that it throws becomes a JSON error with the status of its code. */
  readonly handle: (exchange: HttpExchange, parameters: Readonly<Record<string, string>>) => Promise<void>
}

/** A request to leave HTTP for another protocol on the same connection (WebSocket), already routed. */
export interface HttpUpgrade {
  readonly request: IncomingMessage
  /** Belongs to the handler from now on, errors and the end of it included. */
  readonly socket: Duplex
  /** What the client has sent of the new protocol already. */
  readonly head: Buffer
  readonly path: string
  readonly query: URLSearchParams
  readonly database: string
  /** The bearer token of the HTTP request; null if it had none (Hrana brings it in `hello` instead). */
  readonly token: string | null
}

/** What a protocol that starts as an HTTP upgrade gives to the server. */
export interface HttpUpgradeHandler {
  /** Called for every WebSocket upgrade whose origin is allowed. */
  handle(upgrade: HttpUpgrade): void
  /** Tells clients that the member goes away, and resolves when their connections have ended. */
  drain?(): Promise<void>
}

/** Turns a bearer token into a credential; AUTH_REQUIRED or AUTH_INVALID otherwise. */
export interface Authenticator {
  /**
   * `token` is null when the client brought none. Compares in constant time. A token may grant different access to
   * different databases: `database` asks for the access to that one; without it, what all of them have in common.
   */
  authenticate(token: string | null, database?: string): Credential
}

/** What every protocol stands on. */
export interface ProtocolContext {
  readonly gateway: Gateway
  readonly authenticator: Authenticator
}
