/**
 * Reading and writing of Protobuf messages field by field, on protobufjs' Reader and Writer. Hand-written decoders on
 * top of it were chosen over generated or reflected ones: Hrana's messages become the same types.ts as its JSON does,
 * without a tree of intermediate objects, and every bad field is named.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding/. Every nested message is read within its own bounds,
 * so that a length that lies can't reach into its neighbours.
 */

import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs/minimal.js'
import { FieldError, within } from './field-error.ts'

const WIRE_VARINT = 0
const WIRE_64_BITS = 1
const WIRE_BYTES = 2

const WIRE_NAMES = ['varint', '64 bits', 'bytes', 'group start', 'group end', '32 bits']

/** Runs `read`, whose RangeErrors (protobufjs' for input that ends too early or has no end) become FieldErrors. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new FieldError(`is not Protobuf: ${(error as Error).message}`)
  }
}

export class MessageReader {
  readonly #reader: protobuf.Reader
  #wireType = 0
  /** Number of the field that `next` found. */
  field = 0

  constructor(bytes: Uint8Array) {
    this.#reader = protobuf.Reader.create(bytes)
  }

  /** Moves to the next field; false at the end. Its value must be read, or skipped, before `next` is called again. */
  next(): boolean {
    if (this.#reader.pos >= this.#reader.len) return false
    const tag = reading(() => this.#reader.uint32())
    this.field = tag >>> 3
    this.#wireType = tag & 7
    if (this.field === 0) throw new FieldError('is not Protobuf: a field has the number 0')
    return true
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return
    const found = WIRE_NAMES[this.#wireType] ?? `wire type ${this.#wireType}`
    throw new FieldError(`has field ${this.field} as ${found} instead of ${WIRE_NAMES[wireType]}`)
  }

  /** Leaves out a field that is not known here (HRANA_3_SPEC "Encoding": forward compatibility). */
  skip(): void {
    reading(() => this.#reader.skipType(this.#wireType))
  }

  int32(): number {
    this.#expect(WIRE_VARINT)
    return reading(() => this.#reader.int32())
  }

  uint32(): number {
    this.#expect(WIRE_VARINT)
    return reading(() => this.#reader.uint32())
  }

  bool(): boolean {
    this.#expect(WIRE_VARINT)
    return reading(() => this.#reader.bool())
  }

  sint64(): bigint {
    this.#expect(WIRE_VARINT)
    const { high, low } = reading(() => this.#reader.sint64())
    return (BigInt(high) << 32n) | BigInt(low >>> 0)
  }

  double(): number {
    this.#expect(WIRE_64_BITS)
    return reading(() => this.#reader.double())
  }

  bytes(): Uint8Array {
    this.#expect(WIRE_BYTES)
    return reading(() => this.#reader.bytes())
  }

  string(): string {
    const bytes = this.bytes()
    if (!isUtf8(bytes)) throw new FieldError(`has a text in field ${this.field} that is not UTF-8`)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  }

  /** A nested message. `name` and, in a repeated field, `index` name it in errors. */
  message<T>(name: string, decode: (message: MessageReader) => T, index?: number): T {
    try {
      return decode(new MessageReader(this.bytes()))
    } catch (thrown) {
      throw within(index === undefined ? thrown : within(thrown, `[${index}]`), name)
    }
  }
}

/** `value`, read from a field without which the message makes no sense. */
export function required<T>(value: T | null, name: string): T {
  if (value === null) throw new FieldError('is missing', name)
  return value
}

const tag = (field: number, wireType: number): number => (field << 3) | wireType

/** `field` of a message in the making. Everything returns the writer itself. */
export class MessageWriter {
  readonly #writer: protobuf.Writer = protobuf.Writer.create()

  uint32(field: number, value: number): this {
    this.#writer.uint32(tag(field, WIRE_VARINT)).uint32(value)
    return this
  }

  int32(field: number, value: number): this {
    this.#writer.uint32(tag(field, WIRE_VARINT)).int32(value)
    return this
  }

  bool(field: number, value: boolean): this {
    this.#writer.uint32(tag(field, WIRE_VARINT)).bool(value)
    return this
  }

  uint64(field: number, value: bigint): this {
    this.#writer.uint32(tag(field, WIRE_VARINT)).uint64(toLong(value))
    return this
  }

  sint64(field: number, value: bigint): this {
    this.#writer.uint32(tag(field, WIRE_VARINT)).sint64(toLong(value))
    return this
  }

  double(field: number, value: number): this {
    this.#writer.uint32(tag(field, WIRE_64_BITS)).double(value)
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#writer.uint32(tag(field, WIRE_BYTES)).bytes(value)
    return this
  }

  /** Null is left out. */
  string(field: number, value: string | null): this {
    if (value !== null) this.#writer.uint32(tag(field, WIRE_BYTES)).string(value)
    return this
  }

  message<T>(field: number, value: T, encode: (message: MessageWriter, value: T) => void): this {
    this.#writer.uint32(tag(field, WIRE_BYTES)).fork()
    encode(this, value)
    this.#writer.ldelim()
    return this
  }

  messages<T>(field: number, items: readonly T[], encode: (message: MessageWriter, item: T) => void): this {
    for (const item of items) this.message(field, item, encode)
    return this
  }

  /** A message behind its length, as in a stream of messages. */
  delimited<T>(value: T, encode: (message: MessageWriter, value: T) => void): this {
    this.#writer.fork()
    encode(this, value)
    this.#writer.ldelim()
    return this
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

function toLong(value: bigint): { low: number; high: number; unsigned: boolean } {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false,
  }
}
