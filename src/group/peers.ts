/**
 * What groups need from the way between members. `cluster` implements it with its transport, tests with a carrier in memory. The types repeat
 * those of the transport by structure, because imports point downwards.
 */

import type { Message } from '../raft/message.ts'

/** Bytes for another member, such as a copy of a database. */
export interface PeerStreamSource {
  /** Tells the receiver what it is, and by that how much of it is there already. */
  readonly description: Uint8Array
  readonly sizeBytes: number
  /** 1 to `sizeBytes` bytes from `offset`. Not called again before it resolves. */
  read(offset: number, sizeBytes: number): Promise<Uint8Array>
}

export type PeerStreamOutcome =
  /** The receiver has all of it and said so. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Send it again: the receiver says from where. */
  | { readonly kind: 'interrupted'; readonly reason: string }

/** Takes the bytes of a stream. Calls come one at a time. What rejects ends the stream; the sender gets the code. */
export interface PeerStreamSink {
  /** How much of it is here already: the stream begins there. */
  readonly offset: number
  write(bytes: Uint8Array): Promise<void>
  /** Everything was written. The sender hears that it is done when this resolves. */
  finish(): Promise<void>
  /** No more comes, and it is not complete. Called at most once, as the last. */
  interrupted(): void
}

export interface IncomingPeerStream {
  readonly from: number
  readonly description: Uint8Array
  readonly sizeBytes: number
}

export interface IncomingPeerCall {
  readonly from: number
  readonly kind: number
  readonly payload: Uint8Array
}

export interface PeerCallRequest {
  /** What is asked; for groups from 64 to 95. */
  readonly kind: number
  readonly payload: Uint8Array
  /** On the clock's `nowMs`. */
  readonly deadlineMs: number
}

export type PeerCallOutcome =
  | { readonly kind: 'answered'; readonly payload: Uint8Array }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'not-sent'; readonly reason: string }
  | { readonly kind: 'unanswered'; readonly reason: string }

export interface GroupPeers {
  /** To `message.to`, or it is lost: Raft sends again. What is sent in one turn of the event loop leaves together. */
  send(message: Message): void
  sendStream(member: number, source: PeerStreamSource, signal?: AbortSignal): Promise<PeerStreamOutcome>
  call(member: number, request: PeerCallRequest): Promise<PeerCallOutcome>
}

/** Of a member that is alone. */
export const NO_PEERS: GroupPeers = {
  send: () => {},
  sendStream: async () => ({ kind: 'interrupted', reason: 'unknown-member' }),
  call: async () => ({ kind: 'not-sent', reason: 'unknown-member' }),
}
