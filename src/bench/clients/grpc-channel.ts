/**
 * Unary gRPC calls over one connection, many at a time: as much of HTTP/2 (RFC 9113) and of HPACK (RFC 7541) as that takes, because `node:http2` costs several
 * times what the server does, and a benchmark must not measure its client. Requests have headers that are always the same bytes.
 * Of responses only the messages are read: a failed call has none (gRPC's "Trailers-Only"), and what it says about that is compressed.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { SocketAddress } from '../target.ts'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const FRAME_HEAD_BYTES = 9
/** SETTINGS_MAX_FRAME_SIZE where a server does not allow more. */
const FRAME_BYTES_MAX = 16_384
const MESSAGE_HEAD_BYTES = 5
const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const PING = 6
const GOAWAY = 7
const WINDOW_UPDATE = 8
const END_STREAM = 1
const END_HEADERS = 4
const ACK = 1
const PADDED = 8
const SETTINGS_INITIAL_WINDOW_SIZE = 4
const WINDOW_MAX = 2 ** 31 - 1
const WINDOW_DEFAULT = 65_535
/** The connection's window is opened again when so much of it is used. */
const WINDOW_RENEWAL = 2 ** 29
const STREAM_ID_STEP = 2

interface Call {
  readonly resolve: (message: Buffer) => void
  readonly reject: (error: Error) => void
  readonly method: string
  message: Buffer | null
}

export class GrpcChannel {
  readonly #socket: Socket
  readonly #authority: string
  readonly #headers = new Map<string, Buffer>()
  readonly #calls = new Map<number, Call>()
  #nextStream = 1
  /** What the server still takes. Requests of a benchmark are small, and never wait for it. */
  #sendWindow = WINDOW_DEFAULT
  #received: Buffer = Buffer.alloc(0)
  #receivedBytes = 0
  #isCorked = false

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket
    this.#authority = authority
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('The server closed the connection')))
    const window = Buffer.alloc(4)
    window.writeUInt32BE(WINDOW_MAX - WINDOW_DEFAULT)
    const settings = Buffer.alloc(6)
    settings.writeUInt16BE(SETTINGS_INITIAL_WINDOW_SIZE)
    settings.writeUInt32BE(WINDOW_MAX, 2)
    socket.write(
      Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, settings), frame(WINDOW_UPDATE, 0, 0, window)]),
    )
  }

  static async connect({ host, port }: SocketAddress): Promise<GrpcChannel> {
    const socket = createConnection({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new GrpcChannel(socket, `${host}:${port}`)
  }

  /** `method` as in `/package.Service/Method`; request and answer are encoded by the caller. */
  call(method: string, request: Buffer): Promise<Buffer> {
    const size = MESSAGE_HEAD_BYTES + request.length
    if (size > FRAME_BYTES_MAX || size > this.#sendWindow)
      return Promise.reject(
        new Error('The request is larger than a frame, or than what the server takes now'),
      )
    this.#sendWindow -= size
    const stream = this.#nextStream
    this.#nextStream += STREAM_ID_STEP
    const headers = this.#headersOf(method)
    const head = Buffer.alloc(MESSAGE_HEAD_BYTES)
    head.writeUInt32BE(request.length, 1)
    this.#cork()
    this.#socket.write(frame(HEADERS, END_HEADERS, stream, headers))
    this.#socket.write(frame(DATA, END_STREAM, stream, Buffer.concat([head, request])))
    return new Promise((resolve, reject) => {
      this.#calls.set(stream, { resolve, reject, method, message: null })
    })
  }

  close(): void {
    this.#calls.clear()
    this.#socket.destroy()
  }

  /** What is sent in one turn of the event loop leaves in one packet. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#socket.uncork()
    })
  }

  #headersOf(method: string): Buffer {
    let headers = this.#headers.get(method)
    if (headers === undefined) {
      headers = encodeHeaders(method, this.#authority)
      this.#headers.set(method, headers)
    }
    return headers
  }

  #receive(bytes: Buffer): void {
    this.#renewWindow(bytes.length)
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    let start = 0
    while (this.#received.length - start >= FRAME_HEAD_BYTES) {
      const end = start + FRAME_HEAD_BYTES + this.#received.readUIntBE(start, 3)
      if (end > this.#received.length) break
      const [type, flags] = [this.#received[start + 3] ?? 0, this.#received[start + 4] ?? 0]
      const stream = this.#received.readUInt32BE(start + 5) & WINDOW_MAX
      this.#handle(type, flags, stream, this.#received.subarray(start + FRAME_HEAD_BYTES, end))
      start = end
    }
    this.#received = this.#received.subarray(start)
  }

  #renewWindow(receivedBytes: number): void {
    this.#receivedBytes += receivedBytes
    if (this.#receivedBytes < WINDOW_RENEWAL) return
    const window = Buffer.alloc(4)
    window.writeUInt32BE(this.#receivedBytes)
    this.#receivedBytes = 0
    this.#socket.write(frame(WINDOW_UPDATE, 0, 0, window))
  }

  #handle(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === SETTINGS && (flags & ACK) === 0) this.#socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)))
    else if (type === PING && (flags & ACK) === 0) this.#socket.write(frame(PING, ACK, 0, payload))
    else if (type === WINDOW_UPDATE && stream === 0) this.#sendWindow += payload.readUInt32BE(0)
    else if (type === GOAWAY) this.#fail(new Error('The server goes away'))
    else if (type === DATA || type === HEADERS || type === RST_STREAM)
      this.#handleStream(type, flags, stream, payload)
  }

  #handleStream(type: number, flags: number, stream: number, payload: Buffer): void {
    const call = this.#calls.get(stream)
    if (call === undefined) return
    if (type === DATA) {
      const data = (flags & PADDED) === 0 ? payload : payload.subarray(1, payload.length - (payload[0] ?? 0))
      call.message = call.message === null ? data : Buffer.concat([call.message, data])
    }
    if ((flags & END_STREAM) === 0 && type !== RST_STREAM) return
    this.#calls.delete(stream)
    const { message } = call
    if (type === RST_STREAM || message === null || message.length < MESSAGE_HEAD_BYTES)
      call.reject(new Error(`The server refused ${call.method}`))
    else call.resolve(message.subarray(MESSAGE_HEAD_BYTES))
  }

  #fail(error: Error): void {
    for (const call of this.#calls.values()) call.reject(error)
    this.#calls.clear()
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  payload.copy(bytes, FRAME_HEAD_BYTES)
  return bytes
}

/** HPACK: the fields of the static table (appendix A) by their numbers, all others as literals that are not indexed, so that all requests have the same bytes. */
function encodeHeaders(method: string, authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text(method),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ])
}

/** At most 126 bytes long. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
}
