/** PostgreSQL's string functions where SQLite has none, or one that differs. Characters are code points. */

import { createHash } from 'node:crypto'
import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'

const RESULT_CHARACTERS_MAX = 10_000_000

/** LIKE that tells upper from lower case. `escape` '' is none. */
export function like(text: string, pattern: string, escape: string): boolean {
  return likeMatcher(pattern, escape).test(text)
}

const matchers = new Map<string, RegExp>()
const MATCHERS_MAX = 500

function remembered(key: string, make: () => RegExp): RegExp {
  const known = matchers.get(key)
  if (known !== undefined) return known
  if (matchers.size >= MATCHERS_MAX) matchers.clear()
  const made = make()
  matchers.set(key, made)
  return made
}

function likeMatcher(pattern: string, escape: string): RegExp {
  return remembered(`like\0${escape}\0${pattern}`, () => {
    let source = ''
    const characters = Array.from(pattern)
    for (let index = 0; index < characters.length; index++) {
      const character = characters[index] as string
      if (character === escape) {
        const next = characters[++index]
        if (next === undefined) throw failure('LIKE pattern must not end with escape character')
        source += literal(next)
      } else if (character === '%') source += source.endsWith('[^]*') ? '' : '[^]*'
      else source += character === '_' ? '[^]' : literal(character)
    }
    return new RegExp(`^${source}$`, 'u')
  })
}

function literal(character: string): string {
  return character.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

/** Flags: i ignores case; the others that PostgreSQL has are refused but g, which the caller understands. */
export function regularExpression(pattern: string, flags: string): RegExp {
  return remembered(`regex\0${flags}\0${pattern}`, () => {
    const unknown = /[^ig]/.exec(flags)
    if (unknown !== null) throw failure(`invalid regular expression option: "${unknown[0]}"`)
    if (/\[\[:|\[\[[.=]|\\[mMyYAZ]|^\*\*\*/.test(pattern)) {
      throw failure(`the regular expression "${pattern}" is not supported by HarmonyDB`)
    }
    try {
      return new RegExp(pattern, `${flags.includes('g') ? 'g' : ''}${flags.includes('i') ? 'i' : ''}u`)
    } catch (error) {
      throw failure(`invalid regular expression: ${error instanceof Error ? error.message : String(error)}`)
    }
  })
}

export function regexMatches(text: string, pattern: string, flags: string): boolean {
  const expression = regularExpression(pattern, flags.replace('g', ''))
  return expression.test(text)
}

export function regexReplace(text: string, pattern: string, replacement: string, flags: string): string {
  const template = replacement
    .replaceAll('$', '$$$$')
    .replaceAll(/\\([0-9&\\])/g, (_all, mark: string) =>
      mark === '\\' ? '\\' : mark === '&' || mark === '0' ? '$&' : `$${mark}`,
    )
  return text.replace(regularExpression(pattern, flags), template)
}

/** From 1; a start before the text shortens the length (SQL standard). */
export function substring(text: string, start: bigint, length: bigint | null): string {
  if (length !== null && length < 0n) throw failure('negative substring length not allowed')
  const from = start < 1n ? 1n : start
  const end = length === null ? null : start + length
  const characters = Array.from(text)
  return characters
    .slice(Number(from) - 1, end === null ? undefined : Math.max(Number(end) - 1, Number(from) - 1))
    .join('')
}

export function left(text: string, count: bigint): string {
  return Array.from(text).slice(0, Number(count)).join('')
}

export function right(text: string, count: bigint): string {
  if (count === 0n) return ''
  const characters = Array.from(text)
  return characters.slice(count > 0n ? -Number(count) : Math.min(characters.length, -Number(count))).join('')
}

export function reverse(text: string): string {
  return Array.from(text).toReversed().join('')
}

/** ASCII letters only, as in the C locale. */
export function initcap(text: string): string {
  return text.replaceAll(
    /[A-Za-z0-9]+/g,
    (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase(),
  )
}

export function pad(text: string, length: bigint, fill: string, isLeft: boolean): string {
  const characters = Array.from(text)
  const wanted = Math.max(0, Number(length))
  if (wanted > RESULT_CHARACTERS_MAX) throw failure('requested length too large')
  if (characters.length >= wanted) return characters.slice(0, wanted).join('')
  const filling = Array.from(fill)
  if (filling.length === 0) return text
  const missing = wanted - characters.length
  const padding = Array.from({ length: missing }, (_, index) => filling[index % filling.length]).join('')
  return isLeft ? padding + text : text + padding
}

export function splitPart(text: string, delimiter: string, position: bigint): string {
  if (position === 0n) throw failure('field position must not be zero')
  const parts = delimiter === '' ? [text] : text.split(delimiter)
  return parts.at(position > 0n ? Number(position) - 1 : Number(position)) ?? ''
}

export function translate(text: string, from: string, to: string): string {
  const targets = Array.from(to)
  const sources = Array.from(from)
  return Array.from(text)
    .map((character) => {
      const at = sources.indexOf(character)
      return at < 0 ? character : (targets[at] ?? '')
    })
    .join('')
}

export function overlay(text: string, placed: string, start: bigint, length: bigint | null): string {
  const characters = Array.from(text)
  const from = Number(start) - 1
  if (from < 0) throw failure('negative substring length not allowed')
  const count = length === null ? Array.from(placed).length : Number(length)
  return characters.slice(0, from).join('') + placed + characters.slice(from + count).join('')
}

export function hash(algorithm: 'md5' | 'sha256', value: string | Uint8Array): Buffer {
  return createHash(algorithm).update(value).digest()
}

export function encode(bytes: Uint8Array, format: string): string {
  const buffer = Buffer.from(bytes)
  if (format === 'hex') return buffer.toString('hex')
  // PostgreSQL breaks lines after 76 characters, as MIME does.
  if (format === 'base64') return buffer.toString('base64').replaceAll(/(.{76})(?=.)/g, '$1\n')
  throw failure(`unrecognized encoding: "${format}"`)
}

export function decode(text: string, format: string): Uint8Array {
  if (format === 'hex' && /^(?:[0-9a-f]{2}|\s)*$/i.test(text))
    return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
  if (format === 'base64' && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text))
    return Uint8Array.from(Buffer.from(text, 'base64'))
  throw failure(
    format === 'hex' || format === 'base64' ? `invalid ${format} data` : `unrecognized encoding: "${format}"`,
  )
}

export function quoteIdent(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}

/** %s, %I, %L, %%, with a position (%1$s); widths are refused. */
export function format(template: string, args: readonly SqlValue[]): string {
  let next = 0
  return template.replaceAll(
    /%(?:(\d+)\$)?([sIL%])|%/g,
    (all, position: string | undefined, kind: string | undefined) => {
      if (kind === undefined) throw failure('unrecognized format() type specifier')
      if (kind === '%') return '%'
      const at = position === undefined ? next++ : Number(position) - 1
      if (at >= args.length) throw failure('too few arguments for format()')
      const value = args[at] ?? null
      if (value === null) return kind === 'L' ? 'NULL' : ''
      const text = String(value)
      return kind === 's' ? text : kind === 'I' ? quoteIdent(text) : quoteLiteral(text)
    },
  )
}

export function fitText(text: string, lengthMax: bigint, typeName: string): string {
  const characters = Array.from(text)
  if (characters.length <= Number(lengthMax)) return text
  if (characters.slice(Number(lengthMax)).some((character) => character !== ' ')) {
    throw failure(`value too long for type ${typeName}(${lengthMax})`)
  }
  return characters.slice(0, Number(lengthMax)).join('')
}
