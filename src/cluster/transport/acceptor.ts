/** The connections that were dialed to this member: at most one for each of its peers, and some of visitors. */

import { DecodeError } from '../../base/bytes.ts'
import { assert } from '../../base/assert.ts'
import type { Timer } from '../../host/clock.ts'
import type { Connection } from '../../host/network.ts'
import { CallServer } from './call-server.ts'
import { Channel } from './channel.ts'
import type { TransportContext } from './context.ts'
import type { Frame, FrameKind } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import {
  AcceptorHandshake,
  encodeRefusal,
  HANDSHAKE_FRAME_BYTES_MAX,
  HandshakeRefused,
  NONCE_BYTES,
} from './handshake.ts'
import type { Identity } from './handshake.ts'
import { decodeMessages } from './message-codec.ts'
import { StreamReceiver } from './stream-receiver.ts'
import { InboundVisitor } from './inbound-visitor.ts'

export interface InboundStatistics {
  readonly member: number
  readonly incarnation: number
  readonly remote: string
  readonly receivedMessages: number
  readonly receivedMessageFrames: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly receivedCalls: number
  readonly activeCalls: number
  readonly activeStreams: number
}

/** Someone who has not said who it is. */
interface Stranger {
  readonly channel: Channel
  readonly handshake: AcceptorHandshake
  readonly timer: Timer
}

const CONTROL_BYTES_MAX = 64 * 1024

export class Acceptor {
  readonly #context: TransportContext
  readonly #strangers = new Set<Stranger>()
  readonly #peers = new Map<number, InboundPeer>()
  readonly #visitors = new Set<InboundVisitor>()
  readonly #arrived: (member: number) => void
  /** The newest incarnation seen of each member. */
  readonly #incarnations = new Map<number, number>()
  refused = 0

  /** `arrived` is called after a member's connection was accepted. */
  constructor(context: TransportContext, arrived: (member: number) => void = () => {}) {
    this.#context = context
    this.#arrived = arrived
  }

  accept(connection: Connection): void {
    const { own, secret, random, clock, limits } = this.#context
    const options = {
      clock,
      payloadBytesMax: HANDSHAKE_FRAME_BYTES_MAX,
      writeSizeBytes: limits.batchSizeBytes,
    }
    let owner: Stranger | Guest | null = null
    const channel: Channel = new Channel(connection, options, {
      frame: (frame) => {
        if (isGuest(owner)) owner.take(frame)
        else if (owner !== null) owner = this.#takeGreeting(owner, frame)
      },
      closed: (problem) => {
        if (owner instanceof InboundPeer) this.#lost(owner, problem)
        else if (owner instanceof InboundVisitor) this.#endVisit(owner, problem)
        else if (owner !== null) this.#leave(owner)
      },
    })
    const timer = clock.after(limits.handshakeTimeoutMs, () => {
      if (owner !== null && !isGuest(owner)) this.#refuse(owner, tooSlow())
    })
    owner = { channel, timer, handshake: new AcceptorHandshake(own, secret, random.bytes(NONCE_BYTES)) }
    const isFull = this.#strangers.size >= limits.pendingHandshakesMax
    this.#strangers.add(owner)
    if (isFull) this.#refuse(owner, tooMany())
  }

  close(): void {
    for (const stranger of this.#strangers) {
      this.#leave(stranger)
      stranger.channel.close('stopped')
    }
    for (const peer of this.#peers.values()) this.#end(peer, 'stopped')
    for (const visitor of this.#visitors) this.#endVisit(visitor, 'stopped')
  }

  statistics(): InboundStatistics[] {
    return [...this.#peers.values()].map((peer) => peer.statistics())
  }

  #takeGreeting(stranger: Stranger, frame: Frame): Stranger | Guest {
    try {
      const { send, peer } = stranger.handshake.take(frame)
      if (peer === null) {
        stranger.channel.send(send)
        return stranger
      }
      if (peer.member === 0) {
        if (this.#visitors.size >= this.#context.limits.visitorsMax) throw tooMany()
        stranger.channel.send(send)
        return this.#receive(stranger)
      }
      this.#checkIncarnation(peer)
      stranger.channel.send(send)
      return this.#admit(stranger, peer)
    } catch (error) {
      if (!(error instanceof HandshakeRefused)) throw error
      this.#refuse(stranger, error)
      return stranger
    }
  }

  #checkIncarnation({ member, incarnation }: Identity): void {
    const newest = this.#incarnations.get(member) ?? 0
    if (incarnation >= newest) return
    throw new HandshakeRefused(
      'stale-incarnation',
      `Member ${member} has started again since (${incarnation} is before ${newest}): stop the process that ` +
        'uses a copy of its data folder.',
    )
  }

  /** The one before goes first, so that nothing of it is delivered any more. */
  #admit(stranger: Stranger, identity: Identity): InboundPeer {
    const { channel } = stranger
    this.#leave(stranger)
    const before = this.#peers.get(identity.member)
    if (before !== undefined) this.#end(before, 'a newer connection of the same member replaced it')
    this.#incarnations.set(identity.member, identity.incarnation)
    const peer = new InboundPeer(this.#context, channel, identity)
    this.#peers.set(identity.member, peer)
    const { member } = identity
    this.#context.log('info', 'A member connected', { member, remote: channel.remote })
    this.#arrived(member)
    return peer
  }

  #receive(stranger: Stranger): InboundVisitor {
    this.#leave(stranger)
    const visitor = new InboundVisitor(this.#context, stranger.channel)
    this.#visitors.add(visitor)
    return visitor
  }

  #endVisit(visitor: InboundVisitor, problem: string): void {
    this.#visitors.delete(visitor)
    visitor.close(problem)
  }

  #refuse(stranger: Stranger, error: HandshakeRefused): void {
    this.#leave(stranger)
    this.refused++
    const { reason, message: text } = error
    const { remote } = stranger.channel
    this.#context.log('warn', 'Refused a connection', { remote, reason, text })
    if (error.byPeer) stranger.channel.close(reason)
    else stranger.channel.closeAfter(encodeRefusal(error), reason)
  }

