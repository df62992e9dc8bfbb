/**
 * The three formats of COPY FROM, each as a parser that takes bytes cut anywhere and gives whole rows (PostgreSQL documentation, "COPY", "File Formats").
 * A field is text, bytes (binary format) or null.
 */

import type { CopyOptions } from '../dialect/plan.ts'
import { PgError } from '../error.ts'
import { utf8 } from '../wire/field-reader.ts'

export type CopyRow = readonly (string | Buffer | null)[]

export interface CopyParser {
  push(bytes: Buffer): Iterable<CopyRow>
  end(): Iterable<CopyRow>
}

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
/** One row may not be longer than this: what has no end in sight is held in memory. */
const ROW_BYTES_MAX = 64 * 1024 * 1024

/** Joins pieces and cuts at byte positions that `findEnd` tells. */
class RowBytes {
  #bytes: Buffer = Buffer.alloc(0)
  /** Up to here nothing ends. */
  scannedBytes = 0

  get bytes(): Buffer {
    return this.#bytes
  }

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length > ROW_BYTES_MAX) {
      throw new PgError('54000', `a row of COPY is longer than ${ROW_BYTES_MAX} bytes`)
    }
  }

  /** Takes `sizeBytes` out of the front. */
  take(sizeBytes: number): Buffer {
    const taken = this.#bytes.subarray(0, sizeBytes)
    this.#bytes = this.#bytes.subarray(sizeBytes)
    this.scannedBytes = 0
    return taken
  }
}

export class TextCopyParser implements CopyParser {
  readonly #options: CopyOptions
  readonly #input = new RowBytes()
  #isHeader: boolean
  #isEnded = false

  constructor(options: CopyOptions) {
    this.#options = options
    this.#isHeader = options.header
  }

  *push(bytes: Buffer): Iterable<CopyRow> {
    if (this.#isEnded) return
    this.#input.push(bytes)
    for (;;) {
      const newlineAt = this.#input.bytes.indexOf(NEWLINE, this.#input.scannedBytes)
      if (newlineAt < 0) break
      // A backslash before the newline makes it data.
      if (backslashesBefore(this.#input.bytes, newlineAt) % 2 === 1) {
        this.#input.scannedBytes = newlineAt + 1
        continue
      }
      const line = withoutReturn(this.#input.take(newlineAt + 1).subarray(0, newlineAt))
      yield* this.#line(utf8(line))
      if (this.#isEnded) return
    }
    this.#input.scannedBytes = this.#input.bytes.length
  }

  *end(): Iterable<CopyRow> {
    const rest = this.#input.bytes
    if (!this.#isEnded && rest.length > 0) yield* this.#line(utf8(withoutReturn(rest)))
  }

  *#line(line: string): Iterable<CopyRow> {
    if (this.#isHeader) {
      this.#isHeader = false
      return
    }
    if (line === '\\.') this.#isEnded = true
    else yield splitEscaped(line, this.#options.delimiter).map((field) => this.#field(field))
  }

  #field(field: string): string | null {
    return field === this.#options.nullText ? null : unescape(field)
  }
}

function backslashesBefore(bytes: Buffer, at: number): number {
  let count = 0
  while (count < at && bytes[at - 1 - count] === 0x5c) count++
  return count
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

/** At delimiters that no backslash stands before. */
function splitEscaped(line: string, delimiter: string): string[] {
  if (!line.includes('\\')) return line.split(delimiter)
  const fields: string[] = []
  let start = 0
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\') at++
    else if (line[at] === delimiter) {
      fields.push(line.slice(start, at))
      start = at + 1
    }
  }
  fields.push(line.slice(start))
  return fields
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescape(field: string): string {
  if (!field.includes('\\')) return field
  if (/\\(?:x[0-9a-fA-F]|[0-7])/.test(field)) return unescapeBytes(field)
  return field.replaceAll(/\\([\s\S])/g, (_all, character: string) => ESCAPES[character] ?? character)
}

/** Octal and hexadecimal escapes name bytes, which together make characters. */
function unescapeBytes(field: string): string {
  const parts: Buffer[] = []
  for (const [all, hex, octal, other] of field.matchAll(
    /\\x([0-9a-fA-F]{1,2})|\\([0-7]{1,3})|\\([\s\S])|[^\\]+/g,
  )) {
    if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]))
    else if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]))
    else parts.push(Buffer.from(other === undefined ? all : (ESCAPES[other] ?? other)))
  }
  return utf8(Buffer.concat(parts))
}

export class CsvCopyParser implements CopyParser {
  readonly #options: CopyOptions
  readonly #names: readonly string[]
  readonly #input = new RowBytes()
  readonly #quote: number
  readonly #escape: number
  #isHeader: boolean
  #isEnded = false
  #isQuoted = false

  constructor(options: CopyOptions, columnNames: readonly string[]) {
    this.#options = options
    this.#names = columnNames
    this.#quote = options.quote.charCodeAt(0)
    this.#escape = options.escape.charCodeAt(0)
    this.#isHeader = options.header
  }

