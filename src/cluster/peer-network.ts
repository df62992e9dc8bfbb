/**
 * The other members, as this one reaches them: the transport, told whom to dial from the catalog and from what members say of
 * themselves, and shared by everything that talks to them (Raft messages, snapshots, routing, membership).
 *
 * A member's address is what it said last in a connection of its own, else what the catalog has. So members that all come back under new
 * addresses find each other as soon as one of them reaches one other, although nobody can change the catalog before.
 */

import type { NetworkAddress } from '../host/network.ts'
import type { GroupPeers } from '../group/peers.ts'
import type { Message } from '../raft/message.ts'
import type { MemberConnection } from './cluster-state.ts'
import type { PeerAddress } from './identity.ts'
import { parsePeerAddress } from './peer-address.ts'
import type { CallOutcome, CallRequest } from './transport/calls.ts'
import type { TransportContext } from './transport/context.ts'
import type { LinkStatistics } from './transport/peer-link.ts'
import type { TransportStatistics } from './transport/peer-transport.ts'
import { PeerTransport } from './transport/peer-transport.ts'
import type { StreamOutcome, StreamSource } from './transport/stream-sender.ts'

export interface ConnectionView {
  readonly connection: MemberConnection
  readonly incarnation: number | null
  readonly problem: string | null
}

const UNKNOWN: ConnectionView = { connection: 'none', incarnation: null, problem: 'its address is not known' }

export class PeerNetwork implements GroupPeers {
  readonly #context: TransportContext
  readonly #transport: PeerTransport
  /** By the catalog. */
  #members = new Map<number, string>()
  /** By the members themselves, since this one started. */
  readonly #told = new Map<number, string>()
  readonly #connectedSinceMs = new Map<number, number>()
  readonly #listeners = new Set<(member: number) => void>()

  constructor(context: TransportContext) {
    this.#context = context
    const { handlers } = context
    this.#transport = new PeerTransport({
      ...context,
      handlers: {
        ...handlers,
        connected: (member, incarnation) => {
          this.#connectedSinceMs.set(member, context.clock.nowMs())
          handlers.connected(member, incarnation)
          this.#notify(member)
        },
        unreachable: (member) => {
          if (!this.isConnected(member)) this.#connectedSinceMs.delete(member)
          handlers.unreachable(member)
          this.#notify(member)
        },
      },
    })
  }

  /** Gives the address with the port that was chosen. Rejects with a `NetworkError`. */
  listen(address: NetworkAddress): Promise<NetworkAddress> {
    return this.#transport.listen(address)
  }

  /** The members that this one should be connected with: all others stop being dialed. */
  setMembers(members: readonly PeerAddress[]): void {
    const next = new Map(members.map(({ member, address }) => [member, address]))
    next.delete(this.#context.own.member)
    for (const member of this.#members.keys()) if (!next.has(member)) this.#forget(member)
    for (const [member, address] of next) {
      // The catalog has moved: it knows better than what was said before.
      if (this.#members.get(member) !== address) this.#told.delete(member)
    }
    this.#members = next
    for (const member of next.keys()) this.#dial(member)
  }

  /** What a member said of itself. Throws ARGS_INVALID if that is no address. */
  setAddress(member: number, address: string): void {
    if (member === this.#context.own.member || this.#addressOf(member) === address) return
    parsePeerAddress(address)
    this.#told.set(member, address)
    if (this.#members.has(member)) this.#dial(member)
  }

  get members(): readonly number[] {
    return [...this.#members.keys()]
  }

  addresses(): PeerAddress[] {
    return this.members.map((member) => ({ member, address: this.#addressOf(member) ?? '' }))
  }

  isConnected(member: number): boolean {
    return this.#transport.link(member)?.state === 'connected'
  }

  /** How long; 0 while it is not. */
  connectedForMs(member: number): number {
    const sinceMs = this.#connectedSinceMs.get(member)
    return sinceMs === undefined || !this.isConnected(member) ? 0 : this.#context.clock.nowMs() - sinceMs
  }

  view(member: number): ConnectionView {
    const link = this.#transport.link(member)
    return link === null ? UNKNOWN : { ...link, connection: connectionOf(link) }
  }

  /** Calls `listener` after the connection to a member came or went; returns a function that stops it. */
  onConnection(listener: (member: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  send(message: Message): void {
    this.#transport.send(message)
  }

  call(member: number, request: CallRequest): Promise<CallOutcome> {
    return this.#transport.call(member, request)
  }

  sendStream(member: number, source: StreamSource, signal?: AbortSignal): Promise<StreamOutcome> {
    return this.#transport.sendStream(member, source, signal)
  }

  statistics(): TransportStatistics {
    return this.#transport.statistics()
  }

  close(): Promise<void> {
    this.#listeners.clear()
    return this.#transport.close()
  }

  #addressOf(member: number): string | undefined {
    return this.#told.get(member) ?? this.#members.get(member)
  }

  #dial(member: number): void {
    const address = this.#addressOf(member)
    if (address !== undefined) this.#transport.setPeer(member, parsePeerAddress(address))
  }

  #forget(member: number): void {
    this.#transport.removePeer(member)
    this.#told.delete(member)
    this.#connectedSinceMs.delete(member)
    this.#context.handlers.unreachable(member)
    this.#notify(member)
  }

  #notify(member: number): void {
    for (const listener of this.#listeners) listener(member)
  }
}

function connectionOf({ state }: LinkStatistics): MemberConnection {
  if (state === 'connected') return 'connected'
  return state === 'waiting' || state === 'stopped' ? 'unreachable' : 'connecting'
}
