/** One call to an address by someone who is no member yet: connect, prove the cluster secret, ask, leave. */

import { assert } from '../../base/assert.ts'
import type { Timer } from '../../host/clock.ts'
import type { Connection, NetworkAddress } from '../../host/network.ts'
import { formatAddress } from '../../host/network.ts'
import type { CallOutcome } from './calls.ts'
import { OutgoingCalls } from './calls.ts'
import { Channel } from './channel.ts'
import type { TransportContext } from './context.ts'
import type { Frame } from './frame.ts'
import {
  DialerHandshake,
  encodeRefusal,
  HANDSHAKE_FRAME_BYTES_MAX,
  HandshakeRefused,
  NONCE_BYTES,
  VISITOR,
} from './handshake.ts'
import { VISIT_SIZE_BYTES_MAX } from './inbound-visitor.ts'

export type VisitContext = Pick<TransportContext, 'secret' | 'network' | 'clock' | 'random' | 'limits'>

export interface VisitRequest {
  readonly kind: number
  readonly payload: Uint8Array
  readonly timeoutMs: number
}

export type VisitOutcome =
  | CallOutcome
  /** Nobody answers there. */
  | { readonly kind: 'unreachable'; readonly problem: string }
  /** One of the two does not want to talk to the other: another secret, another version, or no member of ours at all. */
  | { readonly kind: 'refused'; readonly reason: string; readonly problem: string }

/** Never rejects. */
export async function visit(
  context: VisitContext,
  address: NetworkAddress,
  request: VisitRequest,
): Promise<VisitOutcome> {
  const attempt = new AbortController()
  const timer = context.clock.after(request.timeoutMs, () => attempt.abort(new Error('no answer in time')))
  try {
    const connection = await context.network.connect(address, attempt.signal)
    return await new Visit(context, connection, request).outcome
  } catch (error) {
    return { kind: 'unreachable', problem: `${formatAddress(address)}: ${(error as Error).message}` }
  } finally {
    timer.cancel()
  }
}

class Visit {
  readonly outcome: Promise<VisitOutcome>
  readonly #context: VisitContext
  readonly #request: VisitRequest
  readonly #channel: Channel
  readonly #handshake: DialerHandshake
  readonly #calls: OutgoingCalls
  readonly #resolve: (outcome: VisitOutcome) => void
  readonly #timer: Timer
  #isWelcome = false
  #isOver = false

  constructor(context: VisitContext, connection: Connection, request: VisitRequest) {
    const { clock, limits, random, secret } = context
    const { promise, resolve } = Promise.withResolvers<VisitOutcome>()
    this.outcome = promise
    this.#resolve = resolve
    this.#context = context
    this.#request = request
    this.#handshake = new DialerHandshake(VISITOR, 0, secret, random.bytes(NONCE_BYTES))
    this.#channel = new Channel(
      connection,
      { clock, payloadBytesMax: HANDSHAKE_FRAME_BYTES_MAX, writeSizeBytes: limits.batchSizeBytes },
      {
        frame: (frame) => this.#take(frame),
        closed: (problem) => this.#end({ kind: 'unreachable', problem }),
      },
    )
    this.#calls = new OutgoingCalls(clock, limits, () => this.#channel.wake())
    this.#timer = clock.after(request.timeoutMs, () =>
      this.#end({ kind: 'unreachable', problem: `no answer within ${request.timeoutMs} ms` }),
    )
    this.#channel.send(this.#handshake.begin())
  }

  /** Throws a `DecodeError`: the channel closes. */
  #take(frame: Frame): void {
    if (this.#isWelcome) return this.#calls.take(frame)
    try {
      const { send, peer } = this.#handshake.take(frame)
      this.#channel.send(send)
      if (peer !== null) this.#ask()
    } catch (error) {
      if (!(error instanceof HandshakeRefused)) throw error
      if (!error.byPeer) this.#channel.closeAfter(encodeRefusal(error), error.reason)
      this.#end({ kind: 'refused', reason: error.reason, problem: error.message })
    }
  }

  #ask(): void {
    assert(!this.#isWelcome, 'one call for each visit')
    this.#isWelcome = true
    const { clock } = this.#context
    const { kind, payload, timeoutMs } = this.#request
    this.#channel.allow(VISIT_SIZE_BYTES_MAX)
    this.#channel.setSources([this.#calls.queue])
    const call = this.#calls.call({ kind, payload, deadlineMs: clock.nowMs() + timeoutMs })
    void call.then((outcome) => this.#end(outcome))
  }

  #end(outcome: VisitOutcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    this.#calls.endAll('unreachable', 'connection-lost')
    this.#channel.close('the visit is over')
    this.#resolve(outcome)
  }
}
