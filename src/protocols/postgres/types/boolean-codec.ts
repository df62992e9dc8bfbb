/** bool, stored as 0 and 1. */

import type { SqlValue } from '../../../base/value.ts'
import { invalidText, PgError } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'

export const BOOLEAN_CODEC: Codec = {
  encodeText(value) {
    const truth = truthOf(value)
    return truth === null ? naturalText(value) : truth ? 't' : 'f'
  },
  encodeBinary(out, value) {
    const truth = truthOf(value)
    if (truth === null) {
      throw new PgError(
        '22P02',
        `the stored value "${naturalText(value)}" is not of its declared type boolean`,
      )
    }
    out.i32(1)
    out.u8(truth ? 1 : 0)
  },
  decodeText(text) {
    const truth = parseBoolean(text)
    if (truth === null) throw invalidText('boolean', text)
    return truth ? 1n : 0n
  },
  decodeBinary(bytes) {
    if (bytes.length !== 1) throw new PgError('22P03', 'incorrect binary data format: boolean is one byte')
    return bytes[0] === 0 ? 0n : 1n
  },
}

/** SQLite calls any number but zero true. */
function truthOf(value: Exclude<SqlValue, null>): boolean | null {
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  return typeof value === 'string' ? parseBoolean(value) : null
}

/** Any unique prefix of true, false, yes, no, on, off; 1 and 0 (PostgreSQL source, parse_bool). */
export function parseBoolean(text: string): boolean | null {
  const word = text.trim().toLowerCase()
  if (word === '') return null
  if ('true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on' || word === '1') return true
  if ('false'.startsWith(word) || 'no'.startsWith(word) || word === 'off' || word === 'of' || word === '0')
    return false
  return null
}
