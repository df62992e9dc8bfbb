/** bytea, stored as BLOB; text in hex form, and the older escape form on input. */

import { PgError, invalidText } from '../error.ts'
import { naturalText, type Codec } from './codec.ts'

export const BYTEA_CODEC: Codec = {
  encodeText: (value) => naturalText(typeof value === 'string' ? Buffer.from(value) : value),
  encodeBinary(out, value) {
    if (typeof value === 'string') out.bytesValue(Buffer.from(value))
    else if (value instanceof Uint8Array) out.bytesValue(value)
    else
      throw new PgError('22P02', `the stored value "${naturalText(value)}" is not of its declared type bytea`)
  },
  decodeText: (text) => parseBytea(text),
  decodeBinary: (bytes) => Uint8Array.from(bytes),
}

export function parseBytea(text: string): Uint8Array {
  return text.startsWith('\\x') ? parseHex(text) : parseEscaped(text)
}

function parseHex(text: string): Uint8Array {
  const digits = text.slice(2).replaceAll(/\s/g, '')
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
    throw new PgError('22023', 'invalid hexadecimal data: an even number of hexadecimal digits was expected')
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

function parseEscaped(text: string): Uint8Array {
  if (!text.includes('\\')) return Uint8Array.from(Buffer.from(text))
  if (!/^(?:[^\\]|\\\\|\\[0-3][0-7]{2})*$/s.test(text)) throw invalidText('bytea', text)
  const bytes: number[] = []
  for (const [part] of text.matchAll(/\\\\|\\[0-7]{3}|[^\\]+/gs)) {
    if (part === '\\\\') bytes.push(0x5c)
    else if (part.startsWith('\\')) bytes.push(Number.parseInt(part.slice(1), 8))
    else bytes.push(...Buffer.from(part))
  }
  return Uint8Array.from(bytes)
}
