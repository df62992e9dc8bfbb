/** text, varchar(n), char(n), name: bytes of UTF-8, the same in both formats. */

import { PgError } from '../error.ts'
import { utf8 } from '../wire/field-reader.ts'
import { naturalText, type Codec } from './codec.ts'

/** Type modifier of varchar and char: -1 for none, else the length in characters + 4. */
const MODIFIER_OFFSET = 4

export const TEXT_CODEC: Codec = {
  encodeText: (value) => naturalText(value),
  encodeBinary: (out, value) => out.textValue(naturalText(value)),
  decodeText: (text) => text,
  decodeBinary: (bytes) => utf8(bytes),
}

export const VARCHAR_CODEC: Codec = {
  ...TEXT_CODEC,
  decodeText: (text, modifier) => shortened(text, modifier, 'character varying'),
  decodeBinary: (bytes, modifier) => shortened(utf8(bytes), modifier, 'character varying'),
}

/** Stored without the blanks at its end, which PostgreSQL calls insignificant, and shown with them. */
export const BPCHAR_CODEC: Codec = {
  encodeText: (value, modifier) => padded(naturalText(value), modifier),
  encodeBinary: (out, value, modifier) => out.textValue(padded(naturalText(value), modifier)),
  decodeText: (text, modifier) => shortened(text, modifier, 'character').replace(/ +$/, ''),
  decodeBinary: (bytes, modifier) => shortened(utf8(bytes), modifier, 'character').replace(/ +$/, ''),
}

function padded(text: string, modifier: number): string {
  if (modifier < MODIFIER_OFFSET) return text
  return text + ' '.repeat(Math.max(0, modifier - MODIFIER_OFFSET - characterCount(text)))
}

/** Blanks beyond the length are cut off, anything else is an error (PostgreSQL documentation, "Character Types"). */
function shortened(text: string, modifier: number, typeName: string): string {
  const lengthMax = modifier - MODIFIER_OFFSET
  if (modifier < MODIFIER_OFFSET || text.length <= lengthMax || characterCount(text) <= lengthMax) return text
  const characters = Array.from(text)
  if (characters.slice(lengthMax).some((character) => character !== ' ')) {
    throw new PgError('22001', `value too long for type ${typeName}(${lengthMax})`)
  }
  return characters.slice(0, lengthMax).join('')
}

function characterCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
