/** SQL values as text for people. */

import type { SqlValue } from '../../base/value.ts'

const BLOB_BYTES_SHOWN = 16

/** On one line: control characters, which could also command the terminal, are shown as their pictures (␊ ␛). */
export function valueText(value: SqlValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return showControlCharacters(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realText(value)
  return blobText(value)
}

/** As SQLite's own shell prints REALs: 1.0 and not 1, Inf and not Infinity. */
export function realText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** Those that command terminals, and those that turn the direction of text around. */
// oxlint-disable-next-line no-control-regex -- they are what this is about
const CONTROL = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

export function showControlCharacters(text: string): string {
  return text.replaceAll(CONTROL, pictureOf)
}

/** As `showControlCharacters`, for text of several lines: line breaks and tabs stay. */
export function showControlsInLines(text: string): string {
  return text.replaceAll(CONTROL, (character) =>
    /[\n\t]/.test(character) ? character : pictureOf(character),
  )
}

function pictureOf(character: string): string {
  const code = character.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '␡' : '\ufffd'
}

function blobText(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const hex = bytes.subarray(0, BLOB_BYTES_SHOWN).toString('hex').toUpperCase()
  if (bytes.length <= BLOB_BYTES_SHOWN) return `x'${hex}'`
  return `x'${hex}…' (${bytes.length.toLocaleString('en')} bytes)`
}