  #leave(stranger: Stranger): void {
    stranger.timer.cancel()
    this.#strangers.delete(stranger)
  }

  #lost(peer: InboundPeer, problem: string): void {
    if (this.#peers.get(peer.member) !== peer) return
    this.#context.log('info', 'A member disconnected', { member: peer.member, problem })
    this.#end(peer, problem)
  }

  #end(peer: InboundPeer, problem: string): void {
    assert(this.#peers.get(peer.member) === peer, 'not the connection of its member')
    this.#peers.delete(peer.member)
    peer.close(problem)
    this.#context.handlers.departed(peer.member)
  }
}

type Guest = InboundPeer | InboundVisitor

function isGuest(owner: Stranger | Guest | null): owner is Guest {
  return owner instanceof InboundPeer || owner instanceof InboundVisitor
}

function tooSlow(): HandshakeRefused {
  return new HandshakeRefused('too-slow', 'The handshake took longer than allowed.')
}

function tooMany(): HandshakeRefused {
  return new HandshakeRefused('overloaded', 'Too many connections have not said who they are.')
}

/** One of them, after the handshake. */
class InboundPeer {
  readonly member: number
  readonly #context: TransportContext
  readonly #channel: Channel
  readonly #identity: Identity
  readonly #control = new FrameQueue(CONTROL_BYTES_MAX)
  readonly #calls: CallServer
  readonly #streams: StreamReceiver
  #receivedMessages = 0
  #receivedFrames = 0
  readonly #takers: Readonly<Partial<Record<FrameKind, (frame: Frame) => void>>> = {
    ping: () => this.#pong(),
    messages: (frame) => this.#takeMessages(frame.payload),
    request: (frame) => this.#calls.takeRequest(frame),
    cancel: (frame) => this.#calls.takeCancel(frame),
    open: (frame) => this.#streams.takeOpen(frame),
    chunk: (frame) => this.#streams.takeChunk(frame),
    abort: (frame) => this.#streams.takeAbort(frame),
  }

  constructor(context: TransportContext, channel: Channel, identity: Identity) {
    this.member = identity.member
    this.#context = context
    this.#channel = channel
    this.#identity = identity
    const { limits, clock, handlers } = context
    const shared = {
      from: identity.member,
      limits,
      wake: () => channel.wake(),
      overflow: () => this.#overflow(),
    }
    this.#calls = new CallServer({ ...shared, clock, handler: handlers.call })
    this.#streams = new StreamReceiver({ ...shared, handler: handlers.stream })
    channel.allow(limits.frameSizeBytesMax)
    channel.closeWhenSilent(limits.silenceTimeoutMs)
    channel.setSources([this.#control, this.#streams.queue, this.#calls.queue])
  }

  take(frame: Frame): void {
    const take = this.#takers[frame.kind]
    if (take === undefined)
      throw new DecodeError(`frame ${frame.kind} is not for the side that was dialed`, 0)
    take(frame)
  }

  close(problem: string): void {
    this.#channel.close(problem)
    this.#calls.close()
    this.#streams.close()
  }

  statistics(): InboundStatistics {
    return {
      member: this.member,
      incarnation: this.#identity.incarnation,
      remote: this.#channel.remote,
      receivedMessages: this.#receivedMessages,
      receivedMessageFrames: this.#receivedFrames,
      receivedBytes: this.#channel.receivedBytes,
      sentBytes: this.#channel.sentBytes,
      receivedCalls: this.#calls.takenCount,
      activeCalls: this.#calls.active,
      activeStreams: this.#streams.active,
    }
  }

  #takeMessages(payload: Uint8Array): void {
    const messages = decodeMessages(payload, { from: this.member, to: this.#context.own.member })
    this.#receivedFrames++
    this.#receivedMessages += messages.length
    this.#context.handlers.messages(this.member, messages)
  }

  #pong(): void {
    if (this.#control.push(encodeFrame('pong')) === null) this.#overflow()
    this.#channel.wake()
  }

  #overflow(): void {
    this.#channel.close('the peer does not take its answers')
  }
}
