/**
 * Writes backend messages. They go into a slab; `take` gives what was written since the last `take`, for one `socket.write`. A slab's written
 * part is never written again, so the socket may hold on to it and nothing is copied; a full slab is left to the garbage collector. Slabs are
 * borrowed (`slabs.ts`).
 */

import { assert } from '../../../base/assert.ts'
import type { PgError } from '../error.ts'
import { borrowSlab, giveBackSlab, takeBackSlab, type Borrower } from './slabs.ts'

/** A string at most this long, if it is ASCII, is written byte by byte: faster than a call into C++. */
const SHORT_STRING_CHARS = 20
/** Up to here a loop costs less than `TypedArray.set`. */
const SHORT_BYTES = 16
/** Digits of the largest safe integer, and a sign. */
const DECIMAL_CHARS_MAX = 17

export type TransactionStatus = 'I' | 'T' | 'E'

/** A column as RowDescription tells it. */
export interface FieldDescription {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
  /** Bytes; negative for types of no fixed size. */
  readonly typeSize: number
  readonly typeModifier: number
  readonly format: 0 | 1
}

const NO_SLAB = Buffer.alloc(0)

export class Encoder implements Borrower {
  #slab: Buffer = NO_SLAB
  /** Start of what `take` will give. */
  #start = 0
  #end = 0
  /** End of what may be written: that of the slab, or of what was written before somebody else got the rest. */
  #limit = 0
  /** Bytes that `take` has given: marks count from the beginning, so that they hold whatever is taken meanwhile. */
  #takenBytes = 0
  #messageAt = -1

  /** Bytes written since the last `take`. */
  get pendingBytes(): number {
    return this.#end - this.#start
  }

  /** What was written since the last call, up to `mark` if one is given. It stays valid. */
  take(mark: number = this.mark()): Buffer {
    assert(this.#messageAt === -1, 'a message is not finished')
    const end = this.#placeOf(mark)
    const bytes = this.#slab.subarray(this.#start, end)
    this.#takenBytes += end - this.#start
    this.#start = end
    if (end === this.#end) this.#giveBack()
    return bytes
  }

  /** @internal */
  lend(slab: Buffer, offset: number): void {
    this.#slab = slab
    this.#start = offset
    this.#end = offset
    this.#limit = slab.length
  }

  /** What comes next will take a while: others may write behind what waits here. */
  shareSlab(): void {
    if (this.#limit === this.#slab.length) giveBackSlab(this.#slab, this.#end)
    this.#limit = this.#end
  }

  #giveBack(): void {
    if (this.#limit === this.#slab.length) giveBackSlab(this.#slab, this.#end)
    this.lend(NO_SLAB, 0)
  }

  /** The end of what is written now, for `rewind` and `take`. */
  mark(): number {
    return this.#takenBytes + this.#end - this.#start
  }

  /** A copy of what was written since `mark`. */
  copySince(mark: number): Buffer {
    return Buffer.from(this.#slab.subarray(this.#placeOf(mark), this.#end))
  }

  /** Forgets what was written since `mark`, none of it taken: for a message that turned out not to be writable. */
  rewind(mark: number): void {
    this.#end = this.#placeOf(mark)
    this.#messageAt = -1
  }

  #placeOf(mark: number): number {
    const place = this.#start + mark - this.#takenBytes
    assert(place >= this.#start && place <= this.#end, 'a mark is of bytes that are taken, or forgotten')
    return place
  }

  /** Starts a message with a type byte; `endMessage` sets its length. */
  beginMessage(type: number): void {
    this.#reserve(5)
    this.#slab[this.#end] = type
    this.#messageAt = this.#end - this.#start + 1
    this.#end += 5
  }

  endMessage(): void {
    const lengthAt = this.#start + this.#messageAt
    this.#slab.writeInt32BE(this.#end - lengthAt, lengthAt)
    this.#messageAt = -1
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#slab[this.#end++] = value
  }

  i16(value: number): void {
    this.#reserve(2)
    this.#slab[this.#end++] = value >> 8
    this.#slab[this.#end++] = value
  }

  i32(value: number): void {
    this.#reserve(4)
    const slab = this.#slab
    let at = this.#end
    slab[at++] = value >> 24
    slab[at++] = value >> 16
    slab[at++] = value >> 8
    slab[at++] = value
    this.#end = at
  }

  i64(value: bigint): void {
    this.#reserve(8)
    this.#end = this.#slab.writeBigInt64BE(value, this.#end)
  }

  f32(value: number): void {
    this.#reserve(4)
    this.#end = this.#slab.writeFloatBE(value, this.#end)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#end = this.#slab.writeDoubleBE(value, this.#end)
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.#reserve(length)
    const at = this.#end
    if (length > SHORT_BYTES) this.#slab.set(bytes, at)
    else for (let index = 0; index < length; index++) this.#slab[at + index] = bytes[index] as number
    this.#end = at + length
  }

  /** UTF-8 and nothing around it. */
  text(text: string): void {
    if (text.length <= SHORT_STRING_CHARS) this.#shortText(text)
    else this.#longText(text)
  }

  /** With a zero byte behind it. */
  cString(text: string): void {
    this.text(text)
    this.u8(0)
  }

  /** A value of DataRow: its length, and its text. */
  textValue(text: string): void {
    this.i32(0)
    const at = this.#end - this.#start
    this.text(text)
    const start = this.#start + at
    this.#slab.writeInt32BE(this.#end - start, start - 4)
  }

  /** A value of DataRow: its length, and its decimal digits. */
  integerTextValue(value: bigint): void {
    const number = Number(value)
    if (Number.isSafeInteger(number)) this.#decimalValue(number)
    else this.textValue(value.toString())
  }

  /** From the last digit to the first, into the end of the room that the longest number takes; then moved to its place. */
  #decimalValue(value: number): void {
    this.#reserve(4 + DECIMAL_CHARS_MAX)
    const slab = this.#slab
    const start = this.#end + 4
    const end = start + DECIMAL_CHARS_MAX
    let at = end
    let rest = Math.abs(value)
    do {
      const next = Math.floor(rest / 10)
      slab[--at] = 0x30 + (rest - next * 10)
      rest = next
    } while (rest > 0)
    if (value < 0) slab[--at] = 0x2d
    const length = end - at
    slab.copyWithin(start, at, end)
    this.i32(length)
    this.#end = start + length
  }

  /** A value of DataRow: its length, and its bytes. */
  bytesValue(bytes: Uint8Array): void {
    this.i32(bytes.length)
    this.bytes(bytes)
  }

  nullValue(): void {
    this.i32(-1)
  }

  #shortText(text: string): void {
    this.#reserve(text.length * 3)
    const slab = this.#slab
    let at = this.#end
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) {
        this.#end += slab.write(text, this.#end, 'utf8')
        return
      }
      slab[at++] = unit
    }
    this.#end = at
  }

