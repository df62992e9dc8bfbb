/** interval, stored as TEXT in PostgreSQL's own form; binary: i64 microseconds, i32 days, i32 months. */

import { PgError } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'
import { intervalText, parseInterval } from './interval.ts'

export const INTERVAL_CODEC: Codec = {
  encodeText(value) {
    const text = naturalText(value)
    try {
      return intervalText(parseInterval(text))
    } catch {
      return text
    }
  },
  encodeBinary(out, value) {
    const { micros, days, months } = parseInterval(naturalText(value))
    out.i32(16)
    out.i64(micros)
    out.i32(days)
    out.i32(months)
  },
  decodeText: (text) => intervalText(parseInterval(text)),
  decodeBinary(bytes) {
    if (bytes.length !== 16)
      throw new PgError('22P03', 'incorrect binary data format: an interval has 16 bytes')
    return intervalText({
      micros: bytes.readBigInt64BE(0),
      days: bytes.readInt32BE(8),
      months: bytes.readInt32BE(12),
    })
  },
}
