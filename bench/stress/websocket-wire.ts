/**
 * A WebSocket client of the least size that speaks Hrana 3 in JSON: the upgrade, hello and open_stream, then one `execute` for each act. Masked with a key of
 * zeros, which RFC 6455 allows and which leaves the text as it is.
 */

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { STATEMENTS, type Act } from './forum.ts'
import { openSocket, type Wire, type WireOwner } from './wire.ts'

const TEXT = 0x81
const PING = 0x9
const CLOSE = 0x8
const MASK_BIT = 0x80
const HELLO = frame(TEXT, Buffer.from('{"type":"hello","jwt":null}'))
const OPEN = frame(
  TEXT,
  Buffer.from('{"type":"request","request_id":0,"request":{"type":"open_stream","stream_id":0}}'),
)
const END_OF_HEAD = Buffer.from('\r\n\r\n')

export class WebSocketWire implements Wire {
  readonly #owner: WireOwner
  readonly #socket: Socket
  #rest: Buffer | null = null
  #isUpgraded = false
  #isReady = false
  #requestId = 0
  #reason: string | null = null

  constructor(user: number, host: string, port: number, owner: WireOwner) {
    this.#owner = owner
    this.#socket = openSocket(user, host, port, this.#take, this.#closed)
    this.#socket.write(upgradeRequest(host, port))
  }

  send({ operation, values }: Act): void {
    const args = values.map((value) =>
      typeof value === 'number' ? { type: 'integer', value: String(value) } : { type: 'text', value },
    )
    const request = { type: 'execute', stream_id: 0, stmt: { sql: STATEMENTS[operation], args } }
    const message = { type: 'request', request_id: ++this.#requestId, request }
    this.#socket.write(frame(TEXT, Buffer.from(JSON.stringify(message))))
  }

  close(): void {
    this.#socket.end(frame(0x80 | CLOSE, Buffer.alloc(0)))
  }

  abandon(): void {
    this.#socket.destroy()
  }

  readonly #closed = (): void => this.#owner.closed(this.#reason)

  readonly #take = (bytes: Buffer): void => {
    const all = this.#rest === null ? bytes : Buffer.concat([this.#rest, bytes])
    let at = this.#isUpgraded ? 0 : this.#takeHead(all)
    while (this.#isUpgraded) {
      const found = readFrame(all, at)
      if (found === null) break
      at = found.end
      this.#frame(found.opcode, all.subarray(found.start, found.end))
    }
    this.#rest = at === all.length ? null : Buffer.from(all.subarray(at))
  }

  /** Where the frames begin; 0 while the head of the answer is not complete. */
  #takeHead(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_HEAD)
    if (end < 0) return 0
    const status = bytes.toString('latin1', 9, 12)
    if (status !== '101') {
      this.#reason = `the upgrade was answered with ${status}: ${bytes.toString('utf8', end).trim()}`
      this.#socket.destroy()
      return bytes.length
    }
    this.#isUpgraded = true
    this.#socket.write(HELLO)
    this.#socket.write(OPEN)
    return end + END_OF_HEAD.length
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === PING) return void this.#socket.write(frame(0x8a, Buffer.from(payload)))
    if (opcode === CLOSE) {
      this.#reason = payload.toString('utf8', 2)
      this.#socket.end()
    }
    if (opcode === 1) this.#message(payload.toString('utf8'))
  }

  #message(text: string): void {
    const { type, error } = JSON.parse(text) as { type: string; error?: { code: string; message: string } }
    if (type === 'hello_ok') return
    const problem = error === undefined ? null : `${error.code} ${error.message}`
    if (this.#isReady) return this.#owner.answered(problem)
    if (problem !== null) {
      this.#reason = problem
      this.#socket.destroy()
      return
    }
    this.#isReady = true
    this.#owner.ready()
  }
}

function upgradeRequest(host: string, port: number): string {
  const key = randomBytes(16).toString('base64')
  return (
    `GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: hrana3\r\n\r\n`
  )
}

/** Masked, with a key of zeros. Payloads here are under 64 KiB. */
function frame(first: number, payload: Buffer): Buffer {
  const isShort = payload.length < 126
  const head = Buffer.alloc(isShort ? 6 : 8)
  head[0] = first
  if (isShort) head[1] = MASK_BIT | payload.length
  else {
    head[1] = MASK_BIT | 126
    head.writeUInt16BE(payload.length, 2)
  }
  return Buffer.concat([head, payload])
}

/** A frame of the server, which is not masked; null while it is not complete. */
function readFrame(bytes: Buffer, at: number): { opcode: number; start: number; end: number } | null {
  if (bytes.length - at < 2) return null
  const opcode = (bytes[at] as number) & 0x0f
  const short = (bytes[at + 1] as number) & 0x7f
  const extra = short === 127 ? 8 : short === 126 ? 2 : 0
  const start = at + 2 + extra
  if (bytes.length < start) return null
  const length =
    extra === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : extra === 2 ? bytes.readUInt16BE(at + 2) : short
  return bytes.length < start + length ? null : { opcode, start, end: start + length }
}
