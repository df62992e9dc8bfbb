/**
 * Cuts the bytes of a connection into messages, synchronously, however they arrive.
 *
 * Before authentication a message is `length:i32 payload`, afterwards `type:u8 length:i32 payload`; the length counts
 * itself. A length that is claimed allocates nothing: pieces are kept as they came, and joined
 * once when a message that was cut is complete.
 */

import { protocolViolation } from '../error.ts'
import { FieldReader } from './field-reader.ts'
import type { Format, FrontendMessage, StartupMessage } from './messages.ts'

const STARTUP_HEADER_BYTES = 4
const HEADER_BYTES = 5

const PROTOCOL_MAJOR = 3
const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104

/** The type bytes whose messages may be long; any other is refused above SHORT_MESSAGE_BYTES_MAX, as PostgreSQL does. */
const LONG_TYPES: ReadonlySet<number> = new Set(Buffer.from('QPBdFf'))
const SHORT_MESSAGE_BYTES_MAX = 32 * 1024

export interface FramerLimits {
  readonly messageSizeBytesMax: number
  readonly startupSizeBytesMax: number
}

const NOTHING = Buffer.alloc(0)

export class Framer {
  readonly #limits: FramerLimits
  /** What was received and not yet handed out: `#head` from `#offset` on, then `#tail`. */
  #head: Buffer = NOTHING
  #offset = 0
  #tail: Buffer[] = []
  #tailBytes = 0

  constructor(limits: FramerLimits) {
    this.#limits = limits
  }

  /** Bytes received and not yet handed out. */
  get bufferedBytes(): number {
    return this.#head.length - this.#offset + this.#tailBytes
  }

  push(chunk: Buffer): void {
    if (this.#offset === this.#head.length && this.#tailBytes === 0) {
      this.#head = chunk
      this.#offset = 0
      return
    }
    this.#tail.push(chunk)
    this.#tailBytes += chunk.length
  }

  /** Everything that is buffered, taken out: after an SSLRequest nothing may be (it would be unencrypted). */
  takeAll(): Buffer {
    this.#join()
    const rest = this.#head.subarray(this.#offset)
    this.#offset = this.#head.length
    return rest
  }

