/** SQL values as bytes, wherever they are stored or sent: u8 kind (0 NULL, 1 INTEGER i64, 2 REAL f64, 3 TEXT string, 4 BLOB bytes). */

import type { ByteReader, ByteWriter } from './bytes.ts'
import { DecodeError } from './bytes.ts'
import type { SqlValue } from './value.ts'

export function writeValue(writer: ByteWriter, value: SqlValue): void {
  if (value === null) writer.u8(0)
  else if (typeof value === 'bigint') writer.u8(1).i64(value)
  else if (typeof value === 'number') writer.u8(2).f64(value)
  else if (typeof value === 'string') writer.u8(3).string(value)
  else writer.u8(4).bytes(value)
}

/** A BLOB is a copy of its own: it must not keep alive what it came in. */
export function readValue(reader: ByteReader): SqlValue {
  const kind = reader.u8()
  if (kind === 0) return null
  if (kind === 1) return reader.i64()
  if (kind === 2) return reader.f64()
  if (kind === 3) return reader.string()
  if (kind === 4) return reader.bytes().slice()
  throw new DecodeError(`unknown kind of value ${kind}`, reader.offset - 1)
}

/** A count that the rest of the input can hold: each item has at least one byte. */
export function readCount(reader: ByteReader): number {
  const count = reader.varint()
  if (count > reader.remaining) throw new DecodeError(`count ${count} is beyond the end`, reader.offset)
  return count
}
