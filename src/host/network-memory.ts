/**
 * A network in memory, with what a real one does to streams: pieces of any size, delays, connections that break with
 * bytes under way, hosts that can't reach each other. All by the injected clock and generator, so a seed replays it.
 */

import { must } from '../base/assert.ts'
import type { Clock } from './clock.ts'
import type { Connection, ConnectionEvents, Listener, Network, NetworkAddress } from './network.ts'
import { formatAddress, NetworkError } from './network.ts'
import type { Random } from './random.ts'

export interface MemoryNetworkFaults {
  /** Each delivery takes from `delayMinMs` to `delayMaxMs`; the order within a stream stays. */
  delayMinMs: number
  delayMaxMs: number
  /** Writes arrive in pieces of 1 to this many bytes. */
  fragmentBytesMax: number
  /** Chance, from 0 to 1, that a connection breaks before a piece is delivered. */
  breakChance: number
}

/** `write` says false while more than this is under way. */
const HIGH_WATER_BYTES = 64 * 1024
const FIRST_PORT = 40_000

export class MemoryNetwork {
  readonly faults: MemoryNetworkFaults = {
    delayMinMs: 0,
    delayMaxMs: 0,
    fragmentBytesMax: Number.MAX_SAFE_INTEGER,
    breakChance: 0,
  }
  readonly clock: Clock
  readonly random: Random
  readonly #listeners = new Map<string, (connection: Connection) => void>()
  readonly #streams = new Set<MemoryConnection>()
  readonly #separated = new Set<string>()
  readonly #stalled = new Set<string>()
  readonly #held = new Set<string>()
  #nextPort = FIRST_PORT

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
  }

  /** The network as the machine with the name `host` sees it. */
  of(host: string): Network {
    return {
      listen: async (address, accept) => this.#listen(address, accept),
      connect: (address, signal) => this.#connect(host, address, signal),
    }
  }

  /** Breaks all connections between the two hosts; no new one can be made until `join`. */
  separate(left: string, right: string): void {
    this.#separated.add(`${left} ${right}`).add(`${right} ${left}`)
    this.breakAll((stream) => this.#isSeparated(stream.local, stream.peerHost))
  }

  join(left: string, right: string): void {
    this.#separated.delete(`${left} ${right}`)
    this.#separated.delete(`${right} ${left}`)
  }

  /** Breaks the connections for which `which` says so, with what is under way on them. */
  breakAll(which: (stream: MemoryConnection) => boolean = () => true): void {
    for (const stream of [...this.#streams].filter(which)) stream.fail('ECONNRESET')
  }

  /** While stalled, a host takes nothing that was sent to it, and its connections stay: what SIGSTOP does to a process. */
  stall(host: string): void {
    this.#stalled.add(host)
  }

  unstall(host: string): void {
    this.#stalled.delete(host)
    for (const stream of this.#streams) stream.deliver()
  }

  isStalled(host: string): boolean {
    return this.#stalled.has(host)
  }

  /** What `from` sends to `to` waits on its way, and connections stay: what a path does that loses packets in one direction. */
  hold(from: string, to: string): void {
    this.#held.add(`${from} ${to}`)
  }

  release(from: string, to: string): void {
    this.#held.delete(`${from} ${to}`)
    for (const stream of this.#streams) stream.deliver()
  }

  isHeld(from: string, to: string): boolean {
    return this.#held.has(`${from} ${to}`)
  }

  /** Connections that are open, each counted at both ends. */
  get openCount(): number {
    return this.#streams.size
  }

  forget(stream: MemoryConnection): void {
    this.#streams.delete(stream)
  }

  #isSeparated(left: string, right: string): boolean {
    return this.#separated.has(`${left} ${right}`)
  }

  #listen(address: NetworkAddress, accept: (connection: Connection) => void): Listener {
    const bound = address.port === 0 ? { ...address, port: this.#nextPort++ } : address
    const key = formatAddress(bound)
    if (this.#listeners.has(key)) throw new NetworkError('listen on', bound, { code: 'EADDRINUSE' })
    this.#listeners.set(key, accept)
    const close = async (): Promise<void> => {
      this.#listeners.delete(key)
    }
    return { address: bound, close }
  }

  #connect(from: string, address: NetworkAddress, signal: AbortSignal): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    const fail = (code: string): void => {
      signal.removeEventListener('abort', giveUp)
      reject(new NetworkError('connect to', address, { code }))
    }
    const giveUp = (): void => fail('ABORT_ERR')
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
    this.later(() => {
      const accept = this.#listeners.get(formatAddress(address))
      if (signal.aborted) return
      if (this.#isSeparated(from, address.host)) return fail('EHOSTUNREACH')
      // A connection begins with packets in both directions.
      if (this.isHeld(from, address.host) || this.isHeld(address.host, from)) return fail('ETIMEDOUT')
      if (accept === undefined) return fail('ECONNREFUSED')
      const here = new MemoryConnection(this, from, address.host)
      const there = new MemoryConnection(this, address.host, from)
      here.join(there)
      there.join(here)
      this.#streams.add(here).add(there)
      signal.removeEventListener('abort', giveUp)
      accept(there)
      resolve(here)
    })
    return promise
  }

  /** As long as something takes to get to another host. */
  later(action: () => void): void {
    const { delayMinMs, delayMaxMs } = this.faults
    if (delayMaxMs === 0) this.clock.soon(action)
    else this.clock.after(delayMinMs + this.random.float() * (delayMaxMs - delayMinMs), action)
  }
}

/** One end of a stream. */
class MemoryConnection implements Connection {
  readonly local: string
  readonly peerHost: string
  readonly #network: MemoryNetwork
  #peer: MemoryConnection | null = null
  #events: ConnectionEvents | null = null
  /** What the peer wrote and this end has not taken yet; null is the end of the stream. */
  readonly #incoming: (Uint8Array | null)[] = []
  #underWayBytes = 0
  #isDelivering = false
  #isFull = false
  #isClosed = false

  constructor(network: MemoryNetwork, local: string, peerHost: string) {
    this.#network = network
    this.local = local
    this.peerHost = peerHost
  }

  get remote(): string {
    return this.peerHost
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer
  }

  start(events: ConnectionEvents): void {
    this.#events = events
    this.deliver()
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#isClosed) return true
    for (const part of parts) this.#send(part)
    this.#peer?.deliver()
    this.#isFull = this.#underWayBytes > HIGH_WATER_BYTES
    return !this.#isFull
  }

  end(): void {
    const peer = must(this.#peer)
    peer.#incoming.push(null)
    peer.deliver()
  }

  destroy(): void {
    this.fail(null)
  }

  /** Both ends are told, each in a turn of its own. */
  fail(problem: string | null): void {
    this.#close(problem)
    must(this.#peer).#close(problem)
  }

  /** Hands over what is there, piece by piece. */
  deliver(): void {
    const canTake = this.#events !== null && this.#isReachable
    if (this.#isDelivering || this.#isClosed || !canTake || this.#incoming.length === 0) return
    this.#isDelivering = true
    this.#network.later(() => {
      this.#isDelivering = false
      if (this.#isClosed || !this.#isReachable) return
      const { breakChance } = this.#network.faults
      if (breakChance > 0 && this.#network.random.float() < breakChance) return this.fail('ECONNRESET')
      const piece = this.#incoming.shift() ?? null
      if (piece === null) return this.fail(null)
      this.#events?.data(piece)
      must(this.#peer).#taken(piece.length)
      this.deliver()
    })
  }

  get #isReachable(): boolean {
    return !this.#network.isStalled(this.local) && !this.#network.isHeld(this.peerHost, this.local)
  }

  #send(part: Uint8Array): void {
    const { fragmentBytesMax } = this.#network.faults
    const peer = must(this.#peer)
    for (let at = 0; at < part.length;) {
      const sizeBytes =
        fragmentBytesMax >= part.length ? part.length : 1 + this.#network.random.integer(fragmentBytesMax)
      // A copy: a socket does not share memory with its peer.
      peer.#incoming.push(new Uint8Array(part.subarray(at, at + sizeBytes)))
      at += sizeBytes
    }
    this.#underWayBytes += part.length
  }

  #taken(sizeBytes: number): void {
    this.#underWayBytes -= sizeBytes
    if (!this.#isFull || this.#underWayBytes > HIGH_WATER_BYTES || this.#isClosed) return
    this.#isFull = false
    this.#network.clock.soon(() => this.#isClosed || this.#events?.drained())
  }

  #close(problem: string | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#network.forget(this)
    this.#network.clock.soon(() => this.#events?.closed(problem))
  }
}
