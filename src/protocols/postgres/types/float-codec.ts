/** float8 and float4. */

import type { SqlValue } from '../../../base/value.ts'
import { invalidText, PgError } from '../error.ts'
import { digitsText, floatText, naturalText, type Codec } from './codec.ts'

export const FLOAT8_CODEC: Codec = {
  encodeText: (value) => naturalText(value),
  encodeBinary(out, value) {
    const number = floatOf(value, 'double precision')
    out.i32(8)
    out.f64(number)
  },
  decodeText: (text) => parseFloatText(text, 'double precision'),
  decodeBinary(bytes) {
    expectSize(bytes, 8, 'double precision')
    return noNaN(bytes.readDoubleBE(0), 'double precision')
  },
}

export const FLOAT4_CODEC: Codec = {
  encodeText: (value) => (typeof value === 'number' ? float4Text(value) : naturalText(value)),
  encodeBinary(out, value) {
    const number = floatOf(value, 'real')
    out.i32(4)
    out.f32(number)
  },
  decodeText(text) {
    const value = parseFloatText(text, 'real')
    const rounded = Math.fround(value)
    if (!Number.isFinite(rounded) && Number.isFinite(value)) {
      throw new PgError('22003', `"${text.trim()}" is out of range for type real`)
    }
    return rounded
  },
  decodeBinary(bytes) {
    expectSize(bytes, 4, 'real')
    return noNaN(bytes.readFloatBE(0), 'real')
  },
}

/** The fewest digits that name this 32-bit number. */
function float4Text(value: number): string {
  const single = Math.fround(value)
  if (!Number.isFinite(single) || single === 0) return floatText(single)
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toPrecision(digits)
    if (Math.fround(Number(text)) === single) return digitsText(single, String(Number(text)), 6)
  }
  return floatText(single)
}

const WORDS: Readonly<Record<string, number>> = {
  infinity: Infinity,
  inf: Infinity,
  '+infinity': Infinity,
  '+inf': Infinity,
  '-infinity': -Infinity,
  '-inf': -Infinity,
}

function parseFloatText(text: string, typeName: string): number {
  const trimmed = text.trim()
  const word = WORDS[trimmed.toLowerCase()]
  if (word !== undefined) return word
  if (trimmed.toLowerCase() === 'nan') return noNaN(NaN, typeName)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) throw invalidText(typeName, text)
  const value = Number(trimmed)
  if (!Number.isFinite(value)) throw new PgError('22003', `"${trimmed}" is out of range for type ${typeName}`)
  return value
}

/** SQLite turns NaN into NULL, which would be silently wrong. */
function noNaN(value: number, typeName: string): number {
  if (Number.isNaN(value))
    throw new PgError('0A000', `NaN of type ${typeName} is not supported by HarmonyDB: SQLite has no NaN`)
  return value
}

function floatOf(value: Exclude<SqlValue, null>, typeName: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  throw new PgError(
    '22P02',
    `the stored value "${naturalText(value)}" is not of its declared type ${typeName}`,
  )
}

function expectSize(bytes: Buffer, sizeBytes: number, typeName: string): void {
  if (bytes.length !== sizeBytes) {
    throw new PgError('22P03', `incorrect binary data format: ${bytes.length} bytes for ${typeName}`)
  }
}
