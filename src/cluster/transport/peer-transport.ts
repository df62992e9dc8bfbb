/**
 * What members say to each other: Raft messages of all groups, calls, byte streams. DESIGN.md says what is
 * promised, and what is not.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Listener, NetworkAddress } from '../../host/network.ts'
import type { Message } from '../../raft/message.ts'
import { Acceptor } from './acceptor.ts'
import type { InboundStatistics } from './acceptor.ts'
import type { CallOutcome, CallRequest } from './calls.ts'
import type { TransportContext } from './context.ts'
import { SECRET_BYTES_MIN } from './handshake.ts'
import { PeerLink } from './peer-link.ts'
import type { LinkStatistics } from './peer-link.ts'
import type { StreamOutcome, StreamSource } from './stream-sender.ts'

export interface TransportStatistics {
  /** Connections that this member dials. */
  readonly links: readonly LinkStatistics[]
  /** Connections that were dialed to it. */
  readonly inbound: readonly InboundStatistics[]
  /** Connections that it refused. */
  readonly refused: number
  /** Messages to members that are no peers. */
  readonly strayMessages: number
}

export class PeerTransport {
  readonly #context: TransportContext
  readonly #acceptor: Acceptor
  readonly #links = new Map<number, PeerLink>()
  #listener: Listener | null = null
  #strayMessages = 0
  #isClosed = false

  constructor(context: TransportContext) {
    if (context.secret.length < SECRET_BYTES_MIN) {
      throw new HarmonyError(
        'ARGS_INVALID',
        `The cluster secret has ${context.secret.length} bytes: give all members the same ${SECRET_BYTES_MIN} random bytes or more.`,
      )
    }
    this.#context = context
    this.#acceptor = new Acceptor(context, (member) => this.#links.get(member)?.retryNow())
  }

  /** Peers may dial from now on. Gives the address with the port that was chosen; rejects with a `NetworkError`. */
  async listen(address: NetworkAddress): Promise<NetworkAddress> {
    const listener = await this.#context.network.listen(address, (connection) =>
      this.#acceptor.accept(connection),
    )
    this.#listener = listener
    return listener.address
  }

  /** Dials `member` at this address from now on. Another address than before ends the connection to that one. */
  setPeer(member: number, address: NetworkAddress): void {
    if (this.#isClosed || member === this.#context.own.member) return
    const before = this.#links.get(member)?.address
    if (before?.host === address.host && before.port === address.port) return
    this.removePeer(member)
    const link = new PeerLink(this.#context, member, address)
    this.#links.set(member, link)
    link.start()
  }

  /** Dials it no more. What it dials to this member is not touched. */
  removePeer(member: number): void {
    this.#links.get(member)?.stop()
    this.#links.delete(member)
  }

  /** Of the connection that this member dials to `member`; null if that is no peer. */
  link(member: number): LinkStatistics | null {
    return this.#links.get(member)?.statistics() ?? null
  }

  /** Sends to `message.to`, or drops it: Raft sends again. All that is sent in one turn leaves together. */
  send(message: Message): void {
    const link = this.#links.get(message.to)
    if (link === undefined) this.#strayMessages++
    else link.send(message)
  }

  /** Never rejects. Waits while `member` is dialed for the first time, but not while it is known to be down. */
  call(member: number, request: CallRequest): Promise<CallOutcome> {
    const link = this.#links.get(member)
    if (link !== undefined) return link.call(request)
    return Promise.resolve({ kind: 'not-sent', reason: this.#isClosed ? 'stopped' : 'unknown-member' })
  }

  /** Rejects only with what `source.read` rejects with. */
  sendStream(member: number, source: StreamSource, signal?: AbortSignal): Promise<StreamOutcome> {
    const link = this.#links.get(member)
    if (link !== undefined) return link.sendStream(source, signal)
    return Promise.resolve({ kind: 'interrupted', reason: this.#isClosed ? 'stopped' : 'unknown-member' })
  }

  statistics(): TransportStatistics {
    return {
      links: [...this.#links.values()].map((link) => link.statistics()),
      inbound: this.#acceptor.statistics(),
      refused: this.#acceptor.refused,
      strayMessages: this.#strayMessages,
    }
  }

  /** Ends all connections at once. Calls and streams under way get the reason `stopped`. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const member of this.#links.keys()) this.removePeer(member)
    await this.#listener?.close()
    this.#acceptor.close()
  }
}
