/** A client that sends exactly the bytes that a test says, and reads backend messages. */

import { connect, type Socket } from 'node:net'

export interface BackendMessage {
  /** The type letter. */
  readonly type: string
  readonly body: Buffer
}

export const i16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff])
export const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
export const text = (value: string): Buffer => Buffer.from(`${value}\0`)

export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), i32(payload.length + 4), payload])
}

export function startup(parameters: Readonly<Record<string, string>>, version = 196608): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)])
  const payload = Buffer.concat([i32(version), ...pairs, Buffer.from([0])])
  return Buffer.concat([i32(payload.length + 4), payload])
}

export const query = (sql: string): Buffer => message('Q', text(sql))
export const parse = (name: string, sql: string, ...types: number[]): Buffer =>
  message('P', text(name), text(sql), i16(types.length), ...types.map(i32))
export const bind = (portal: string, statement: string, values: (string | null)[] = [], format = 0): Buffer =>
  message(
    'B',
    text(portal),
    text(statement),
    i16(0),
    i16(values.length),
    ...values.flatMap((value) =>
      value === null ? [i32(-1)] : [i32(Buffer.byteLength(value)), Buffer.from(value)],
    ),
    i16(1),
    i16(format),
  )
export const describe = (target: 'S' | 'P', name: string): Buffer =>
  message('D', Buffer.from(target), text(name))
export const execute = (portal: string, rowsMax = 0): Buffer => message('E', text(portal), i32(rowsMax))
export const close = (target: 'S' | 'P', name: string): Buffer =>
  message('C', Buffer.from(target), text(name))
export const sync: Buffer = message('S')
export const flush: Buffer = message('H')
export const terminate: Buffer = message('X')

export class RawClient implements AsyncDisposable {
  readonly socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #wake: (() => void) | null = null
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#wake?.()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isClosed = true
      this.#wake?.()
    })
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new RawClient(socket)
  }

  /** Past startup, where nothing is asked of the client. */
  static async ready(port: number, parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const client = await RawClient.open(port)
    client.send(startup({ user: 'tester', database: 'default', ...parameters }))
    await client.until('Z')
    return client
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** The next bytes as they are: answers to SSLRequest have no frame. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#buffer.length < count && !this.isClosed) await this.#more()
    const bytes = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return bytes
  }

  /** null when the connection has ended. */
  async next(): Promise<BackendMessage | null> {
    const header = await this.bytes(5)
    if (header.length < 5) return null
    const body = await this.bytes(header.readInt32BE(1) - 4)
    return { type: String.fromCharCode(header[0] as number), body }
  }

  /** All messages up to the first of that type, it included, or to the end. */
  async until(type: string): Promise<BackendMessage[]> {
    const messages: BackendMessage[] = []
    for (let next = await this.next(); next !== null; next = await this.next()) {
      messages.push(next)
      if (next.type === type) break
    }
    return messages
  }

  /** Sends, and gives the answer up to ReadyForQuery in a short form: `D 1|x`, `C SELECT 1`, `E 42601`, `Z I`. */
  async ask(...parts: readonly Buffer[]): Promise<string[]> {
    this.send(...parts)
    return (await this.until('Z')).map(shortForm)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isClosed) return
    const closed = new Promise((resolve) => this.socket.once('close', resolve))
    this.socket.destroy()
    await closed
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

export function shortForm({ type, body }: BackendMessage): string {
  switch (type) {
    case 'D':
      return `D ${rowOf(body).join('|')}`
    case 'C':
      return `C ${body.subarray(0, -1).toString()}`
    case 'E':
      return `E ${fieldOf(body, 'C')}`
    case 'N':
      return `N ${fieldOf(body, 'M')}`
    case 'Z':
      return `Z ${body.toString()}`
    case 'T':
      return `T ${body.readInt16BE(0)}`
    case 't':
      return `t ${Array.from({ length: body.readInt16BE(0) }, (_, index) => body.readInt32BE(2 + index * 4)).join()}`
    default:
      return type
  }
}

function rowOf(body: Buffer): string[] {
  const values: string[] = []
  let at = 2
  for (let index = 0; index < body.readInt16BE(0); index++) {
    const length = body.readInt32BE(at)
    at += 4
    values.push(length === -1 ? 'NULL' : body.subarray(at, at + length).toString())
    at += Math.max(0, length)
  }
  return values
}

function fieldOf(body: Buffer, code: string): string {
  const fields = body.toString().split('\0')
  return fields.find((field) => field.startsWith(code))?.slice(1) ?? ''
}
