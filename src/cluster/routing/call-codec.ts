/**
 * Calls as bytes. Version 1, in the notation of `base/bytes.ts`:
 *
 *     u8 version (1) | u8 type, then
 *     1 submit       varint group | u32 requests, each: context | optional string key | varint result size | statements
 *     2 begin        varint group | varint transaction | context | optional bigVarint snapshot index | optional string key |
 *                    varint wait, idle and total timeout in ms
 *     3 execute      varint transaction | varint result size | statement
 *     4 describe     varint transaction | string sql
 *     5 commit, 6 rollback   varint transaction
 *     7 part         varint parcel | varint size of all | varint offset | bytes
 *     8 parcel       varint parcel
 *     9 fetch        varint parcel | varint offset
 *     10 find-leader varint group
 *
 *     context        u8 foreign keys | i64 last_insert_rowid | bigVarint changes | bigVarint total_changes
 *     statements     varint count, each a statement
 *     statement      u8 1 if the text is that of the statement before, else u8 0 and string | varint values, each a value |
 *                    varint named values, each string name and value
 *     optional X     u8 0, or u8 1 and X
 *
 * A member of a later version may be the caller: what it says more than this is refused as a whole, and the caller hears so.
 */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import type { TransactionRequest } from '../../base/transaction.ts'
import type { RoutingCall } from './message.ts'
import type { BeginOptions } from './parts.ts'
import {
  readContext,
  readOptional,
  readStatement,
  readStatements,
  readString,
  writeContext,
  writeOptional,
  writeStatement,
  writeStatements,
  writeString,
} from './value-fields.ts'

const VERSION = 1
const INITIAL_BYTES = 256

const TYPES = {
  submit: 1,
  begin: 2,
  execute: 3,
  describe: 4,
  commit: 5,
  rollback: 6,
  part: 7,
  parcel: 8,
  fetch: 9,
  'find-leader': 10,
} as const

type CallType = RoutingCall['type']
type CallOf<T extends CallType> = Extract<RoutingCall, { type: T }>

const TYPE_OF: ReadonlyMap<number, CallType> = new Map(
  Object.entries(TYPES).map(([name, number]) => [number, name as CallType]),
)

function writeRequest(writer: ByteWriter, request: TransactionRequest): void {
  writeContext(writer, request.context)
  writeOptional(writer, request.idempotencyKey, writeString)
  writer.varint(request.resultSizeBytesMax)
  writeStatements(writer, request.statements)
}

function readRequest(reader: ByteReader): TransactionRequest {
  const context = readContext(reader)
  const idempotencyKey = readOptional(reader, readString)
  const resultSizeBytesMax = reader.varint()
  return { statements: readStatements(reader), context, idempotencyKey, resultSizeBytesMax }
}

function readRequests(reader: ByteReader): TransactionRequest[] {
  const count = reader.u32()
  const requests: TransactionRequest[] = []
  for (let at = 0; at < count; at++) requests.push(readRequest(reader))
  return requests
}

function writeOptions(writer: ByteWriter, options: BeginOptions): void {
  writeContext(writer, options.context)
  writeOptional(writer, options.snapshotIndex, (to, index) => void to.bigVarint(index))
  writeOptional(writer, options.idempotencyKey, writeString)
  for (const timeoutMs of [options.waitTimeoutMs, options.idleTimeoutMs, options.totalTimeoutMs])
    writer.varint(Math.ceil(timeoutMs))
}

function readOptions(reader: ByteReader): BeginOptions {
  return {
    context: readContext(reader),
    snapshotIndex: readOptional(reader, (from) => from.bigVarint()),
    idempotencyKey: readOptional(reader, readString),
    waitTimeoutMs: reader.varint(),
    idleTimeoutMs: reader.varint(),
    totalTimeoutMs: reader.varint(),
  }
}

