/** uuid, stored as TEXT in lower case with dashes. */

import { invalidText, PgError } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'

export const UUID_CODEC: Codec = {
  encodeText: (value) =>
    value instanceof Uint8Array && value.length === 16
      ? dashed(Buffer.from(value).toString('hex'))
      : naturalText(value),
  encodeBinary(out, value) {
    if (value instanceof Uint8Array && value.length === 16) out.bytesValue(value)
    else out.bytesValue(Buffer.from(hexOf(naturalText(value)), 'hex'))
  },
  decodeText: (text) => dashed(hexOf(text.trim())),
  decodeBinary(bytes) {
    if (bytes.length !== 16) throw new PgError('22P03', 'incorrect binary data format: a uuid has 16 bytes')
    return dashed(bytes.toString('hex'))
  },
}

/** Braces, upper case and dashes after any four digits are allowed on input (PostgreSQL documentation, "UUID Type"). */
function hexOf(text: string): string {
  const match = /^(?:\{((?:[0-9a-f]{4}-?){7}[0-9a-f]{4})\}|((?:[0-9a-f]{4}-?){7}[0-9a-f]{4}))$/i.exec(text)
  if (match === null) throw invalidText('uuid', text)
  return (match[1] ?? match[2] ?? '').replaceAll('-', '').toLowerCase()
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
