/**
 * The other members, as this one reaches them: the transport, told whom to dial from the catalog and from what members say of
 * themselves, and shared by everything that talks to them (Raft messages, snapshots, routing, membership).
 *
 * A member's address is what it said last in a connection of its own, else what the catalog has. So members that all come back under new
 * addresses find each other as soon as one of them reaches one other, although nobody can change the catalog before.
 *
 * Members that have joined since the catalog here was as it is are dialed, too, where they say that they are: one of them may lead the
 * catalog, which reaches this member only if it can answer, and it answers over connections that it dials itself. Until the catalog here
 * has them, they count as members nowhere (`members`, `addresses`).
 */

import { must } from '../base/assert.ts'
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

/** A member that stops goes on answering others until they have been quiet for so long, which is some of their turns to the new leaders. */
const LINGER_QUIET_MS = 100
const LINGER_STEP_MS = 10
const LINGER_MS_MAX = 2_000

export interface ConnectionView {
  readonly connection: MemberConnection
  readonly incarnation: number | null
  readonly problem: string | null
}

/** What a member said of itself, and what the catalog had then: null where it did not have the member. */
interface ToldAddress {
  readonly address: string
  readonly before: string | null
}

const UNKNOWN: ConnectionView = { connection: 'none', incarnation: null, problem: 'its address is not known' }

export class PeerNetwork implements GroupPeers {
  readonly #context: TransportContext
  readonly #transport: PeerTransport
  /** By the catalog. */
  #members = new Map<number, string>()
  /** By the catalog. It never forgets one: who is in neither of the two is newer than the catalog here. */
  #removed: ReadonlySet<number> = new Set()
  /** By the members themselves, since this one started. */
  readonly #told = new Map<number, ToldAddress>()
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
          this.#dial(member)
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

  /** What the catalog says. Of `removed`, those that are not needed any more: they stop being dialed. */
  setMembers(members: readonly PeerAddress[], removed: readonly number[]): void {
    const next = new Map(members.map(({ member, address }) => [member, address]))
    next.delete(this.#context.own.member)
    this.#removed = new Set(removed.filter((member) => !next.has(member)))
    for (const member of new Set([...this.#members.keys(), ...this.#told.keys()])) {
      if (this.#removed.has(member)) this.#forget(member)
      else if (!next.has(member))
        this.#told.set(member, { address: must(this.#addressOf(member)), before: null })
    }
    this.#members = next
    for (const member of next.keys()) this.#dial(member)
  }

  /** What a member said of itself. Throws ARGS_INVALID if that is no address. */
  setAddress(member: number, address: string): void {
    if (member === this.#context.own.member || this.#removed.has(member)) return
    parsePeerAddress(address)
    this.#told.set(member, { address, before: this.#members.get(member) ?? null })
    this.#dial(member)
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

  async close(): Promise<void> {
    this.#listeners.clear()
    await this.#answered()
    await this.#transport.close()
  }

  /**
   * Resolves when nobody has asked for a while, and all have their answers. Who asks just before it hears that another member leads now is told so here:
   * if the connection ended first, it could not know what became of it.
   */
  async #answered(): Promise<void> {
    const { clock } = this.#context
    const endMs = clock.nowMs() + LINGER_MS_MAX
    let received = -1
    for (let quietSinceMs = clock.nowMs(); clock.nowMs() < endMs;) {
      const { inbound } = this.#transport.statistics()
      if (inbound.length === 0) return
      const count = inbound.reduce((sum, { receivedCalls }) => sum + receivedCalls, 0)
      if (count !== received || inbound.some(({ activeCalls }) => activeCalls > 0))
        quietSinceMs = clock.nowMs()
      if (clock.nowMs() - quietSinceMs >= LINGER_QUIET_MS) return
      received = count
      await new Promise<void>((resolve) => void clock.after(LINGER_STEP_MS, resolve))
    }
  }

  #addressOf(member: number): string | undefined {
    return this.#told.get(member)?.address ?? this.#members.get(member)
  }

  /**
   * If the catalog has moved since an address was said, the catalog knows better, unless that is where the member answers: a catalog that
   * catches up goes through all addresses that the member ever had.
   */
  #dial(member: number): void {
    const told = this.#told.get(member)
    const isOutdated = told !== undefined && told.before !== (this.#members.get(member) ?? null)
    if (isOutdated && !this.isConnected(member)) this.#told.delete(member)
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
