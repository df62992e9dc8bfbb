/**
 * The connection that this member dials to one peer, over and over. DESIGN.md has the diagram of its states; the
 * function of each arrow is a method here.
 */

import { DecodeError } from '../../base/bytes.ts'
import { assert } from '../../base/assert.ts'
import type { Timer } from '../../host/clock.ts'
import type { Connection, NetworkAddress } from '../../host/network.ts'
import { formatAddress, NetworkError } from '../../host/network.ts'
import type { Message } from '../../raft/message.ts'
import { OutgoingCalls } from './calls.ts'
import type { CallOutcome, CallRequest } from './calls.ts'
import { Channel } from './channel.ts'
import type { TransportContext } from './context.ts'
import type { Frame } from './frame.ts'
import { encodeFrame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import {
  DialerHandshake,
  encodeRefusal,
  HANDSHAKE_FRAME_BYTES_MAX,
  HandshakeRefused,
  NONCE_BYTES,
} from './handshake.ts'
import type { Identity } from './handshake.ts'
import { MessageQueue } from './message-queue.ts'
import { StreamSender } from './stream-sender.ts'
import type { StreamOutcome, StreamSource } from './stream-sender.ts'

type LinkState =
  | { readonly kind: 'created' }
  | { readonly kind: 'connecting'; readonly attempt: AbortController; readonly timer: Timer }
  | { readonly kind: 'greeting'; readonly channel: Channel; readonly timer: Timer }
  | { readonly kind: 'connected'; readonly channel: Channel; readonly peer: Identity; pingTimer: Timer }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'stopped' }

export interface LinkStatistics {
  readonly member: number
  readonly address: string
  readonly state: LinkState['kind']
  /** Of the peer, while connected. */
  readonly incarnation: number | null
  /** Attempts in a row that came to nothing. */
  readonly failures: number
  /** Why the last one did, or the last connection ended. */
  readonly problem: string | null
  readonly queuedMessages: number
  readonly queuedBytes: number
  readonly sentMessages: number
  readonly sentMessageFrames: number
  readonly droppedMessages: number
  readonly activeCalls: number
  readonly activeStreams: number
  readonly streamedBytes: number
  /** Of the present connection. */
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly writes: number
}

const CONTROL_BYTES_MAX = 4096

export class PeerLink {
  readonly #context: TransportContext
  readonly #member: number
  readonly #address: NetworkAddress
  readonly #control = new FrameQueue(CONTROL_BYTES_MAX)
  readonly #messages: MessageQueue
  readonly #calls: OutgoingCalls
  readonly #streams: StreamSender
  #state: LinkState = { kind: 'created' }
  #failures = 0
  #problem: string | null = null
  #isReported = false
  #dropped = 0

  constructor(context: TransportContext, member: number, address: NetworkAddress) {
    this.#context = context
    this.#member = member
    this.#address = address
    this.#messages = new MessageQueue({ from: context.own.member, to: member }, context.limits)
    const wake = (): void => this.#wake()
    this.#calls = new OutgoingCalls(context.clock, context.limits, wake)
    this.#streams = new StreamSender(context.clock, context.limits, wake)
  }

  get address(): NetworkAddress {
    return this.#address
  }

