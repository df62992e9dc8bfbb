/** What other members and newcomers say to this one, and who of its parts answers. */

import { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import { bestSuccessor } from './membership-plan.ts'
import { GROUP_KIND_FIRST, GROUP_KIND_LAST, MEMBER_KINDS, ROUTING_KIND_FIRST } from './call-kinds.ts'
import type { Doorkeeper } from './doorkeeper.ts'
import {
  decodeAnnouncement,
  decodeTransfer,
  decodeYesOrNo,
  encodeAnnouncement,
  encodeTransfer,
  encodeYesOrNo,
} from './member-calls.ts'
import type { Membership, MembershipOptions } from './membership.ts'
import { PeerNetwork } from './peer-network.ts'
import type { IncomingCall } from './transport/call-server.ts'
import type { TransportHandlers } from './transport/context.ts'

const ANNOUNCE_TIMEOUT_MS = 5_000
const HOLD_TIMEOUT_MS = 2_000

export class MemberService {
  /** Null for a member that is alone. */
  readonly peers: PeerNetwork | null
  readonly #options: MembershipOptions
  #membership: Membership | null = null
  #doorkeeper: Doorkeeper | null = null

  constructor(options: MembershipOptions) {
    const { cluster, identity, clock, random, log } = options
    this.#options = options
    if (cluster === null) {
      this.peers = null
      return
    }
    const { cluster: id, member, incarnation } = identity
    const { secret, network, limits } = cluster
    const own = { cluster: id, member, incarnation }
    this.peers = new PeerNetwork({
      own,
      secret,
      network,
      limits,
      clock,
      random,
      log,
      handlers: this.#handlers(),
    })
  }

  /** From now on, and before anybody is listened for. */
  serve(membership: Membership): void {
    this.#membership = membership
    const { cluster } = this.#options
    if (cluster !== null) this.#doorkeeper = membership.doorkeeper(cluster)
    this.peers?.onConnection(() => membership.touchAll())
  }

  #handlers(): TransportHandlers {
    return {
      messages: (from, messages) => this.#membership?.host.receive(from, messages),
      call: (call) => this.#call(call),
      visit: (call) => this.#doorkeeper?.answer(call) ?? Promise.reject(notReady()),
      stream: (stream) => this.#membership?.host.receiveStream(stream) ?? Promise.reject(notReady()),
      connected: (member) => {
        this.#membership?.host.peerConnected(member)
        void this.#announce(member)
      },
      unreachable: (member) => {
        this.#membership?.host.peerUnreachable(member)
        // Messages that find no room are lost, too, while the connection stands, and with it what its clients have open here.
        if (this.peers?.isConnected(member) !== true) this.#membership?.routing.memberLost(member)
      },
      // Some that ask here can't be dialed, or are dialed no more, as one that was removed: no other sign tells of their end.
      departed: (member) => this.#membership?.routing.memberLost(member),
    }
  }

  async #call(call: IncomingCall): Promise<Uint8Array> {
    const membership = this.#membership
    if (membership === null) throw notReady()
    const { kind, from, payload } = call
    if (kind === MEMBER_KINDS.announce) return this.#takeAnnouncement(membership, from, payload)
    if (kind === MEMBER_KINDS.transfer) return this.#takeTransfer(membership, payload)
    if (kind === MEMBER_KINDS.hold) return this.#takeHold(membership, payload)
    if (kind >= ROUTING_KIND_FIRST && kind < GROUP_KIND_FIRST) return membership.routing.handle(call)
    if (kind >= GROUP_KIND_FIRST && kind <= GROUP_KIND_LAST) return membership.host.receiveCall(call)
    throw new HarmonyError('REQUEST_INVALID', `There is no call of kind ${kind}.`)
  }

  /** Tells the other one where this member is, and hears whether it still belongs to the cluster. */
  async #announce(to: number): Promise<void> {
    const membership = this.#membership
    if (membership === null || this.peers === null) return
    const { clock } = this.#options
    const outcome = await this.peers.call(to, {
      kind: MEMBER_KINDS.announce,
      payload: encodeAnnouncement(membership.addresses),
      deadlineMs: clock.nowMs() + ANNOUNCE_TIMEOUT_MS,
    })
    if (outcome.kind === 'answered' && decodeYesOrNo(outcome.payload)) membership.leaveNow()
  }

  #takeAnnouncement(membership: Membership, from: number, payload: Uint8Array): Uint8Array {
    const { peer } = decodeAnnouncement(payload)
    const row = membership.content.members.find(({ member }) => member === from)
    if (peer !== null) this.peers?.setAddress(from, peer)
    // One whose vote is still needed stays, and hears of its removal from its groups.
    return encodeYesOrNo(row?.status === 'removed' && !membership.isInUse(from))
  }

  /** Only who leads can hand over. */
  async #takeTransfer(membership: Membership, payload: Uint8Array): Promise<Uint8Array> {
    const { group, to } = decodeTransfer(payload)
    return encodeYesOrNo(await handOver(membership, this.#options.clock, group, to))
  }

  #takeHold(membership: Membership, payload: Uint8Array): Uint8Array {
    membership.steward.hold(decodeTransfer(payload).group)
    return encodeYesOrNo(true)
  }
}

/**
 * By order of an operator: whether this member leads the group and has begun to hand it over. The other one is told first, or it would
 * hand the group back at once where another should lead.
 */
export async function handOver(
  membership: Membership,
  clock: Clock,
  group: number,
  to: number | null,
): Promise<boolean> {
  const open = membership.group(group)
  const placement = membership.placementOf(group)
  if (open?.isLeading !== true || placement === null) return false
  const isConnected = (member: number): boolean => membership.peers?.isConnected(member) ?? false
  const target = to ?? bestSuccessor({ view: open.status(), self: membership.self, placement, isConnected })
  if (target === null) return false
  const payload = encodeTransfer({ group, to: target })
  const deadlineMs = clock.nowMs() + HOLD_TIMEOUT_MS
  await membership.peers?.call(target, { kind: MEMBER_KINDS.hold, payload, deadlineMs })
  membership.steward.release(group)
  return open.transferLeadership(target).accepted
}

function notReady(): HarmonyError {
  return new HarmonyError('NOT_LEADER', 'This member is starting. Nothing was done; try again.')
}
