/** The machine's network: TCP by `node:net`, and mutual TLS by `node:tls` where certificates are given. */

import * as net from 'node:net'
import * as tls from 'node:tls'
import type { Connection, ConnectionEvents, Listener, Network, NetworkAddress } from './network.ts'
import { formatAddress, NetworkError } from './network.ts'

/** PEM texts. Both sides show `certificate`, and trust only what `authority` signed: it should sign members alone. */
export interface TlsCredentials {
  readonly certificate: string
  readonly privateKey: string
  readonly authority: string
}

const TCP_KEEPALIVE_MS = 10_000

export class SystemNetwork implements Network {
  readonly #tls: tls.SecureContextOptions | null

  /** Without `credentials` the streams are neither encrypted nor bound to a certificate. */
  constructor(credentials: TlsCredentials | null = null) {
    this.#tls = credentials === null ? null : secureOptions(credentials)
  }

  listen(address: NetworkAddress, accept: (connection: Connection) => void): Promise<Listener> {
    const { promise, resolve, reject } = Promise.withResolvers<Listener>()
    const take = (socket: net.Socket): void => accept(new SystemConnection(socket))
    // TLS 1.3 alone: both sides are ours. `secureConnection` comes only after the peer's certificate was verified.
    const server =
      this.#tls === null
        ? net.createServer({ noDelay: true }, take)
        : tls.createServer({ ...this.#tls, noDelay: true, requestCert: true, rejectUnauthorized: true }, take)
    const fail = (error: Error): void => reject(new NetworkError('listen on', address, error))
    server.once('error', fail)
    // Someone who fails TLS's handshake, such as a port scanner, is nothing to fail about.
    server.on('tlsClientError', (_error: Error, socket: net.Socket) => void socket.destroy())
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', fail)
      server.on('error', () => {}) // An accept that failed for want of file descriptors: the dialer tries again.
      const { port } = server.address() as net.AddressInfo
      resolve({ address: { host: address.host, port }, close: () => closeServer(server) })
    })
    return promise
  }

  connect(address: NetworkAddress, signal: AbortSignal): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    const socket = this.#dial(address)
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', giveUp)
      socket.on('error', () => {})
      socket.destroy()
      reject(new NetworkError('connect to', address, error))
    }
    const giveUp = (): void => fail(signal.reason)
    socket.once('error', fail)
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
    socket.once(this.#tls === null ? 'connect' : 'secureConnect', () => {
      socket.off('error', fail)
      signal.removeEventListener('abort', giveUp)
      resolve(new SystemConnection(socket))
    })
    return promise
  }

  #dial({ host, port }: NetworkAddress): net.Socket {
    if (this.#tls === null) return net.connect({ host, port, noDelay: true })
    // The peer's certificate must be for `host`. SNI takes no IP addresses.
    const servername = net.isIP(host) === 0 ? host : ''
    const checkServerIdentity: typeof tls.checkServerIdentity = (_name, certificate) =>
      tls.checkServerIdentity(host, certificate)
    const socket = tls.connect({
      ...this.#tls,
      host,
      port,
      servername,
      checkServerIdentity,
      rejectUnauthorized: true,
    })
    socket.setNoDelay(true)
    return socket
  }
}

function secureOptions({ certificate, privateKey, authority }: TlsCredentials): tls.SecureContextOptions {
  return { cert: certificate, key: privateKey, ca: authority, minVersion: 'TLSv1.3' }
}

function closeServer(server: net.Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  // The callback of `close` waits for all connections; whoever closes a listener wants only that nothing more comes in.
  server.close()
  resolve()
  return promise
}

class SystemConnection implements Connection {
  readonly remote: string
  readonly #socket: net.Socket
  #problem: string | null = null

  constructor(socket: net.Socket) {
    this.#socket = socket
    const { remoteAddress: host, remotePort: port } = socket
    this.remote =
      host === undefined || port === undefined ? 'an unknown address' : formatAddress({ host, port })
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS)
    // From now on, not from `start` on: an error without a listener would end the process.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#problem = error.code ?? error.message
    })
  }

  start({ data, drained, closed }: ConnectionEvents): void {
    const socket = this.#socket
    // Plain Uint8Arrays, as everywhere: a Buffer's `slice` does not copy.
    socket.on('data', (bytes: Buffer) => data(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)))
    socket.on('drain', drained)
    socket.once('close', () => closed(this.#problem))
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (!socket.writable) return true // `closed` is on its way.
    socket.cork()
    for (const part of parts) socket.write(part)
    socket.uncork()
    return !socket.writableNeedDrain
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
