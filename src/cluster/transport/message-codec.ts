/**
 * Raft messages of any groups, from one member to another, as the payload of a `messages` frame.
 *
 * ```
 * version u8 = 1 | message … to the end
 * message: kind u8 | group | fromGeneration | toGeneration | term | body
 * entries: count | count × (kind u8 | term | length | data)
 * snapshot: index | term | length | configuration
 * ```
 *
 * Numbers are varints unless they say otherwise; what is in a body and in which order is in `writeBody` and `readBody`. Who a message
 * is from and for is not in it: the connection knows. An entry's index is not either: entries are consecutive.
 * Kinds are never reused; a change of a body is a new version, which both sides agree on by the handshake.
 */

import { assert, unreachable } from '../../base/assert.ts'
import { ByteReader, DecodeError } from '../../base/bytes.ts'
import { decodeConfiguration, encodeConfiguration } from '../../raft/configuration-codec.ts'
import { isPosition } from '../../raft/entry.ts'
import type { Entry, EntryKind, SnapshotMetadata } from '../../raft/entry.ts'
import type { Envelope, Message, MessageType } from '../../raft/message.ts'
import { PartWriter } from './frame.ts'

/** Members at the two ends of a connection, in the direction of its messages. */
export interface Route {
  readonly from: number
  readonly to: number
}

const VERSION = 1
/** Of all messages in a frame. A decoded message takes some twenty times its smallest encoding, an entry too. */
export const FRAME_MESSAGES_MAX = 16_384
export const FRAME_ENTRIES_MAX = 262_144

const KIND_OF: Readonly<Record<MessageType, number>> = {
  'pre-vote-request': 1,
  'pre-vote-response': 2,
  'vote-request': 3,
  'vote-response': 4,
  'append-request': 5,
  'append-accepted': 6,
  'append-rejected': 7,
  'stale-leader': 8,
  'heartbeat-request': 9,
  'heartbeat-response': 10,
  'snapshot-request': 11,
  'timeout-now': 12,
  'read-index-request': 13,
  'read-index-response': 14,
  'wake-request': 15,
  'tombstone-notice': 16,
}

const TYPE_OF: ReadonlyMap<number, MessageType> = new Map(
  Object.entries(KIND_OF).map(([type, kind]) => [kind, type as MessageType]),
)

const ENTRY_KINDS: readonly EntryKind[] = ['command', 'empty', 'membership']

/** Collects messages for one frame. */
export class MessagesEncoder {
  readonly #route: Route
  #writer = new PartWriter()
  #count = 0
  #entries = 0

  constructor(route: Route) {
    this.#route = route
  }

  get sizeBytes(): number {
    return this.#writer.length
  }

  /** Whether the frame can't take `message` too, whatever its size. */
  isFullFor(message: Message): boolean {
    const entries = message.type === 'append-request' ? message.entries.length : 0
    return this.#count >= FRAME_MESSAGES_MAX || this.#entries + entries > FRAME_ENTRIES_MAX
  }

