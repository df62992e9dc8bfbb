/**
 * Byte streams between members, as the layers above need them and no more: what a socket gives, so that a simulated
 * network can stand in.
 *
 * A stream delivers a prefix of what was written, in order and each byte once, in pieces of any size. That it delivers
 * less shows on both sides as `closed`, at any time and in no order: TCP promises no more. Failures of
 * `listen` and `connect` are `NetworkError`s.
 */

export interface NetworkAddress {
  /** A host name or an IP address. */
  readonly host: string
  /** 0 lets `listen` choose one. */
  readonly port: number
}

/** The address as people write it; IPv6 addresses are bracketed. */
export function formatAddress({ host, port }: NetworkAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What happens to a connection. Each is called from the event loop, never from inside a call of the owner. */
export interface ConnectionEvents {
  /** Bytes that came in. They belong to the receiver, who may keep views of them. */
  readonly data: (bytes: Uint8Array) => void
  /** After a `write` that said false: there is room again. */
  readonly drained: () => void
  /** The last event, called once: nothing comes and nothing goes any more. `problem` is null for an orderly end. */
  readonly closed: (problem: string | null) => void
}

export interface Connection {
  /** The other side, for log lines only: behind a proxy it is the proxy's. */
  readonly remote: string
  /** Must be called once, before anything else and in the turn in which the connection was handed over. */
  start(events: ConnectionEvents): void
  /**
   * Sends the parts in order, with one system call where the machine has it. They belong to the connection now. False means
   * that so much waits to be sent that the caller should wait for `drained`; the parts are accepted all the same.
   */
  write(parts: readonly Uint8Array[]): boolean
  /** Sends what was written, then ends the stream. Both sides get `closed`. */
  end(): void
  /** Ends the stream at once; what was written and not sent is lost. */
  destroy(): void
}

export interface Listener {
  /** With the port that was chosen. */
  readonly address: NetworkAddress
  /** Accepts nothing more. Connections that were accepted live on. */
  close(): Promise<void>
}

export interface Network {
  listen(address: NetworkAddress, accept: (connection: Connection) => void): Promise<Listener>
  /** `signal` gives up the attempt. */
  connect(address: NetworkAddress, signal: AbortSignal): Promise<Connection>
}

/** A connection could not be made, or an address not be listened on. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  /** What the system said, such as ECONNREFUSED. */
  readonly systemCode: string

  constructor(action: string, address: NetworkAddress, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException
    const systemCode = code ?? message
    super(`Could not ${action} ${formatAddress(address)} (${systemCode}).`, { cause })
    this.systemCode = systemCode
  }
}
