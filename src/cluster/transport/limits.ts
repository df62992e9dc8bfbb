/** Bounds of the peer transport with their defaults and the reason for each. Times are milliseconds, sizes bytes. */

export interface TransportLimits {
  /** Of a frame's payload. Must hold the largest entry of a log; nothing of that size is allocated before it arrives. */
  readonly frameSizeBytesMax: number
  /** Raft messages are put into one frame up to this. A single larger message has a frame of its own. */
  readonly batchSizeBytes: number
  /** Raft messages that wait for a peer; further ones are dropped. A heartbeat for each of 10,000 groups fits several times. */
  readonly queuedMessagesMax: number
  readonly queuedBytesMax: number
  /** Calls that wait for their answer, for each peer and direction. */
  readonly callsMax: number
  /** Of a request's or an answer's payload. */
  readonly callSizeBytesMax: number
  /** Byte streams at a time, for each peer and direction. */
  readonly streamsMax: number
  readonly chunkSizeBytes: number
  /** Of a stream, sent and not yet written by the receiver. With `batchSizeBytes` it bounds what a heartbeat waits for. */
  readonly streamWindowBytes: number
  /** Of all streams to one peer. */
  readonly streamBytesPerSecond: number
  readonly handshakeTimeoutMs: number
  /** Connections that have not said who they are. */
  readonly pendingHandshakesMax: number
  /** Connections of those who are no members and ask to join; further ones are refused. */
  readonly visitorsMax: number
  /** How long such a connection may be silent. */
  readonly visitTimeoutMs: number
  readonly pingIntervalMs: number
  /** A connection on which nothing moves for so long is given up. Several pings, and a busy peer's pause. */
  readonly silenceTimeoutMs: number
  readonly reconnectMinMs: number
  readonly reconnectMaxMs: number
}

const KIB = 1024
const MIB = 1024 * KIB

export const TRANSPORT_DEFAULTS: TransportLimits = {
  frameSizeBytesMax: 128 * MIB,
  batchSizeBytes: MIB,
  queuedMessagesMax: 65_536,
  queuedBytesMax: 64 * MIB,
  callsMax: 1_024,
  callSizeBytesMax: 32 * MIB,
  streamsMax: 4,
  chunkSizeBytes: 64 * KIB,
  streamWindowBytes: 512 * KIB,
  streamBytesPerSecond: 64 * MIB,
  handshakeTimeoutMs: 5_000,
  pendingHandshakesMax: 64,
  visitorsMax: 64,
  visitTimeoutMs: 30_000,
  pingIntervalMs: 500,
  silenceTimeoutMs: 5_000,
  reconnectMinMs: 50,
  reconnectMaxMs: 5_000,
}
