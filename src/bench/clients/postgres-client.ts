/**
 * The smallest honest client of the PostgreSQL protocol (documentation, chapter "Frontend/Backend Protocol"): each statement is prepared once for
 * each connection; Bind, Execute and Sync leave in one packet, as pgbench sends them. Values travel as text.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { Executor, Row, SocketAddress, SqlConnection, Value, TransactionMode } from '../target.ts'
import { runTransaction, type TransactionWords } from './transactions.ts'

const USER = 'bench'
const PROTOCOL_3_0 = 196_608
const HEADER_BYTES = 5
const WORDS: TransactionWords = {
  begin: {
    read: 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY',
    write: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
  },
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
}
/** OIDs of bool, int8, int2, int4, float4, float8, numeric. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700])
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

interface Prepared {
  readonly name: string
  /** For each column, whether it becomes a number; from RowDescription. */
  isNumber: readonly boolean[]
}

interface Waiting {
  readonly resolve: (rows: Row[]) => void
  readonly reject: (error: Error) => void
  readonly prepared: Prepared | null
  readonly rows: Row[]
  error: Error | null
}

export class PostgresClient implements SqlConnection {
  readonly kind = 'sql'
  readonly dialect: 'sqlite' | 'postgres'
  retries = 0
  readonly #socket: Socket
  readonly #prepared = new Map<string, Prepared>()
  #received: Buffer = Buffer.alloc(0)
  #waiting: Waiting | null = null
  #isClosing = false

  private constructor(socket: Socket, dialect: 'sqlite' | 'postgres') {
    this.#socket = socket
    this.dialect = dialect
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('The server closed the connection')))
  }

  /** Without a password: the servers of a benchmark listen on this machine only. */
  static async connect(
    { host, port }: SocketAddress,
    database: string,
    dialect: 'sqlite' | 'postgres',
  ): Promise<PostgresClient> {
    const socket = createConnection({ host, port, noDelay: true })
    await once(socket, 'connect')
    const client = new PostgresClient(socket, dialect)
    await client.#request(startupMessage(database), null)
    return client
  }

  async execute(sql: string, args: readonly Value[] = []): Promise<readonly Row[]> {
    const prepared = this.#prepared.get(sql) ?? (await this.#prepare(sql))
    return this.#request(bindAndExecute(prepared.name, args), prepared)
  }

  transaction<T>(work: (executor: Executor) => Promise<T>, mode: TransactionMode = 'write'): Promise<T> {
    return runTransaction(this, WORDS, work, mode, () => this.retries++)
  }

  close(): Promise<void> {
    this.#isClosing = true
    this.#socket.destroy()
    return Promise.resolve()
  }

  async #prepare(sql: string): Promise<Prepared> {
    const prepared: Prepared = { name: `s${this.#prepared.size}`, isNumber: [] }
    const numbered = numberParameters(sql)
    const parse = message(0x50, zeroEnded(prepared.name), zeroEnded(numbered), Buffer.from([0, 0]))
    const describe = message(0x44, Buffer.from('S'), zeroEnded(prepared.name))
    await this.#request(Buffer.concat([parse, describe, SYNC]), prepared)
    this.#prepared.set(sql, prepared)
    return prepared
  }

  #request(bytes: Buffer, prepared: Prepared | null): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, prepared, rows: [], error: null }
      this.#socket.write(bytes)
    })
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    let start = 0
    while (this.#received.length - start >= HEADER_BYTES) {
      const end = start + 1 + this.#received.readInt32BE(start + 1)
      if (end > this.#received.length) break
      this.#handle(this.#received[start] ?? 0, this.#received.subarray(start + HEADER_BYTES, end))
      start = end
    }
    this.#received = this.#received.subarray(start)
  }

  #handle(type: number, body: Buffer): void {
    const waiting = this.#waiting
    if (waiting === null) return
    switch (String.fromCharCode(type)) {
      case 'D':
        return void waiting.rows.push(rowOf(body, waiting.prepared?.isNumber ?? []))
      case 'T':
        if (waiting.prepared !== null) waiting.prepared.isNumber = numberColumns(body)
        return
      case 'E':
        waiting.error = new Error(errorText(body))
        // While a connection is set up, nothing follows.
        return waiting.prepared === null ? this.#settle(waiting) : undefined
      case 'R':
        if (body.readInt32BE(0) !== 0) this.#fail(new Error('The server wants a password'))
        return
      case 'Z':
        return this.#settle(waiting)
    }
  }

  #settle(waiting: Waiting): void {
    this.#waiting = null
    if (waiting.error === null) waiting.resolve(waiting.rows)
    else waiting.reject(waiting.error)
  }

  #fail(error: Error): void {
    if (!this.#isClosing) this.#waiting?.reject(error)
    this.#waiting = null
  }
}