  *push(bytes: Buffer): Iterable<CopyRow> {
    if (this.#isEnded) return
    this.#input.push(bytes)
    for (let end = this.#findEnd(); end !== null; end = this.#findEnd()) {
      const line = withoutReturn(this.#input.take(end + 1).subarray(0, end))
      yield* this.#line(utf8(line))
      if (this.#isEnded) return
    }
  }

  *end(): Iterable<CopyRow> {
    if (this.#isEnded) return
    if (this.#isQuoted) throw new PgError('22P04', 'unterminated CSV quoted field')
    if (this.#input.bytes.length > 0) yield* this.#line(utf8(withoutReturn(this.#input.bytes)))
  }

  /** Offset of the next newline outside quotes. */
  #findEnd(): number | null {
    const { bytes } = this.#input
    let at = this.#input.scannedBytes
    for (; at < bytes.length; at++) {
      const byte = bytes[at]
      if (this.#isQuoted && byte === this.#escape && this.#escape !== this.#quote) {
        if (at + 1 >= bytes.length) break
        const next = bytes[at + 1]
        if (next === this.#quote || next === this.#escape) at++
      } else if (byte === this.#quote) this.#isQuoted = !this.#isQuoted
      else if (byte === NEWLINE && !this.#isQuoted) return at
    }
    this.#input.scannedBytes = at
    return null
  }

  *#line(line: string): Iterable<CopyRow> {
    if (this.#isHeader) {
      this.#isHeader = false
      return
    }
    if (line === '\\.') this.#isEnded = true
    else yield this.#fields(line)
  }

  #fields(line: string): CopyRow {
    const fields: (string | null)[] = []
    let at = 0
    for (;;) {
      const { text, wasQuoted, end } = this.#field(line, at)
      fields.push(this.#value(text, wasQuoted, fields.length))
      if (end >= line.length) return fields
      at = end + 1
      if (at === line.length) {
        fields.push(this.#value('', false, fields.length))
        return fields
      }
    }
  }

  #field(line: string, start: number): { text: string; wasQuoted: boolean; end: number } {
    const { quote, escape, delimiter } = this.#options
    let text = ''
    let isInside = false
    let wasQuoted = false
    let at = start
    for (; at < line.length; at++) {
      const character = line[at] as string
      if (isInside && character === escape && (line[at + 1] === quote || line[at + 1] === escape)) {
        text += line[++at]
      } else if (character === quote) {
        isInside = !isInside
        wasQuoted = true
      } else if (character === delimiter && !isInside) break
      else text += character
    }
    return { text, wasQuoted, end: at }
  }

  #value(text: string, wasQuoted: boolean, index: number): string | null {
    const name = this.#names[index] ?? ''
    if (text !== this.#options.nullText) return text
    if (wasQuoted) return this.#options.forceNull.includes(name) ? null : text
    return this.#options.forceNotNull.includes(name) ? text : null
  }
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const HEADER_BYTES = SIGNATURE.length + 8

/** Signature, i32 flags, i32 length of extensions; rows of i16 count and values as in DataRow; i16 -1. */
export class BinaryCopyParser implements CopyParser {
  readonly #input = new RowBytes()
  #hasHeader = false
  #isEnded = false

  #readHeader(): boolean {
    const { bytes } = this.#input
    if (bytes.length < HEADER_BYTES) return false
    if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
      throw new PgError('22P04', 'COPY file signature not recognized')
    }
    const extensionBytes = bytes.readUInt32BE(HEADER_BYTES - 4)
    if (bytes.readUInt32BE(SIGNATURE.length) !== 0 || extensionBytes !== 0) {
      throw new PgError('22P04', 'COPY file has flags or extensions that are not known')
    }
    this.#input.take(HEADER_BYTES)
    this.#hasHeader = true
    return true
  }

  *push(bytes: Buffer): Iterable<CopyRow> {
    if (this.#isEnded) return
    this.#input.push(bytes)
    if (!this.#hasHeader && !this.#readHeader()) return
    for (let row = this.#readRow(); row !== null; row = this.#readRow()) yield row
  }

  end(): Iterable<CopyRow> {
    // As PostgreSQL: the trailer may be missing, half a row may not.
    if (!this.#isEnded && this.#input.bytes.length > 0) {
      throw new PgError('22P04', 'unexpected end of COPY data')
    }
    return []
  }

  #readRow(): CopyRow | null {
    const { bytes } = this.#input
    if (this.#isEnded || bytes.length < 2) return null
    const count = bytes.readInt16BE(0)
    if (count === -1) {
      this.#isEnded = true
      return null
    }
    const row: (Buffer | null)[] = []
    let at = 2
    for (let index = 0; index < count; index++) {
      if (bytes.length < at + 4) return null
      const sizeBytes = bytes.readInt32BE(at)
      if (sizeBytes < -1) throw new PgError('22P04', 'invalid field size in COPY data')
      at += 4
      if (bytes.length < at + Math.max(0, sizeBytes)) return null
      row.push(sizeBytes === -1 ? null : Buffer.from(bytes.subarray(at, at + sizeBytes)))
      at += Math.max(0, sizeBytes)
    }
    this.#input.take(at)
    return row
  }
}