  #longText(text: string): void {
    this.#reserve(text.length * 3)
    this.#end += this.#slab.write(text, this.#end, 'utf8')
  }

  /** Makes room; what was written and not taken moves along, offsets from `#start` stay true. */
  #reserve(sizeBytes: number): void {
    if (this.#end + sizeBytes <= this.#limit) return
    if (takeBackSlab(this.#slab, this.#end)) this.#limit = this.#slab.length
    if (this.#end + sizeBytes <= this.#limit) return
    const pending = this.#start === this.#end ? null : this.#slab.subarray(this.#start, this.#end)
    borrowSlab(this, sizeBytes + (pending?.length ?? 0))
    if (pending === null) return
    this.#slab.set(pending, this.#start)
    this.#end += pending.length
  }
}

const letter = (text: string): number => text.charCodeAt(0)

/** Messages without fields, ready made. */
export const PARSE_COMPLETE: Buffer = Buffer.from([letter('1'), 0, 0, 0, 4])
export const BIND_COMPLETE: Buffer = Buffer.from([letter('2'), 0, 0, 0, 4])
export const CLOSE_COMPLETE: Buffer = Buffer.from([letter('3'), 0, 0, 0, 4])
export const NO_DATA: Buffer = Buffer.from([letter('n'), 0, 0, 0, 4])
export const EMPTY_QUERY_RESPONSE: Buffer = Buffer.from([letter('I'), 0, 0, 0, 4])
export const PORTAL_SUSPENDED: Buffer = Buffer.from([letter('s'), 0, 0, 0, 4])
export const COPY_DONE: Buffer = Buffer.from([letter('c'), 0, 0, 0, 4])
export const AUTHENTICATION_OK: Buffer = Buffer.from([letter('R'), 0, 0, 0, 8, 0, 0, 0, 0])
export const AUTHENTICATION_CLEARTEXT: Buffer = Buffer.from([letter('R'), 0, 0, 0, 8, 0, 0, 0, 3])
export const DATA_ROW: number = letter('D')
export const COPY_DATA: number = letter('d')

export function authenticationSasl(out: Encoder, mechanisms: readonly string[]): void {
  out.beginMessage(letter('R'))
  out.i32(10)
  for (const mechanism of mechanisms) out.cString(mechanism)
  out.u8(0)
  out.endMessage()
}

/** AuthenticationSASLContinue (11) and AuthenticationSASLFinal (12). */
export function authenticationSaslStep(out: Encoder, code: 11 | 12, data: string): void {
  out.beginMessage(letter('R'))
  out.i32(code)
  out.text(data)
  out.endMessage()
}

export function negotiateProtocolVersion(
  out: Encoder,
  newestMinor: number,
  unknownOptions: readonly string[],
): void {
  out.beginMessage(letter('v'))
  out.i32((3 << 16) | newestMinor)
  out.i32(unknownOptions.length)
  for (const option of unknownOptions) out.cString(option)
  out.endMessage()
}

export function parameterStatus(out: Encoder, name: string, value: string): void {
  out.beginMessage(letter('S'))
  out.cString(name)
  out.cString(value)
  out.endMessage()
}

export function backendKeyData(out: Encoder, processId: number, secret: Uint8Array): void {
  out.beginMessage(letter('K'))
  out.i32(processId)
  out.bytes(secret)
  out.endMessage()
}

const READY_FOR_QUERY: Readonly<Record<TransactionStatus, Buffer>> = {
  I: Buffer.from([letter('Z'), 0, 0, 0, 5, letter('I')]),
  T: Buffer.from([letter('Z'), 0, 0, 0, 5, letter('T')]),
  E: Buffer.from([letter('Z'), 0, 0, 0, 5, letter('E')]),
}

export function readyForQuery(out: Encoder, status: TransactionStatus): void {
  out.bytes(READY_FOR_QUERY[status])
}

export function commandComplete(out: Encoder, tag: string): void {
  out.beginMessage(letter('C'))
  out.cString(tag)
  out.endMessage()
}

export function parameterDescription(out: Encoder, typeOids: readonly number[]): void {
  out.beginMessage(letter('t'))
  out.i16(typeOids.length)
  for (const oid of typeOids) out.i32(oid)
  out.endMessage()
}

export function rowDescription(out: Encoder, fields: readonly FieldDescription[]): void {
  out.beginMessage(letter('T'))
  out.i16(fields.length)
  for (const field of fields) {
    out.cString(field.name)
    out.i32(field.tableOid)
    out.i16(field.columnNumber)
    out.i32(field.typeOid)
    out.i16(field.typeSize)
    out.i32(field.typeModifier)
    out.i16(field.format)
  }
  out.endMessage()
}

/** CopyInResponse (G) and CopyOutResponse (H). */
export function copyResponse(out: Encoder, type: 'G' | 'H', format: 0 | 1, columnCount: number): void {
  out.beginMessage(letter(type))
  out.u8(format)
  out.i16(columnCount)
  for (let index = 0; index < columnCount; index++) out.i16(format)
  out.endMessage()
}

export function notificationResponse(
  out: Encoder,
  processId: number,
  channel: string,
  payload: string,
): void {
  out.beginMessage(letter('A'))
  out.i32(processId)
  out.cString(channel)
  out.cString(payload)
  out.endMessage()
}

export interface Notice {
  readonly severity: 'NOTICE' | 'WARNING' | 'INFO'
  readonly sqlState: string
  readonly message: string
}

export function noticeResponse(out: Encoder, notice: Notice): void {
  out.beginMessage(letter('N'))
  field(out, 'S', notice.severity)
  field(out, 'V', notice.severity)
  field(out, 'C', notice.sqlState)
  field(out, 'M', notice.message)
  out.u8(0)
  out.endMessage()
}

export function errorResponse(out: Encoder, error: PgError): void {
  const { detail, hint, position, schema, table, column, constraint, dataType, routine } = error.fields
  out.beginMessage(letter('E'))
  field(out, 'S', error.severity)
  field(out, 'V', error.severity)
  field(out, 'C', error.sqlState)
  field(out, 'M', error.message)
  field(out, 'D', detail)
  field(out, 'H', hint)
  field(out, 'P', position?.toString())
  field(out, 's', schema)
  field(out, 't', table)
  field(out, 'c', column)
  field(out, 'd', dataType)
  field(out, 'n', constraint)
  field(out, 'R', routine)
  out.u8(0)
  out.endMessage()
}

/** A zero byte would end the field early, so it can't be inside. */
function field(out: Encoder, code: string, value: string | undefined): void {
  if (value === undefined) return
  out.u8(letter(code))
  out.cString(value.replaceAll('\0', '\uFFFD'))
}
