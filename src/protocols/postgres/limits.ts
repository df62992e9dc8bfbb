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
  /** From the connection to the end of authentication. */
  readonly startupTimeoutMs: number
  readonly connectionsMax: number
  /** Named prepared statements of one connection. */
  readonly statementsMax: number
  /** Portals and cursors of one connection. */
  readonly portalsMax: number
}

const MIB = 1024 * 1024

export const DEFAULT_LIMITS: PostgresLimits = {
  messageSizeBytesMax: 64 * MIB,
  startupSizeBytesMax: 32 * 1024,
  receivedBytesMax: 1 * MIB,
  unsentBytesMax: 256 * 1024,
  startupTimeoutMs: 30_000,
  connectionsMax: 10_000,
  statementsMax: 10_000,
  portalsMax: 1_000,
}
