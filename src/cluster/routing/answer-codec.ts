/**
 * Answers as bytes. Version 1; fields as in `call-codec.ts`:
 *
 *     u8 version (1) | u8 kind, then
 *     1 submitted         varint count, each: u8 kind (1 committed: context | bigVarint index | results;
 *                         2 failed: error | varint failed statement | results; 3 rejected: error | optional varint leader;
 *                         4 results-lost: bigVarint index)
 *     2 done              nothing
 *     3 result            result
 *     4 description       varint parameters, each optional string | varint columns, each a column | u8 explain | u8 read-only
 *     5 committed         bigVarint index | context
 *     6 statement-failed  error | optional error
 *     7 no-transaction    nothing
 *     8 rejected          error | optional varint leader
 *     9 part              bytes
 *     10 parcel           varint parcel | varint size
 *     11 leader           optional varint
 *
 *     results             varint count, each a result
 *     result              varint columns, each a column | varint rows, each a value for each column | bigVarint changes |
 *                         optional i64 last_insert_rowid
 *     column              string name | optional string declared type
 *     error               string code | string message | optional varint offset
 */

import { ByteReader, ByteWriter, DecodeError } from '../../base/bytes.ts'
import type { TransactionOutcome } from '../../base/transaction.ts'
import type { StatementResult } from '../../base/value.ts'
import type { Rejection, RoutingAnswer, SubmitAnswer } from './message.ts'
import type { StatementDescription } from './parts.ts'
import {
  readColumn,
  readContext,
  readError,
  readMany,
  readOptional,
  readResult,
  readString,
  readVarint,
  writeColumn,
  writeContext,
  writeError,
  writeOptional,
  writeResult,
  writeString,
  writeVarint,
} from './value-fields.ts'

const VERSION = 1
const INITIAL_BYTES = 256

const KINDS = {
  submitted: 1,
  done: 2,
  result: 3,
  description: 4,
  committed: 5,
  'statement-failed': 6,
  'no-transaction': 7,
  rejected: 8,
  part: 9,
  parcel: 10,
  leader: 11,
} as const

type AnswerKind = RoutingAnswer['kind']
type AnswerOf<K extends AnswerKind> = Extract<RoutingAnswer, { kind: K }>

const KIND_OF: ReadonlyMap<number, AnswerKind> = new Map(
  Object.entries(KINDS).map(([name, number]) => [number, name as AnswerKind]),
)

function writeResults(writer: ByteWriter, results: readonly StatementResult[]): void {
  writer.varint(results.length)
  for (const result of results) writeResult(writer, result)
}

/** One of the answers of `submitted`, by itself: whoever has many of them sees how large each is. */
export function writeSubmitAnswer(writer: ByteWriter, answer: SubmitAnswer): void {
  switch (answer.kind) {
    case 'committed':
      writeContext(writer.u8(1), answer.context)
      writeResults(writer.bigVarint(answer.index), answer.results)
      break
    case 'failed':
      writeError(writer.u8(2), answer.error)
      writeResults(writer.varint(answer.failedStatement), answer.results)
      break
    case 'rejected':
      writeRejection(writer.u8(3), answer)
      break
    case 'results-lost':
      writer.u8(4).bigVarint(answer.index)
      break
  }
}

function readCommitted(reader: ByteReader): TransactionOutcome {
  const context = readContext(reader)
  const index = reader.bigVarint()
  return { kind: 'committed', results: readMany(reader, readResult), context, index }
}

function readFailed(reader: ByteReader): TransactionOutcome {
  const error = readError(reader)
  const failedStatement = reader.varint()
  return { kind: 'failed', error, failedStatement, results: readMany(reader, readResult) }
}

function readSubmitAnswer(reader: ByteReader): SubmitAnswer {
  const kind = reader.u8()
  if (kind === 1) return readCommitted(reader)
  if (kind === 2) return readFailed(reader)
  if (kind === 3) return { kind: 'rejected', ...readRejection(reader) }
  if (kind === 4) return { kind: 'results-lost', index: reader.bigVarint() }
  throw new DecodeError(`unknown answer ${kind} to a transaction`, reader.offset - 1)
}

function writeRejection(writer: ByteWriter, { error, leader }: Omit<Rejection, 'kind'>): void {
  writeError(writer, error)
  writeOptional(writer, leader, writeVarint)
}

function readRejection(reader: ByteReader): Omit<Rejection, 'kind'> {
  return { error: readError(reader), leader: readOptional(reader, readVarint) }
}

