/**
 * What a copy of a database is, as the sender tells the receiver before its bytes, and as the receiver writes it down.
 *
 * ```
 * copy:      id raw 16 | index varint | term varint | configuration bytes | digest raw 32 | sizeBytes varint
 * transfer:  version u8 = 1 | group varint | purpose u8 | copy
 *   purpose 1, to follow:  + from varint | fromGeneration varint | to varint | toGeneration varint | term varint
 *   purpose 2, to heal:    nothing more
 * pull:      version u8 = 1 | group varint | position varint        answer: version u8 = 1
 * ```
 *
 * `bytes` has its length as a varint before it. The configuration is that of raft/configuration-codec.ts.
 */

import type { ByteReader } from '../../base/bytes.ts'
import { ByteWriter, DecodeError, bytesEqual } from '../../base/bytes.ts'
import { decodeRequest } from '../../base/versioned.ts'
import { decodeConfiguration, encodeConfiguration } from '../../raft/configuration-codec.ts'
import type { SnapshotMetadata } from '../../raft/entry.ts'
import type { SnapshotRequest } from '../../raft/message.ts'

export const COPY_ID_BYTES = 16
const DIGEST_BYTES = 32
const VERSION = 1

const PURPOSES = { follow: 1, heal: 2 } as const

export interface CopyDescription {
  /** Random. The same id means the same bytes: a receiver goes on where it was interrupted. */
  readonly id: Uint8Array
  /** What the file covers, for Raft. */
  readonly metadata: SnapshotMetadata
  /** Of the applied state that the file has. */
  readonly digest: Uint8Array
  readonly sizeBytes: number
}

/** A copy on its way. */
export type Transfer =
  /** A replica needs it to go on, because the leader's log begins later (Raft's InstallSnapshot). */
  | { readonly purpose: 'follow'; readonly copy: CopyDescription; readonly request: SnapshotRequest }
  /** A replica asked for it, because its own file is damaged. */
  | { readonly purpose: 'heal'; readonly copy: CopyDescription; readonly group: number }

/** A replica whose file is damaged asks for a copy. */
export interface Pull {
  readonly group: number
  /** The copy must have everything up to here. */
  readonly position: number
}

export function writeCopy(writer: ByteWriter, { id, metadata, digest, sizeBytes }: CopyDescription): void {
  writer.raw(id).varint(metadata.index).varint(metadata.term)
  writer.bytes(encodeConfiguration(metadata.configuration)).raw(digest).varint(sizeBytes)
}

/** Throws DecodeError. */
export function readCopy(reader: ByteReader): CopyDescription {
  const id = reader.raw(COPY_ID_BYTES).slice()
  const [index, term] = [reader.varint(), reader.varint()]
  const configuration = decodeConfiguration(reader.bytes().slice())
  if (configuration === null) throw new DecodeError('a configuration that is none', reader.offset)
  const digest = reader.raw(DIGEST_BYTES).slice()
  return { id, metadata: { index, term, configuration }, digest, sizeBytes: reader.varint() }
}

export function isSameCopy(left: CopyDescription, right: CopyDescription): boolean {
  return bytesEqual(left.id, right.id) && left.sizeBytes === right.sizeBytes
}

export function encodeTransfer(transfer: Transfer): Uint8Array {
  const group = transfer.purpose === 'follow' ? transfer.request.group : transfer.group
  const writer = new ByteWriter().u8(VERSION).varint(group).u8(PURPOSES[transfer.purpose])
  writeCopy(writer, transfer.copy)
  if (transfer.purpose === 'follow') {
    const { from, fromGeneration, to, toGeneration, term } = transfer.request
    writer.varint(from).varint(fromGeneration).varint(to).varint(toGeneration).varint(term)
  }
  return writer.toBytes()
}

/** Throws REQUEST_INVALID, as all of these. */
export function decodeTransfer(bytes: Uint8Array): Transfer {
  return decode(bytes, (reader) => {
    const group = reader.varint()
    const purpose = reader.u8()
    const copy = readCopy(reader)
    if (purpose === PURPOSES.heal) return { purpose: 'heal', group, copy }
    if (purpose !== PURPOSES.follow) throw new DecodeError(`purpose ${purpose}`, reader.offset)
    const [from, fromGeneration, to] = [reader.varint(), reader.varint(), reader.varint()]
    const [toGeneration, term] = [reader.varint(), reader.varint()]
    const envelope = { group, from, fromGeneration, to, toGeneration, term }
    return {
      purpose: 'follow',
      copy,
      request: { ...envelope, type: 'snapshot-request', snapshot: copy.metadata },
    }
  })
}

export function groupOf(transfer: Transfer): number {
  return transfer.purpose === 'follow' ? transfer.request.group : transfer.group
}

export function encodePull({ group, position }: Pull): Uint8Array {
  return new ByteWriter().u8(VERSION).varint(group).varint(position).toBytes()
}

export function decodePull(bytes: Uint8Array): Pull {
  return decode(bytes, (reader) => ({ group: reader.varint(), position: reader.varint() }))
}

/** The copy will come as a stream. */
export function encodePullAnswer(): Uint8Array {
  return Uint8Array.of(VERSION)
}

function decode<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  return decodeRequest('What a member says of a copy', bytes, VERSION, read)
}
