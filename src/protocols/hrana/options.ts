/** What can be set about Hrana, with its default. Every limit bounds what one client can make the member hold. */

export interface HranaOptions {
  /**
   * Absolute http(s) URL under which clients reach this member and no other: sent as `base_url` with every baton, so
   * that a stream stays where its state is. Null where clients reach one member only, or the load balancer is sticky.
   */
  readonly baseUrl: string | null
  /** A stream over HTTP that gets no request for so long is closed and rolled back. sqld: 10 s. */
  readonly streamIdleMs: number
  /** Requests of one pipeline over HTTP. What is more is refused with REQUEST_TOO_LARGE before any of it runs. */
  readonly pipelineRequestsMax: number
  /** Streams over HTTP that wait for their next request. */
  readonly httpStreamsMax: number
  /** A WebSocket client that has not said a valid hello for so long is disconnected. */
  readonly helloTimeoutMs: number
  /** Open streams of one WebSocket connection. */
  readonly connectionStreamsMax: number
  /** Requests of one WebSocket connection that wait or run; beyond it nothing more is read from the socket. */
  readonly connectionRequestsMax: number
  /** Bytes that wait for a slow WebSocket client to take them; beyond it its streams stand still. */
  readonly sendBufferBytesMax: number
  /** The same of all slow WebSocket clients together. Beyond it those that have taken nothing for longest are disconnected. */
  readonly unsentTotalBytesMax: number
  /** One WebSocket message. (A body over HTTP is bounded by the HTTP server.) */
  readonly messageBytesMax: number
  /** What all WebSocket clients together have sent of messages that are not complete; what is over 64 KiB of each counts. */
  readonly receivedTotalBytesMax: number
  /**
   * A client that answers no ping for two of these periods has vanished: its streams are rolled back. One that has sent more than 64 KiB of a message
   * gets as long for the rest.
   */
  readonly pingIntervalMs: number
  /** Stored SQL texts of one stream over HTTP, or of one WebSocket connection. @libsql/client stores 100 at most. */
  readonly storedSqlMax: number
  /** All stored texts together. */
  readonly storedSqlBytesMax: number
  /** The rows of one `batch`, and the results of one pipeline, which are held until they are complete. */
  readonly responseBytesMax: number
  /** How long `close` waits for running requests. */
  readonly drainMs: number
}

export const HRANA_DEFAULTS: HranaOptions = {
  baseUrl: null,
  streamIdleMs: 10_000,
  pipelineRequestsMax: 10_000,
  httpStreamsMax: 10_000,
  helloTimeoutMs: 10_000,
  connectionStreamsMax: 256,
  connectionRequestsMax: 512,
  sendBufferBytesMax: 4 * 1024 * 1024,
  unsentTotalBytesMax: 256 * 1024 * 1024,
  messageBytesMax: 64 * 1024 * 1024,
  receivedTotalBytesMax: 256 * 1024 * 1024,
  pingIntervalMs: 30_000,
  storedSqlMax: 256,
  storedSqlBytesMax: 8 * 1024 * 1024,
  responseBytesMax: 64 * 1024 * 1024,
  drainMs: 5_000,
}