  start(): void {
    assert(this.#state.kind === 'created', 'a link is started once')
    this.#connect()
  }

  stop(): void {
    const state = this.#state
    if (state.kind === 'stopped') return
    this.#leave(state)
    this.#state = { kind: 'stopped' }
    this.#dropped += this.#messages.clear()
    this.#calls.endAll('stopped', 'stopped')
    this.#streams.interruptAll('stopped')
    if (state.kind === 'greeting' || state.kind === 'connected') state.channel.close('stopped')
  }

  /** The peer has just dialed this member, so it is there: no need to wait for the next attempt. */
  retryNow(): void {
    if (this.#state.kind !== 'waiting') return
    this.#leave(this.#state)
    this.#connect()
  }

  send(message: Message): void {
    const wasEmpty = this.#messages.length === 0
    if (!this.#isUsable() || !this.#messages.push(message)) {
      this.#dropped++
      this.#report()
      return
    }
    if (wasEmpty && this.#state.kind === 'connected') this.#isReported = false
    this.#wake()
  }

  call(request: CallRequest): Promise<CallOutcome> {
    if (this.#isUsable()) return this.#calls.call(request)
    const reason = this.#state.kind === 'stopped' ? 'stopped' : 'unreachable'
    return Promise.resolve({ kind: 'not-sent', reason })
  }

  sendStream(source: StreamSource, signal?: AbortSignal): Promise<StreamOutcome> {
    if (this.#isUsable()) return this.#streams.send(source, signal)
    const reason = this.#state.kind === 'stopped' ? 'stopped' : 'unreachable'
    return Promise.resolve({ kind: 'interrupted', reason })
  }

  statistics(): LinkStatistics {
    const state = this.#state
    const channel = state.kind === 'connected' ? state.channel : null
    return {
      member: this.#member,
      address: formatAddress(this.#address),
      state: state.kind,
      incarnation: state.kind === 'connected' ? state.peer.incarnation : null,
      failures: this.#failures,
      problem: this.#problem,
      queuedMessages: this.#messages.length,
      queuedBytes: this.#messages.sizeBytes + this.#calls.queue.sizeBytes,
      sentMessages: this.#messages.sentMessages,
      sentMessageFrames: this.#messages.sentFrames,
      droppedMessages: this.#dropped,
      activeCalls: this.#calls.active,
      activeStreams: this.#streams.active,
      streamedBytes: this.#streams.sentBytes,
      sentBytes: channel?.sentBytes ?? 0,
      receivedBytes: channel?.receivedBytes ?? 0,
      writes: channel?.writes ?? 0,
    }
  }

  /** Whether what is sent now has a chance to get there. */
  #isUsable(): boolean {
    const { kind } = this.#state
    return kind === 'connecting' || kind === 'greeting' || kind === 'connected'
  }

  #wake(): void {
    if (this.#state.kind === 'connected') this.#state.channel.wake()
  }

  #report(): void {
    if (this.#isReported) return
    this.#isReported = true
    this.#context.handlers.unreachable(this.#member)
  }

  /** → connecting */
  #connect(): void {
    const { network, clock, limits } = this.#context
    const attempt = new AbortController()
    const timer = clock.after(limits.handshakeTimeoutMs, () => this.#timeOut())
    const state = { kind: 'connecting', attempt, timer } as const
    this.#state = state
    void this.#dial(network.connect(this.#address, attempt.signal), state)
  }

  async #dial(dialing: Promise<Connection>, state: LinkState & { kind: 'connecting' }): Promise<void> {
    try {
      const connection = await dialing
      if (this.#state === state) this.#greet(connection, state.timer)
      else discard(connection)
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error
      if (this.#state === state) this.#fail(error.message)
    }
  }

  /** connecting → greeting */
  #greet(connection: Connection, timer: Timer): void {
    const { own, secret, random, clock, limits } = this.#context
    const handshake = new DialerHandshake(own, this.#member, secret, random.bytes(NONCE_BYTES))
    const options = {
      clock,
      payloadBytesMax: HANDSHAKE_FRAME_BYTES_MAX,
      writeSizeBytes: limits.batchSizeBytes,
    }
    const channel: Channel = new Channel(connection, options, {
      frame: (frame) => this.#takeFrame(channel, handshake, frame),
      closed: (problem) => {
        if (this.#channel() === channel) this.#fail(problem)
      },
    })
    this.#state = { kind: 'greeting', channel, timer }
    channel.send(handshake.begin())
  }

  /** greeting → connected */
  #welcome(channel: Channel, peer: Identity): void {
    const { limits, handlers, log } = this.#context
    this.#leave(this.#state)
    this.#state = { kind: 'connected', channel, peer, pingTimer: this.#pingTimer(channel) }
    this.#isReported = false
    this.#problem = null
    channel.allow(limits.callSizeBytesMax)
    channel.closeWhenSilent(limits.silenceTimeoutMs)
    channel.setSources([this.#control, this.#messages, this.#calls.queue, this.#streams])
    this.#ping(channel)
    log('info', 'Connected to a member', { member: this.#member, remote: channel.remote })
    handlers.connected(this.#member, peer.incarnation)
  }

  /** connecting, greeting, connected → waiting */
  #fail(problem: string): void {
    const { clock, random, limits } = this.#context
    this.#leave(this.#state)
    const doubled = limits.reconnectMinMs * 2 ** Math.min(this.#failures, 30)
    const waitMs = Math.min(doubled, limits.reconnectMaxMs) * (0.5 + random.float() / 2)
    this.#failures++
    this.#state = { kind: 'waiting', timer: clock.after(waitMs, () => this.#retry()) }
    this.#noteProblem(problem)
    this.#dropped += this.#messages.clear()
    while (this.#control.nextFrame() !== null);
    this.#calls.endAll('unreachable', 'connection-lost')
    this.#streams.interruptAll('connection-lost')
    this.#report()
  }

  /** waiting → connecting */
  #retry(): void {
    assert(this.#state.kind === 'waiting', 'nothing to retry')
    this.#connect()
  }

  #timeOut(): void {
    const { state } = this.statistics()
    const problem = `no answer within ${this.#context.limits.handshakeTimeoutMs} ms while ${state}`
    const channel = this.#channel()
    this.#fail(problem)
    channel?.close(problem)
  }

  /** Ends what belongs to a state alone. */
  #leave(state: LinkState): void {
    if (state.kind === 'connecting') state.attempt.abort(new Error('given up'))
    if (state.kind === 'connecting' || state.kind === 'greeting' || state.kind === 'waiting') {
      state.timer.cancel()
    }
    if (state.kind === 'connected') state.pingTimer.cancel()
  }

  #channel(): Channel | null {
    const state = this.#state
    return state.kind === 'greeting' || state.kind === 'connected' ? state.channel : null
  }

  /** Once for each new problem: a peer that is down for an hour is one line, not thousands. */
  #noteProblem(problem: string): void {
    if (problem === this.#problem) return
    this.#problem = problem
    const address = formatAddress(this.#address)
    this.#context.log('warn', 'No connection to a member', { member: this.#member, address, problem })
  }

  #takeFrame(channel: Channel, handshake: DialerHandshake, frame: Frame): void {
    if (this.#channel() !== channel) return
    if (this.#state.kind === 'connected') {
      this.#failures = 0
      this.#takeAnswer(frame)
    } else this.#takeGreeting(channel, handshake, frame)
  }

  #takeGreeting(channel: Channel, handshake: DialerHandshake, frame: Frame): void {
    try {
      const { send, peer } = handshake.take(frame)
      channel.send(send)
      if (peer !== null) this.#welcome(channel, peer)
    } catch (error) {
      if (!(error instanceof HandshakeRefused)) throw error
      const by = error.byPeer ? 'the peer refused' : 'refused here'
      this.#fail(`${by}: ${error.reason}: ${error.message}`)
      if (error.byPeer) channel.close(error.reason)
      else channel.closeAfter(encodeRefusal(error), error.reason)
    }
  }

  #takeAnswer(frame: Frame): void {
    const { kind } = frame
    if (kind === 'pong') return
    if (kind === 'answer' || kind === 'failure') this.#calls.take(frame)
    else if (kind === 'accept' || kind === 'credit' || kind === 'done' || kind === 'refuse-stream') {
      this.#streams.take(frame)
    } else throw new DecodeError(`frame ${kind} is not for the side that dialed`, 0)
  }

  #pingTimer(channel: Channel): Timer {
    const { clock, limits } = this.#context
    return clock.after(limits.pingIntervalMs, () => {
      const state = this.#state
      if (state.kind !== 'connected' || state.channel !== channel) return
      this.#ping(channel)
      state.pingTimer = this.#pingTimer(channel)
    })
  }

  /** One at a time waits: if it can't leave, another one does not help. */
  #ping(channel: Channel): void {
    if (this.#control.length === 0) this.#control.push(encodeFrame('ping'))
    channel.wake()
  }
}

function discard(connection: Connection): void {
  connection.start({ data: () => {}, drained: () => {}, closed: () => {} })
  connection.destroy()
}
