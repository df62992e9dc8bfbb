/**
 * Arrays, stored as JSON arrays so that SQLite's JSON functions reach their elements. bytea elements are
 * in hex form inside JSON; everything else as its own storage form. Several dimensions are nested arrays.
 *
 * Text format: {1,NULL,"a b"}. Binary: i32 dimensions, i32 has-null, u32 element type, then for each dimension
 * i32 length and i32 lower bound, then the elements as in DataRow (PostgreSQL source, array_send).
 */

import type { SqlValue } from '../../../base/value.ts'
import { notSupported, PgError } from '../error.ts'
import { Encoder } from '../wire/encoder.ts'
import { naturalText, type Codec, type ValueStyle } from './codec.ts'

const DIMENSIONS_MAX = 6
const ELEMENTS_MAX = 1_000_000

/** An element, or a nested dimension. */
type Item = SqlValue | Item[]

export function arrayCodec(elementOid: number, element: Codec, delimiter = ','): Codec {
  return {
    encodeText(value, modifier, style) {
      const items = itemsOf(value)
      return items === null ? naturalText(value) : arrayText(items, element, modifier, style, delimiter)
    },
    encodeBinary(out, value, modifier) {
      const items = itemsOf(value)
      if (items === null) throw notAnArray(value)
      const inner = new Encoder()
      writeArray(inner, items, elementOid, element, modifier)
      out.bytesValue(inner.take())
    },
    decodeText: (text, modifier, style) =>
      storedArray(
        mapItems(parseArrayText(text, delimiter), (item) =>
          element.decodeText(item as string, modifier, style),
        ),
      ),
    decodeBinary: (bytes, modifier) => storedArray(readArray(bytes, elementOid, element, modifier)),
  }
}

function notAnArray(value: Exclude<SqlValue, null>): PgError {
  return new PgError(
    '22P02',
    `the stored value "${naturalText(value).slice(0, 100)}" is not an array (a JSON array is expected)`,
  )
}

/** JSON → items: numbers keep their digits, true and false are 1 and 0. */
function itemsOf(value: Exclude<SqlValue, null>): Item[] | null {
  if (typeof value !== 'string') return null
  try {
    const parsed = JSON.parse(value, (_key, item: unknown, context?: { source: string }) =>
      itemOf(item, context),
    ) as Item
    return Array.isArray(parsed) ? parsed : null
  } catch {
    return null
  }
}

function itemOf(item: unknown, context: { source: string } | undefined): Item {
  if (typeof item === 'number')
    return /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? item) : item
  if (typeof item === 'boolean') return item ? 1n : 0n
  if (item === null || typeof item === 'string' || Array.isArray(item)) return item as Item
  return JSON.stringify(item)
}

/** Items → JSON. */
export function storedArray(items: Item): string {
  if (Array.isArray(items)) return `[${items.map(storedArray).join(',')}]`
  if (items === null) return 'null'
  if (typeof items === 'bigint') return items.toString()
  if (typeof items === 'string') return JSON.stringify(items)
  if (items instanceof Uint8Array) return JSON.stringify(naturalText(items))
  return Number.isFinite(items) ? JSON.stringify(items) : items > 0 ? '9e999' : '-9e999'
}

function mapItems(items: Item[], decode: (item: Exclude<SqlValue, null>) => SqlValue): Item[] {
  return items.map((item) =>
    Array.isArray(item) ? mapItems(item, decode) : item === null ? null : decode(item),
  )
}

function arrayText(
  items: Item[],
  element: Codec,
  modifier: number,
  style: ValueStyle,
  delimiter: string,
): string {
  const parts = items.map((item) => {
    if (Array.isArray(item)) return arrayText(item, element, modifier, style, delimiter)
    return item === null ? 'NULL' : quoted(element.encodeText(item, modifier, style), delimiter)
  })
  return `{${parts.join(delimiter)}}`
}