  /** The next message before authentication; null while it is not complete. Throws PgError (FATAL). */
  nextStartup(): StartupMessage | null {
    if (!this.#has(STARTUP_HEADER_BYTES)) return null
    const length = this.#head.readInt32BE(this.#offset)
    if (length < 8 || length > this.#limits.startupSizeBytesMax) {
      this.takeAll()
      return { kind: 'unintelligible' }
    }
    if (!this.#has(length)) return null
    const start = this.#offset + STARTUP_HEADER_BYTES
    this.#offset += length
    return parseStartup(new FieldReader(this.#head, start, this.#offset))
  }

  /** The next message; null while it is not complete. Throws PgError: FATAL when the stream makes no sense any more. */
  next(): FrontendMessage | null {
    if (!this.#has(HEADER_BYTES)) return null
    const type = this.#head[this.#offset] as number
    const length = this.#head.readInt32BE(this.#offset + 1)
    this.#checkLength(type, length)
    if (!this.#has(1 + length)) return null
    const start = this.#offset + HEADER_BYTES
    this.#offset += 1 + length
    return parseMessage(type, new FieldReader(this.#head, start, this.#offset))
  }

  /**
   * Whether a Sync that has arrived already follows, with nothing but Close and Describe messages before it: then what is handled now
   * is the last that runs in its implicit transaction.
   */
  isFollowedBySync(): boolean {
    if (this.#tailBytes > 0) this.#join()
    let at = this.#offset
    while (at + HEADER_BYTES <= this.#head.length) {
      const type = this.#head[at]
      if (type === 0x53) return true
      if (type !== 0x43 && type !== 0x44) return false
      at += 1 + Math.max(4, this.#head.readInt32BE(at + 1))
    }
    return false
  }

  #checkLength(type: number, length: number): void {
    const max = LONG_TYPES.has(type) ? this.#limits.messageSizeBytesMax : SHORT_MESSAGE_BYTES_MAX
    if (length < 4 || length > max) {
      throw protocolViolation(
        `invalid message length ${length} of type "${String.fromCharCode(type)}" (${max} is allowed)`,
      )
    }
  }

  /** Whether `sizeBytes` bytes are there; they are in `#head` then. */
  #has(sizeBytes: number): boolean {
    if (this.#head.length - this.#offset >= sizeBytes) return true
    if (this.bufferedBytes < sizeBytes) {
      // A client that is idle keeps nothing of what it has sent.
      if (this.bufferedBytes === 0) this.#forget()
      return false
    }
    this.#join()
    return true
  }

  #forget(): void {
    this.#head = NOTHING
    this.#offset = 0
  }

  #join(): void {
    if (this.#tailBytes === 0) return
    this.#head = Buffer.concat([this.#head.subarray(this.#offset), ...this.#tail])
    this.#offset = 0
    this.#tail = []
    this.#tailBytes = 0
  }
}

function parseStartup(fields: FieldReader): StartupMessage {
  const code = fields.i32()
  if (code === SSL_REQUEST) return { kind: 'sslRequest' }
  if (code === GSSENC_REQUEST) return { kind: 'gssEncRequest' }
  if (code === CANCEL_REQUEST) {
    return { kind: 'cancelRequest', processId: fields.i32(), secret: Buffer.from(fields.rest()) }
  }
  if (code >>> 16 !== PROTOCOL_MAJOR) {
    throw protocolViolation(
      `unsupported frontend protocol ${code >>> 16}.${code & 0xffff}: server supports 3.0 to 3.2`,
    )
  }
  return { kind: 'startup', minorVersion: code & 0xffff, parameters: startupParameters(fields) }
}

function startupParameters(fields: FieldReader): Map<string, string> {
  const parameters = new Map<string, string>()
  for (;;) {
    const name = fields.string()
    if (name === '') break
    parameters.set(name, fields.string())
  }
  fields.expectEnd()
  return parameters
}

function parseMessage(type: number, fields: FieldReader): FrontendMessage {
  const message = parseBody(type, fields)
  fields.expectEnd()
  return message
}

/** Ordered by how often a busy client sends them. */
function parseBody(type: number, fields: FieldReader): FrontendMessage {
  switch (type) {
    case 0x42: // B
      return parseBind(fields)
    case 0x45: // E
      return { kind: 'execute', portal: fields.string(), rowsMax: fields.i32() }
    case 0x53: // S
      return { kind: 'sync' }
    case 0x44: // D
      return { kind: 'describe', target: target(fields), name: fields.string() }
    case 0x51: // Q
      return { kind: 'query', sql: fields.string() }
    case 0x50: // P
      return parseParse(fields)
    case 0x43: // C
      return { kind: 'close', target: target(fields), name: fields.string() }
    case 0x64: // d
      return { kind: 'copyData', data: fields.rest() }
    case 0x63: // c
      return { kind: 'copyDone' }
    case 0x66: // f
      return { kind: 'copyFail', reason: fields.string() }
    case 0x48: // H
      return { kind: 'flush' }
    case 0x58: // X
      return { kind: 'terminate' }
    case 0x70: // p
      return { kind: 'authentication', payload: fields.rest() }
    case 0x46: // F
      fields.rest()
      return { kind: 'functionCall' }
    default:
      throw protocolViolation(`invalid frontend message type ${type}`)
  }
}

function parseParse(fields: FieldReader): FrontendMessage {
  const name = fields.string()
  const sql = fields.string()
  const count = fields.u16()
  const parameterTypes: number[] = []
  for (let index = 0; index < count; index++) parameterTypes.push(fields.u32())
  return { kind: 'parse', name, sql, parameterTypes }
}

function parseBind(fields: FieldReader): FrontendMessage {
  const portal = fields.string()
  const statement = fields.string()
  const parameterFormats = formats(fields)
  const count = fields.u16()
  const parameters: (Buffer | null)[] = []
  for (let index = 0; index < count; index++) {
    const sizeBytes = fields.i32()
    parameters.push(sizeBytes === -1 ? null : fields.bytes(sizeBytes))
  }
  return {
    kind: 'bind',
    portal,
    statement,
    parameterFormats,
    parameters,
    resultFormats: formats(fields),
  }
}

const NO_FORMATS: readonly Format[] = []

function formats(fields: FieldReader): readonly Format[] {
  const count = fields.u16()
  if (count === 0) return NO_FORMATS
  const result: Format[] = []
  for (let index = 0; index < count; index++) {
    const code = fields.i16()
    if (code !== 0 && code !== 1) throw protocolViolation(`unsupported format code: ${code}`)
    result.push(code)
  }
  return result
}

function target(fields: FieldReader): 'statement' | 'portal' {
  const code = fields.u8()
  if (code === 0x53) return 'statement'
  if (code === 0x50) return 'portal'
  throw protocolViolation(`invalid target of DESCRIBE or CLOSE: ${code}`)
}