  add(message: Message): void {
    assert(message.from === this.#route.from && message.to === this.#route.to, 'a message on a wrong way')
    assert(!this.isFullFor(message), 'too many messages or entries for a frame')
    const { fields } = this.#writer
    if (this.#count === 0) fields.u8(VERSION)
    this.#count++
    if (message.type === 'append-request') this.#entries += message.entries.length
    fields.u8(KIND_OF[message.type])
    fields.varint(message.group).varint(message.fromGeneration).varint(message.toGeneration)
    fields.varint(message.term)
    writeBody(this.#writer, message)
  }

  /** The payload; the next `add` begins another. */
  finish(): Uint8Array[] {
    const parts = this.#writer.finish()
    this.#writer = new PartWriter()
    this.#count = 0
    this.#entries = 0
    return parts
  }
}

function writeBody(writer: PartWriter, message: Message): void {
  const { fields } = writer
  switch (message.type) {
    case 'pre-vote-request':
      fields.varint(message.lastIndex).varint(message.lastTerm)
      return
    case 'vote-request':
      fields.varint(message.lastIndex).varint(message.lastTerm).boolean(message.forced)
      return
    case 'pre-vote-response':
    case 'vote-response':
      fields.boolean(message.granted)
      return
    case 'append-request':
      fields.varint(message.previousIndex).varint(message.previousTerm).varint(message.commit)
      writeEntries(writer, message.entries, message.previousIndex)
      return
    case 'append-accepted':
      fields.varint(message.index)
      return
    case 'append-rejected':
      fields.varint(message.previousIndex).varint(message.hintIndex).varint(message.hintTerm)
      return
    case 'heartbeat-request':
      fields.varint(message.commit).varint(message.round).boolean(message.quiesce)
      return
    case 'heartbeat-response':
      fields.varint(message.round)
      return
    case 'snapshot-request':
      fields.varint(message.snapshot.index).varint(message.snapshot.term)
      fields.bytes(encodeConfiguration(message.snapshot.configuration))
      return
    case 'read-index-request':
      fields.varint(message.request)
      return
    case 'read-index-response':
      fields.varint(message.request).varint(message.index)
      return
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
  }
}

function writeEntries(writer: PartWriter, entries: readonly Entry[], previousIndex: number): void {
  writer.fields.varint(entries.length)
  let index = previousIndex
  for (const entry of entries) {
    assert(entry.index === ++index, 'entries are not consecutive')
    writer.fields.u8(ENTRY_KINDS.indexOf(entry.kind)).varint(entry.term)
    writer.bytes(entry.data)
  }
}

/**
 * The messages of a payload. Throws a `DecodeError` for anything that `MessagesEncoder` does not make. They have the shape that
 * their type says; whether their numbers make sense is for Raft to judge (`raft/validate.ts`).
 */
export function decodeMessages(payload: Uint8Array, route: Route): Message[] {
  const reader = new ByteReader(payload)
  const version = reader.u8()
  if (version !== VERSION) throw new DecodeError(`unknown version ${version} of Raft messages`, 0)
  const messages: Message[] = []
  const budget = { entries: FRAME_ENTRIES_MAX }
  while (reader.remaining > 0) {
    if (messages.length === FRAME_MESSAGES_MAX) throw new DecodeError('too many messages', reader.offset)
    messages.push(readMessage(reader, route, budget))
  }
  return messages
}

interface Budget {
  entries: number
}

function readMessage(reader: ByteReader, { from, to }: Route, budget: Budget): Message {
  const at = reader.offset
  const kind = reader.u8()
  const type = TYPE_OF.get(kind)
  if (type === undefined) throw new DecodeError(`unknown kind of message ${kind}`, at)
  const group = position(reader)
  const fromGeneration = position(reader)
  const toGeneration = position(reader)
  const envelope = { group, from, fromGeneration, to, toGeneration, term: position(reader) }
  return readBody(reader, type, envelope, budget)
}

/** The fields of an object literal are evaluated in the order in which they are written: that is the order on the wire. */
function readBody(r: ByteReader, type: MessageType, envelope: Envelope, budget: Budget): Message {
  switch (type) {
    case 'pre-vote-request':
      return { ...envelope, type, lastIndex: position(r), lastTerm: position(r) }
    case 'vote-request':
      return { ...envelope, type, lastIndex: position(r), lastTerm: position(r), forced: r.boolean() }
    case 'pre-vote-response':
    case 'vote-response':
      return { ...envelope, type, granted: r.boolean() }
    case 'append-request':
      return { ...envelope, type, ...readAppend(r, budget) }
    case 'append-accepted':
      return { ...envelope, type, index: position(r) }
    case 'append-rejected':
      return { ...envelope, type, previousIndex: position(r), hintIndex: position(r), hintTerm: position(r) }
    case 'heartbeat-request':
      return { ...envelope, type, commit: position(r), round: position(r), quiesce: r.boolean() }
    case 'heartbeat-response':
      return { ...envelope, type, round: position(r) }
    case 'snapshot-request':
      return { ...envelope, type, snapshot: readSnapshot(r) }
    case 'read-index-request':
      return { ...envelope, type, request: position(r) }
    case 'read-index-response':
      return { ...envelope, type, request: position(r), index: position(r) }
    case 'stale-leader':
    case 'timeout-now':
    case 'wake-request':
    case 'tombstone-notice':
      return { ...envelope, type }
    default:
      return unreachable(type)
  }
}

function position(reader: ByteReader): number {
  const at = reader.offset
  const value = reader.varint()
  if (!isPosition(value)) throw new DecodeError(`${value} is no position`, at)
  return value
}

interface AppendBody {
  readonly previousIndex: number
  readonly previousTerm: number
  readonly commit: number
  readonly entries: readonly Entry[]
}

function readAppend(reader: ByteReader, budget: Budget): AppendBody {
  const previousIndex = position(reader)
  const previousTerm = position(reader)
  const commit = position(reader)
  const at = reader.offset
  const count = reader.varint()
  if (count > budget.entries || !isPosition(previousIndex + count)) {
    throw new DecodeError(`${count} entries`, at)
  }
  budget.entries -= count
  const entries: Entry[] = []
  for (let index = previousIndex + 1; index <= previousIndex + count; index++) {
    entries.push(readEntry(reader, index))
  }
  return { previousIndex, previousTerm, commit, entries }
}

function readEntry(reader: ByteReader, index: number): Entry {
  const at = reader.offset
  const number = reader.u8()
  const kind = ENTRY_KINDS[number]
  if (kind === undefined) throw new DecodeError(`unknown kind of entry ${number}`, at)
  return { index, kind, term: position(reader), data: own(reader.bytes()) }
}

/**
 * A view keeps the whole buffer behind it alive for as long as the entry is kept: cheap if the entry is most of it. Of many
 * small ones, one that stays would hold a buffer of any size, against every limit that counts entries' bytes.
 */
function own(data: Uint8Array): Uint8Array {
  return data.length * 2 >= data.buffer.byteLength ? data : new Uint8Array(data)
}

function readSnapshot(reader: ByteReader): SnapshotMetadata {
  const index = position(reader)
  const term = position(reader)
  const at = reader.offset
  const configuration = decodeConfiguration(reader.bytes())
  if (configuration === null) throw new DecodeError('not a configuration', at)
  return { index, term, configuration }
}
