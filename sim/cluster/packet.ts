/** What travels between members: the core's messages, and snapshots in chunks, which are the hosts' business. */

import { unreachable } from '../../src/base/assert.ts'
import type { Message, SnapshotRequest } from '../../src/raft/message.ts'
import type { MachineImage } from './machine.ts'

export interface SnapshotChunk {
  readonly kind: 'snapshot-chunk'
  /** The sender's number for this transfer. */
  readonly transfer: number
  readonly chunk: number
  readonly chunks: number
  /** What the receiver's core gets once all chunks are there. */
  readonly request: SnapshotRequest
  /** The whole state; a chunk stands for a part of it. */
  readonly image: MachineImage
}

export interface ChunkReceived {
  readonly kind: 'chunk-received'
  readonly transfer: number
  /** The first chunk that is missing: where to go on, also when an earlier transfer failed half-way. */
  readonly missing: number
}

export type Packet = { readonly kind: 'message'; readonly message: Message } | SnapshotChunk | ChunkReceived

/** One line for the trace. */
export function describeMessage(message: Message): string {
  return `${message.type} of term ${message.term}${details(message)}`
}

function details(message: Message): string {
  switch (message.type) {
    case 'pre-vote-request':
    case 'vote-request':
      return `, last entry ${message.lastIndex}.${message.lastTerm}`
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? ', granted' : ', refused'
    case 'append-request': {
      const { previousIndex, previousTerm, entries, commit } = message
      const last = entries.at(-1)
      const range = last === undefined ? 'no entries' : `entries ${previousIndex + 1}..${last.index}`
      return `, ${range} after ${previousIndex}.${previousTerm}, commit ${commit}`
    }
    case 'append-accepted':
      return `, up to ${message.index}`
    case 'append-rejected':
      return `, ${message.previousIndex} does not match, try ${message.hintIndex}.${message.hintTerm}`
    case 'heartbeat-request':
      return `, commit ${message.commit}, round ${message.round}${message.quiesce ? ', go to sleep' : ''}`
    case 'heartbeat-response':
      return `, round ${message.round}`
    case 'snapshot-request':
      return `, up to ${message.snapshot.index}.${message.snapshot.term}`
    case 'read-index-request':
      return `, read ${message.request}`
    case 'read-index-response':
      return `, read ${message.request} at ${message.index}`
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
      return ''
    default:
      return unreachable(message)
  }
}

/** The log position that a message is most about, for the trace; 0 if none. */
export function messageIndex(message: Message): number {
  switch (message.type) {
    case 'append-request':
      return message.entries.at(-1)?.index ?? message.previousIndex
    case 'append-accepted':
      return message.index
    case 'append-rejected':
      return message.previousIndex
    case 'pre-vote-request':
    case 'vote-request':
      return message.lastIndex
    case 'snapshot-request':
      return message.snapshot.index
    case 'read-index-response':
      return message.index
    case 'heartbeat-request':
    case 'heartbeat-response':
    case 'pre-vote-response':
    case 'vote-response':
    case 'read-index-request':
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
      return 0
    default:
      return unreachable(message)
  }
}
