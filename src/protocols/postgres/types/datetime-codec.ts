/** date, time, timestamp, timestamptz: text as datetime.ts says, binary as microseconds or days since 2000-01-01. */

import type { SqlValue } from '../../../base/value.ts'
import { PgError } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'
import {
  dateText,
  EPOCH_2000_SECONDS,
  MICROS,
  parseDate,
  parseTime,
  parseTimestamp,
  parseTimestampTz,
  roundMicros,
  shownTimestampTz,
  storedTimestampTz,
  timestampText,
  timeText,
} from './datetime.ts'
import { UTC } from './time-zone.ts'

const EPOCH_2000_MICROS = BigInt(EPOCH_2000_SECONDS) * MICROS
const EPOCH_2000_DAYS = EPOCH_2000_SECONDS / 86_400
const DAY_MICROS = 86_400n * MICROS

export const TIMESTAMP_CODEC: Codec = {
  encodeText: (value) => shown(value, (text) => timestampText(parseTimestamp(text))),
  encodeBinary(out, value) {
    const micros = parseTimestamp(storedText(value, 'timestamp'))
    out.i32(8)
    out.i64(micros - EPOCH_2000_MICROS)
  },
  decodeText: (text, modifier) => timestampText(roundMicros(parseTimestamp(text), modifier)),
  decodeBinary: (bytes, modifier) =>
    timestampText(roundMicros(readMicros(bytes) + EPOCH_2000_MICROS, modifier)),
}

/** What stands in the table without an offset (SQLite's CURRENT_TIMESTAMP) is UTC. */
export const TIMESTAMPTZ_CODEC: Codec = {
  encodeText: (value, _modifier, style) =>
    shown(value, (text) => shownTimestampTz(parseTimestampTz(text, UTC), style.timeZone)),
  encodeBinary(out, value) {
    const micros = parseTimestampTz(storedText(value, 'timestamp with time zone'), UTC)
    out.i32(8)
    out.i64(micros - EPOCH_2000_MICROS)
  },
  decodeText: (text, modifier, style) =>
    storedTimestampTz(roundMicros(parseTimestampTz(text, style.timeZone), modifier)),
  decodeBinary: (bytes, modifier) =>
    storedTimestampTz(roundMicros(readMicros(bytes) + EPOCH_2000_MICROS, modifier)),
}

export const DATE_CODEC: Codec = {
  encodeText: (value) => shown(value, (text) => dateText(parseDate(text))),
  encodeBinary(out, value) {
    const days = parseDate(storedText(value, 'date'))
    out.i32(4)
    out.i32(days - EPOCH_2000_DAYS)
  },
  decodeText: (text) => dateText(parseDate(text)),
  decodeBinary(bytes) {
    if (bytes.length !== 4) throw new PgError('22P03', 'incorrect binary data format: a date has 4 bytes')
    return dateText(bytes.readInt32BE(0) + EPOCH_2000_DAYS)
  },
}

export const TIME_CODEC: Codec = {
  encodeText: (value) => shown(value, (text) => timeText(parseTime(text))),
  encodeBinary(out, value) {
    const micros = parseTime(storedText(value, 'time'))
    out.i32(8)
    out.i64(micros)
  },
  decodeText: (text, modifier) => timeText(roundMicros(parseTime(text), modifier)),
  decodeBinary(bytes, modifier) {
    const micros = readMicros(bytes)
    if (micros < 0n || micros > DAY_MICROS) throw new PgError('22008', 'time out of range')
    return timeText(roundMicros(micros, modifier))
  },
}

/** Text that can't be read is shown as it is. */
function shown(value: Exclude<SqlValue, null>, show: (text: string) => string): string {
  if (typeof value !== 'string') return naturalText(value)
  try {
    return show(value)
  } catch {
    return value
  }
}

function storedText(value: Exclude<SqlValue, null>, typeName: string): string {
  if (typeof value === 'string') return value
  throw new PgError(
    '22P02',
    `the stored value "${naturalText(value)}" is not of its declared type ${typeName}`,
  )
}

function readMicros(bytes: Buffer): bigint {
  if (bytes.length !== 8) throw new PgError('22P03', 'incorrect binary data format: a time has 8 bytes')
  return bytes.readBigInt64BE(0)
}