function writeDescription(writer: ByteWriter, description: StatementDescription): void {
  writer.varint(description.parameters.length)
  for (const parameter of description.parameters) writeOptional(writer, parameter, writeString)
  writer.varint(description.columns.length)
  for (const column of description.columns) writeColumn(writer, column)
  writer.boolean(description.isExplain).boolean(description.isReadOnly)
}

function readDescription(reader: ByteReader): StatementDescription {
  return {
    parameters: readMany(reader, (from) => readOptional(from, readString)),
    columns: readMany(reader, readColumn),
    isExplain: reader.boolean(),
    isReadOnly: reader.boolean(),
  }
}

const WRITERS: { readonly [K in AnswerKind]: (writer: ByteWriter, answer: AnswerOf<K>) => void } = {
  submitted: (writer, { answers }) => {
    writer.varint(answers.length)
    for (const answer of answers) writeSubmitAnswer(writer, answer)
  },
  done: () => undefined,
  result: (writer, { result }) => writeResult(writer, result),
  description: (writer, { description }) => writeDescription(writer, description),
  committed: (writer, { index, context }) => writeContext(writer.bigVarint(index), context),
  'statement-failed': (writer, { error, ended }) => {
    writeError(writer, error)
    writeOptional(writer, ended, writeError)
  },
  'no-transaction': () => undefined,
  rejected: writeRejection,
  part: (writer, { bytes }) => void writer.bytes(bytes),
  parcel: (writer, { parcel, sizeBytes }) => void writer.varint(parcel).varint(sizeBytes),
  leader: (writer, { leader }) => writeOptional(writer, leader, writeVarint),
}

const READERS: { readonly [K in AnswerKind]: (reader: ByteReader) => Omit<AnswerOf<K>, 'kind'> } = {
  submitted: (reader) => ({ answers: readMany(reader, readSubmitAnswer) }),
  done: () => ({}),
  result: (reader) => ({ result: readResult(reader) }),
  description: (reader) => ({ description: readDescription(reader) }),
  committed: (reader) => ({ index: reader.bigVarint(), context: readContext(reader) }),
  'statement-failed': (reader) => ({ error: readError(reader), ended: readOptional(reader, readError) }),
  'no-transaction': () => ({}),
  rejected: readRejection,
  part: (reader) => ({ bytes: reader.bytes() }),
  parcel: (reader) => ({ parcel: reader.varint(), sizeBytes: reader.varint() }),
  leader: (reader) => ({ leader: readOptional(reader, readVarint) }),
}

export function encodeAnswer(answer: RoutingAnswer): Uint8Array {
  const writer = new ByteWriter(INITIAL_BYTES)
  writer.u8(VERSION).u8(KINDS[answer.kind])
  const write = WRITERS[answer.kind] as (writer: ByteWriter, answer: RoutingAnswer) => void
  write(writer, answer)
  return writer.view()
}

/**
 * The answers of many transactions. One whose results would make the whole larger than `sizeBytesMax` is told without them: it is
 * committed, and its results are lost.
 */
export function encodeSubmitted(answers: readonly SubmitAnswer[], sizeBytesMax: number): Uint8Array {
  const whole = new ByteWriter(INITIAL_BYTES)
  whole.u8(VERSION).u8(KINDS.submitted).varint(answers.length)
  const one = new ByteWriter(INITIAL_BYTES)
  for (const answer of answers) {
    one.reset()
    writeSubmitAnswer(one, answer)
    if (whole.length + one.length <= sizeBytesMax) whole.raw(one.view())
    else writeSubmitAnswer(whole, withoutResults(answer))
  }
  return whole.view()
}

function withoutResults(answer: SubmitAnswer): SubmitAnswer {
  if (answer.kind === 'committed') return { kind: 'results-lost', index: answer.index }
  if (answer.kind !== 'failed') return answer
  // How many there are tells which statement failed.
  return { ...answer, results: answer.results.map((result) => ({ ...result, rows: [] })) }
}

/** Throws a `DecodeError`. The bytes of a `part` are a view of the input; everything else is a copy. */
export function decodeAnswer(bytes: Uint8Array): RoutingAnswer {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw new DecodeError(`answers of version ${version} are not known here`, 0)
  const number = reader.u8()
  const kind = KIND_OF.get(number)
  if (kind === undefined) throw new DecodeError(`unknown answer ${number}`, 1)
  const answer = { kind, ...READERS[kind](reader) } as RoutingAnswer
  reader.expectEnd()
  return answer
}
