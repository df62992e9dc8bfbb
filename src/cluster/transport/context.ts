/** What all parts of one member's transport share, and what they tell its owner. */

import type { Clock } from '../../host/clock.ts'
import type { Network } from '../../host/network.ts'
import type { Random } from '../../host/random.ts'
import type { Message } from '../../raft/message.ts'
import type { CallHandler } from './call-server.ts'
import type { Identity } from './handshake.ts'
import type { TransportLimits } from './limits.ts'
import type { StreamHandler } from './stream-receiver.ts'

export interface TransportHandlers {
  /** Raft messages that arrived together, in order. `from` is proven; what they say is not (`raft/validate.ts`). */
  readonly messages: (from: number, messages: readonly Message[]) => void
  readonly call: CallHandler
  /** A call from someone who has the cluster secret and is no member; `from` is 0. Default: refused. */
  readonly visit?: CallHandler
  readonly stream: StreamHandler
  /** What is sent to `member` gets there from now on. Its incarnation is another one if it started anew. */
  readonly connected: (member: number, incarnation: number) => void
  /** Messages to `member` are being lost: once, until things were well again. Groups that sleep should wake. */
  readonly unreachable: (member: number) => void
  /** The connection that `member` dialed has ended, or another one took its place: nobody waits there for what came over it. */
  readonly departed: (member: number) => void
}

/** Events are short fixed texts; what differs is in fields. */
export type TransportLog = (
  level: 'info' | 'warn',
  event: string,
  fields: Readonly<Record<string, string | number>>,
) => void

export interface TransportContext {
  readonly own: Identity
  /** Random bytes that all members of the cluster have, at least `SECRET_BYTES_MIN`. */
  readonly secret: Uint8Array
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly limits: TransportLimits
  readonly handlers: TransportHandlers
  readonly log: TransportLog
}
