/** The connection of someone who has the cluster secret and is no member yet: it may call, and nothing else. */

import { HarmonyError } from '../../base/errors.ts'
import { DecodeError } from '../../base/bytes.ts'
import type { CallHandler } from './call-server.ts'
import { CallServer } from './call-server.ts'
import type { Channel } from './channel.ts'
import type { TransportContext } from './context.ts'
import type { Frame } from './frame.ts'

/** Of what a visitor asks and is told: names and addresses. */
export const VISIT_SIZE_BYTES_MAX: number = 64 * 1024
const VISIT_CALLS_MAX = 4

export class InboundVisitor {
  readonly #channel: Channel
  readonly #calls: CallServer

  constructor({ limits, clock, handlers }: TransportContext, channel: Channel) {
    this.#channel = channel
    this.#calls = new CallServer({
      from: 0,
      clock,
      handler: handlers.visit ?? refuseAll,
      limits: { ...limits, callsMax: VISIT_CALLS_MAX, callSizeBytesMax: VISIT_SIZE_BYTES_MAX },
      wake: () => channel.wake(),
      overflow: () => channel.close('the visitor does not take its answers'),
    })
    channel.allow(VISIT_SIZE_BYTES_MAX)
    // A call may take as long as its caller waits; a visitor that neither asks nor listens leaves.
    channel.closeWhenSilent(limits.visitTimeoutMs)
    channel.setSources([this.#calls.queue])
  }

  /** Throws a `DecodeError` for what a visitor may not say. */
  take(frame: Frame): void {
    if (frame.kind === 'request') this.#calls.takeRequest(frame)
    else if (frame.kind === 'cancel') this.#calls.takeCancel(frame)
    else throw new DecodeError(`frame ${frame.kind} is not for visitors`, 0)
  }

  close(problem: string): void {
    this.#channel.close(problem)
    this.#calls.close()
  }
}

const refuseAll: CallHandler = () =>
  Promise.reject(new HarmonyError('REQUEST_INVALID', 'This member answers no one but members.'))
