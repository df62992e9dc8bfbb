/** What a PostgreSQL client may ask for at most. Every limit has a reason, and can be set where the server is made. */

export interface PostgresLimits {
  /** A message after authentication: the longest statement or row of parameters. */
  readonly messageSizeBytesMax: number
  /** A message before authentication, when nobody is known yet: a long token fits. */
  readonly startupSizeBytesMax: number
  /** Bytes received and not yet handled, after which reading from the socket stops. */
  readonly receivedBytesMax: number
  /** Bytes encoded and not yet taken by the client, after which the connection waits for the socket to drain. */
  readonly unsentBytesMax: number
  /** All clients together. Beyond it those that have taken nothing for longest are disconnected. */
  readonly unsentTotalBytesMax: number
  /** How long a client may take nothing of an answer that is waiting for it. It holds back a statement, perhaps a query worker. */
  readonly stallTimeoutMs: number
  /** All clients together, in messages that are not complete or not handled; what is over 64 KiB of each counts. */
  readonly receivedTotalBytesMax: number
  /** From the first byte of a message to its last, while nothing else is done for the client. */
  readonly messageTimeoutMs: number
  /**
   * A client that has been silent for so long is asked by TCP whether it is there (RFC 9293 section 3.8.4). Unanswered for ten seconds, the connection is
   * over: else a machine that lost its power would keep its connections, with what they listen to and have prepared, for ever.
   */
  readonly keepAliveDelayMs: number
  /** From the connection to the end of authentication. */
  readonly startupTimeoutMs: number
  readonly connectionsMax: number
  /** Named prepared statements of one connection. */
  readonly statementsMax: number
  /** Portals and cursors of one connection. */
  readonly portalsMax: number
}

const MIB = 1024 * 1024

export const POSTGRES_DEFAULTS: PostgresLimits = {
  messageSizeBytesMax: 64 * MIB,
  startupSizeBytesMax: 32 * 1024,
  receivedBytesMax: 1 * MIB,
  unsentBytesMax: 256 * 1024,
  unsentTotalBytesMax: 256 * MIB,
  stallTimeoutMs: 30_000,
  receivedTotalBytesMax: 256 * MIB,
  messageTimeoutMs: 60_000,
  keepAliveDelayMs: 60_000,
  startupTimeoutMs: 30_000,
  connectionsMax: 10_000,
  statementsMax: 10_000,
  portalsMax: 1_000,
}