function quoted(text: string, delimiter: string): string {
  const isPlain = text !== '' && !/[\s{}"\\]/.test(text) && !text.includes(delimiter) && !/^null$/i.test(text)
  return isPlain ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/** Elements are still text; null is NULL. Throws 22P02. */
export function parseArrayText(text: string, delimiter: string): Item[] {
  const body = text.trim().replace(/^(?:\[-?\d+:-?\d+\])+\s*=\s*/, '')
  const parser = new ArrayTextParser(body, delimiter, text)
  return parser.parse()
}

class ArrayTextParser {
  readonly #text: string
  readonly #delimiter: string
  readonly #whole: string
  #at = 0
  #count = 0

  constructor(text: string, delimiter: string, whole: string) {
    this.#text = text
    this.#delimiter = delimiter
    this.#whole = whole
  }

  parse(): Item[] {
    const items = this.#array(1)
    if (this.#at !== this.#text.length) throw this.#malformed()
    return items
  }

  #array(depth: number): Item[] {
    if (depth > DIMENSIONS_MAX)
      throw new PgError('54000', `number of array dimensions exceeds ${DIMENSIONS_MAX}`)
    this.#expect('{')
    const items: Item[] = []
    this.#blanks()
    if (this.#text[this.#at] === '}') {
      this.#at++
      return items
    }
    for (;;) {
      items.push(this.#item(depth))
      if (++this.#count > ELEMENTS_MAX)
        throw new PgError('54000', `an array has more than ${ELEMENTS_MAX} elements`)
      this.#blanks()
      if (this.#text[this.#at] === '}') break
      this.#expect(this.#delimiter)
    }
    this.#at++
    return items
  }

  #item(depth: number): Item {
    this.#blanks()
    if (this.#text[this.#at] === '{') return this.#array(depth + 1)
    if (this.#text[this.#at] === '"') return this.#quotedItem()
    return this.#plainItem()
  }

  #quotedItem(): string {
    let result = ''
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]
      if (character === '"') {
        this.#at++
        return result
      }
      if (character === '\\') this.#at++
      result += this.#text[this.#at] ?? ''
    }
    throw this.#malformed()
  }

  #plainItem(): string | null {
    let result = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string
      if (character === this.#delimiter || character === '}') break
      if (character === '{' || character === '"') throw this.#malformed()
      if (character === '\\') this.#at++
      result += this.#text[this.#at] ?? ''
    }
    const trimmed = result.trim()
    if (trimmed === '') throw this.#malformed()
    return trimmed.toLowerCase() === 'null' ? null : trimmed
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #expect(character: string): void {
    this.#blanks()
    if (this.#text[this.#at] !== character) throw this.#malformed()
    this.#at++
  }

  #malformed(): PgError {
    return new PgError('22P02', `malformed array literal: "${this.#whole.slice(0, 100)}"`)
  }
}

function writeArray(out: Encoder, items: Item[], elementOid: number, element: Codec, modifier: number): void {
  const lengths = dimensionsOf(items)
  const flat = items.flat(DIMENSIONS_MAX) as SqlValue[]
  if (flat.length !== (lengths.length === 0 ? 0 : lengths.reduce((product, length) => product * length, 1))) {
    throw new PgError('2202E', 'the dimensions of the array are not all of the same length')
  }
  out.i32(lengths.length)
  out.i32(flat.includes(null) ? 1 : 0)
  out.i32(elementOid)
  for (const length of lengths) {
    out.i32(length)
    out.i32(1)
  }
  for (const item of flat) {
    if (item === null) out.nullValue()
    else element.encodeBinary(out, item, modifier)
  }
}

function dimensionsOf(items: Item[]): number[] {
  if (items.length === 0) return []
  const first = items[0]
  return [items.length, ...(Array.isArray(first) ? dimensionsOf(first) : [])]
}

function readArray(bytes: Buffer, elementOid: number, element: Codec, modifier: number): Item[] {
  const damaged = new PgError('22P03', 'invalid binary data of an array')
  if (bytes.length < 12) throw damaged
  const givenOid = bytes.readUInt32BE(8)
  // Elements of another type could be read as these, and mean something else.
  if (givenOid !== elementOid)
    throw new PgError(
      '42804',
      `binary data has array element type ${givenOid} instead of expected ${elementOid}`,
    )
  const dimensions = bytes.readInt32BE(0)
  if (dimensions === 0) return []
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX || bytes.length < 12 + dimensions * 8) throw damaged
  const lengths: number[] = []
  for (let index = 0; index < dimensions; index++) {
    if (bytes.readInt32BE(16 + index * 8) !== 1)
      throw notSupported('an array whose subscripts do not start at 1')
    lengths.push(bytes.readInt32BE(12 + index * 8))
  }
  const flat = readElements(bytes.subarray(12 + dimensions * 8), element, modifier, damaged)
  return nested(flat, lengths, damaged)
}

function readElements(bytes: Buffer, element: Codec, modifier: number, damaged: PgError): SqlValue[] {
  const values: SqlValue[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw damaged
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < -1 || length > bytes.length - at) throw damaged
    values.push(length === -1 ? null : element.decodeBinary(bytes.subarray(at, at + length), modifier))
    at += Math.max(length, 0)
  }
  return values
}

function nested(flat: SqlValue[], lengths: readonly number[], damaged: PgError): Item[] {
  if (
    lengths.some((length) => length < 0) ||
    lengths.reduce((product, length) => product * length, 1) !== flat.length
  ) {
    throw damaged
  }
  let level: Item[] = flat
  for (const length of lengths.slice(1).toReversed()) {
    const groups: Item[] = []
    for (let at = 0; at < level.length; at += length) groups.push(level.slice(at, at + length))
    level = groups
  }
  return level
}