/** `?` becomes `$1`, `$2` and so on. Statements of workloads have no `?` in texts. */
export function numberParameters(sql: string): string {
  let count = 0
  return sql.replaceAll('?', () => `$${++count}`)
}

function zeroEnded(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

function message(type: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4)
  const head = Buffer.alloc(HEADER_BYTES)
  head[0] = type
  head.writeInt32BE(length, 1)
  return Buffer.concat([head, ...parts])
}

function startupMessage(database: string): Buffer {
  const body = Buffer.from(`user\0${USER}\0database\0${database}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(head.length + body.length, 0)
  head.writeInt32BE(PROTOCOL_3_0, 4)
  return Buffer.concat([head, body])
}

/** Bind, Execute and Sync in one buffer. All formats are text, and all rows are wanted. */
function bindAndExecute(name: string, args: readonly Value[]): Buffer {
  const texts = args.map((value) => (value === null ? null : String(value)))
  let size = 13 + name.length
  for (const text of texts) size += 4 + (text === null ? 0 : Buffer.byteLength(text))
  const bind = size - 1
  const buffer = Buffer.allocUnsafe(size + 10 + SYNC.length)
  buffer[0] = 0x42
  buffer.writeInt32BE(bind, 1)
  let at = 5
  buffer[at++] = 0
  at += buffer.write(name, at, 'latin1')
  buffer[at++] = 0
  at = buffer.writeInt16BE(0, at)
  at = buffer.writeInt16BE(texts.length, at)
  for (const text of texts) at = writeValue(buffer, at, text)
  at = buffer.writeInt16BE(0, at)
  buffer[at++] = 0x45
  at = buffer.writeInt32BE(9, at)
  buffer[at++] = 0
  at = buffer.writeInt32BE(0, at)
  SYNC.copy(buffer, at)
  return buffer
}

function writeValue(buffer: Buffer, at: number, text: string | null): number {
  if (text === null) return buffer.writeInt32BE(-1, at)
  const written = buffer.write(text, at + 4)
  buffer.writeInt32BE(written, at)
  return at + 4 + written
}

function rowOf(body: Buffer, isNumber: readonly boolean[]): Row {
  const count = body.readInt16BE(0)
  const row: Value[] = []
  let at = 2
  for (let column = 0; column < count; column++) {
    const length = body.readInt32BE(at)
    at += 4
    if (length < 0) {
      row.push(null)
      continue
    }
    const text = body.toString('utf8', at, at + length)
    row.push(isNumber[column] === true ? Number(text) : text)
    at += length
  }
  return row
}

/** RowDescription: the type's OID comes behind the name, the table and the column's number. */
function numberColumns(body: Buffer): readonly boolean[] {
  const count = body.readInt16BE(0)
  const found: boolean[] = []
  let at = 2
  for (let column = 0; column < count; column++) {
    at = body.indexOf(0, at) + 1
    found.push(NUMBERS.has(body.readInt32BE(at + 6)))
    at += 18
  }
  return found
}

/** The fields C (SQLSTATE) and M (message) of ErrorResponse. */
function errorText(body: Buffer): string {
  const fields = body.toString('utf8').split('\0')
  const field = (letter: string): string => fields.find((text) => text.startsWith(letter))?.slice(1) ?? ''
  return `${field('C')} ${field('M')}`
}