const WRITERS: { readonly [T in CallType]: (writer: ByteWriter, call: CallOf<T>) => void } = {
  submit: (writer, { group, requests }) => {
    writer.varint(group).u32(requests.length)
    for (const request of requests) writeRequest(writer, request)
  },
  begin: (writer, { group, transaction, options }) =>
    writeOptions(writer.varint(group).varint(transaction), options),
  execute: (writer, { transaction, resultSizeBytesMax, statement }) =>
    writeStatement(writer.varint(transaction).varint(resultSizeBytesMax), statement, null),
  describe: (writer, { transaction, sql }) => void writer.varint(transaction).string(sql),
  commit: (writer, { transaction }) => void writer.varint(transaction),
  rollback: (writer, { transaction }) => void writer.varint(transaction),
  part: (writer, { parcel, sizeBytes, offset, bytes }) =>
    void writer.varint(parcel).varint(sizeBytes).varint(offset).bytes(bytes),
  parcel: (writer, { parcel }) => void writer.varint(parcel),
  fetch: (writer, { parcel, offset }) => void writer.varint(parcel).varint(offset),
  'find-leader': (writer, { group }) => void writer.varint(group),
}

type Fields<T extends CallType> = Omit<CallOf<T>, 'type'>

const READERS: { readonly [T in CallType]: (reader: ByteReader) => Fields<T> } = {
  submit: (reader) => ({ group: reader.varint(), requests: readRequests(reader) }),
  begin: (reader) => ({
    group: reader.varint(),
    transaction: reader.varint(),
    options: readOptions(reader),
  }),
  execute: (reader) => ({
    transaction: reader.varint(),
    resultSizeBytesMax: reader.varint(),
    statement: readStatement(reader, null),
  }),
  describe: (reader) => ({ transaction: reader.varint(), sql: reader.string() }),
  commit: (reader) => ({ transaction: reader.varint() }),
  rollback: (reader) => ({ transaction: reader.varint() }),
  part: (reader) => ({
    parcel: reader.varint(),
    sizeBytes: reader.varint(),
    offset: reader.varint(),
    bytes: reader.bytes(),
  }),
  parcel: (reader) => ({ parcel: reader.varint() }),
  fetch: (reader) => ({ parcel: reader.varint(), offset: reader.varint() }),
  'find-leader': (reader) => ({ group: reader.varint() }),
}

export function encodeCall(call: RoutingCall): Uint8Array {
  const writer = new ByteWriter(INITIAL_BYTES)
  writer.u8(VERSION).u8(TYPES[call.type])
  const write = WRITERS[call.type] as (writer: ByteWriter, call: RoutingCall) => void
  write(writer, call)
  return writer.view()
}

/** A `submit` that grows as requests come, so that each is encoded once and the size is known in between. */
export class SubmitEncoder {
  readonly #group: number
  readonly #writer = new ByteWriter(INITIAL_BYTES)
  #countAt = 0
  #count = 0

  constructor(group: number) {
    this.#group = group
    this.#begin()
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#writer.length
  }

  add(request: TransactionRequest): void {
    writeRequest(this.#writer, request)
    this.#count++
  }

  /** The first `sizeBytes` bytes, which hold `count` requests, as a call of its own; nothing is left. */
  finish(count: number = this.#count, sizeBytes: number = this.#writer.length): Uint8Array {
    this.#writer.patchU32(this.#countAt, count)
    const call = this.#writer.view().slice(0, sizeBytes)
    this.#begin()
    return call
  }

  #begin(): void {
    this.#writer.reset()
    this.#writer.u8(VERSION).u8(TYPES.submit).varint(this.#group)
    this.#countAt = this.#writer.length
    this.#writer.u32(0)
    this.#count = 0
  }
}

/** Throws a `DecodeError`. The bytes of a `part` are a view of the input; everything else is a copy. */
export function decodeCall(bytes: Uint8Array): RoutingCall {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw new DecodeError(`calls of version ${version} are not known here`, 0)
  const number = reader.u8()
  const type = TYPE_OF.get(number)
  if (type === undefined) throw new DecodeError(`unknown call ${number}`, 1)
  const call = { type, ...READERS[type](reader) } as RoutingCall
  reader.expectEnd()
  return call
}
