/**
 * A PostgreSQL client of the least size: the start-up without a password, then Parse, Bind, Describe, Execute and Sync for each act, in one
 * write, as node-postgres sends a statement with values. Of the answers it looks at ErrorResponse and ReadyForQuery.
 */

import type { Socket } from 'node:net'
import { OPERATIONS, STATEMENTS, type Act, type Operation } from './forum.ts'
import { openSocket, type Wire, type WireOwner } from './wire.ts'

const READY = 0x5a
const ERROR = 0x45
const HEAD_BYTES = 5

const STARTUP = startup()
/** Parse of each statement, as the unnamed one. */
const PARSES = new Map<Operation, Buffer>(OPERATIONS.map((name) => [name, parse(STATEMENTS[name])]))
const BIND_TAIL = Buffer.from([0, 0])
/** Describe of the unnamed portal, Execute without a limit, Sync. */
const RUN = Buffer.concat([
  message('D', Buffer.from('P\0')),
  message('E', Buffer.from([0, 0, 0, 0, 0])),
  message('S', Buffer.alloc(0)),
])
const TERMINATE = message('X', Buffer.alloc(0))

export class PostgresWire implements Wire {
  readonly #owner: WireOwner
  readonly #socket: Socket
  /** Of a message whose rest has not come yet. */
  #rest: Buffer | null = null
  #isReady = false
  #error: string | null = null

  constructor(user: number, host: string, port: number, owner: WireOwner) {
    this.#owner = owner
    this.#socket = openSocket(user, host, port, this.#take, this.#closed)
    this.#socket.write(STARTUP)
  }

  send({ operation, values }: Act): void {
    const bind = message('B', bindBody(values))
    this.#socket.write(Buffer.concat([PARSES.get(operation) ?? Buffer.alloc(0), bind, RUN]))
  }

  close(): void {
    this.#socket.end(TERMINATE)
  }

  abandon(): void {
    this.#socket.destroy()
  }

  readonly #closed = (): void => this.#owner.closed(this.#error)

  readonly #take = (bytes: Buffer): void => {
    const all = this.#rest === null ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (all.length - at >= HEAD_BYTES) {
      const end = at + 1 + all.readInt32BE(at + 1)
      if (end > all.length) break
      this.#message(all[at] as number, all, at + HEAD_BYTES, end)
      at = end
    }
    this.#rest = at === all.length ? null : Buffer.from(all.subarray(at))
  }

  #message(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === ERROR) this.#error = errorText(bytes.toString('utf8', start, end))
    if (type !== READY) return
    if (!this.#isReady) {
      this.#isReady = true
      this.#owner.ready()
      return
    }
    const error = this.#error
    this.#error = null
    this.#owner.answered(error)
  }
}

/** `40001 message` of the fields of an ErrorResponse. */
function errorText(fields: string): string {
  const byLetter = new Map(fields.split('\0').map((field) => [field[0], field.slice(1)]))
  return `${byLetter.get('C') ?? '?????'} ${byLetter.get('M') ?? ''}`
}

function startup(): Buffer {
  const body = Buffer.from('user\0stress\0database\0default\0application_name\0stress\0\0')
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  head.writeInt32BE(196_608, 4)
  return Buffer.concat([head, body])
}

function parse(sql: string): Buffer {
  let count = 0
  const text = sql.replaceAll('?', () => `$${++count}`)
  return message('P', Buffer.concat([Buffer.from(`\0${text}\0`), Buffer.alloc(2)]))
}

/** The unnamed portal of the unnamed statement, every value as text. */
function bindBody(values: readonly (string | number)[]): Buffer {
  const texts = values.map((value) => Buffer.from(String(value)))
  const head = Buffer.alloc(6)
  head.writeInt16BE(values.length, 4)
  const fields = texts.flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(text.length)
    return [length, text]
  })
  return Buffer.concat([head, ...fields, BIND_TAIL])
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}
