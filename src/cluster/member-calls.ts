/**
 * What members tell each other about themselves, over a connection on which both are proven. A version byte first; strings with their
 * length before them, an empty one for "none".
 *
 * ```
 * announce: version u8 | peer address | http address | postgres address     answer: version u8 | removed u8
 * transfer: version u8 | varint group | varint member (0: the best)         answer: version u8 | done u8
 * ```
 */

import type { ByteReader } from '../base/bytes.ts'
import { ByteWriter } from '../base/bytes.ts'
import { decodeRequest } from '../base/versioned.ts'
import type { MemberAddresses } from './cluster-state.ts'

const VERSION = 1

export interface TransferOrder {
  readonly group: number
  /** Null: the best of the others. */
  readonly to: number | null
}

export function encodeAnnouncement({ peer, http, postgres }: MemberAddresses): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).string(peer ?? '')
  return writer
    .string(http ?? '')
    .string(postgres ?? '')
    .toBytes()
}

/** Throws REQUEST_INVALID, as all of these. */
export function decodeAnnouncement(bytes: Uint8Array): MemberAddresses {
  return decode(bytes, (reader) => ({
    peer: reader.string() || null,
    http: reader.string() || null,
    postgres: reader.string() || null,
  }))
}

export function encodeTransfer({ group, to }: TransferOrder): Uint8Array {
  return new ByteWriter()
    .u8(VERSION)
    .varint(group)
    .varint(to ?? 0)
    .toBytes()
}

export function decodeTransfer(bytes: Uint8Array): TransferOrder {
  return decode(bytes, (reader) => ({ group: reader.varint(), to: reader.varint() || null }))
}

/** `removed` for an announcement, `done` for a transfer. */
export function encodeYesOrNo(isYes: boolean): Uint8Array {
  return new ByteWriter().u8(VERSION).boolean(isYes).toBytes()
}

export function decodeYesOrNo(bytes: Uint8Array): boolean {
  return decode(bytes, (reader) => reader.boolean())
}

function decode<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  return decodeRequest("A member's call", bytes, VERSION, read)
}
