/** Limits of the HTTP server, with their defaults. docs/guide/limits.md shows the same; a test compares them. */

export interface HttpLimits {
  /** Open connections, WebSockets included. Further ones are told 503 and closed. */
  readonly connectionsMax: number
  readonly bodySizeBytesMax: number
  /** The bodies of all requests that are not answered yet; what is over 64 KiB of each counts. */
  readonly receivedTotalBytesMax: number
  readonly headersSizeBytesMax: number
  /** From the connection (or the end of the request before) to the last byte of the headers. */
  readonly headersTimeoutMs: number
  /** From the first byte of a request to the last one of its body. */
  readonly requestTimeoutMs: number
  /** How long a connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number
  /** How long a client may take nothing of a response that is waiting for it. */
  readonly stallTimeoutMs: number
  /** Responses that wait for all slow clients together. Beyond it those that wait longest are cut off. */
  readonly unsentTotalBytesMax: number
  /** How long requests under way may go on when the member shuts down. */
  readonly drainTimeoutMs: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  connectionsMax: 10_000,
  bodySizeBytesMax: 32 * 1024 * 1024,
  receivedTotalBytesMax: 256 * 1024 * 1024,
  headersSizeBytesMax: 32 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  stallTimeoutMs: 30_000,
  unsentTotalBytesMax: 256 * 1024 * 1024,
  drainTimeoutMs: 10_000,
}
