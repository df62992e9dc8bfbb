/**
 * Clients that connect, say what a client says first, and then nothing: one of each protocol, by hand on a bare socket, so that ten thousand of them
 * cost this side little. What they were answered is looked at, because a connection that was refused would be idle, too.
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Protocol = 'http' | 'websocket' | 'postgres'

export const PROTOCOLS: readonly Protocol[] = ['http', 'websocket', 'postgres']

export interface Address {
  readonly host: string
  readonly port: number
}

/** Resolves with the open connection; rejects if it was closed or refused. */
export async function openIdle(protocol: Protocol, { host, port }: Address): Promise<Socket> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    await GREETINGS[protocol](socket)
    // Whatever comes later is forgotten, but pings are answered, as every WebSocket client does by itself.
    socket.on('data', (piece: Buffer) => {
      if (protocol === 'websocket' && piece[0] === PING) socket.write(PONG)
    })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** The same where clients have little time for what they say first: as they do, it connects again. */
export async function insistOnIdle(protocol: Protocol, address: Address): Promise<Socket> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openIdle(protocol, address)
    } catch (error) {
      if (attempt === 50) throw error
    }
  }
}

/** Resolves when the connection is over, however it ended. (`once` of events would take a reset for a failure.) */
export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined).on('close', () => resolve())
    if (socket.closed) resolve()
  })
}

/** RFC 6455 section 5.5: without a payload; a client's frame is masked. */
const PING = 0x89
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

const GREETINGS: Readonly<Record<Protocol, (socket: Socket) => Promise<void>>> = {
  http: async (socket) => {
    socket.write('GET /version HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    await answered(socket, (bytes) => bytes.includes('"harmonydb"'))
  },
  websocket: async (socket) => {
    socket.write(
      'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
        'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: hrana2\r\n\r\n',
    )
    await answered(socket, (bytes) => bytes.includes('\r\n\r\n'))
    socket.write(textFrame('{"type":"hello","jwt":null}'))
    socket.write(
      textFrame('{"type":"request","request_id":1,"request":{"type":"open_stream","stream_id":1}}'),
    )
    await answered(socket, (bytes) => bytes.includes('"request_id":1'))
  },
  postgres: async (socket) => {
    socket.write(startupMessage({ user: 'idle', database: 'default' }))
    await answered(socket, isReady)
  },
}

/** ReadyForQuery is the last thing that is said: Z, length 5, idle. */
export function isReady(bytes: Buffer): boolean {
  return bytes.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I', 'latin1'))
}

/** Rejects if the connection ends before `isComplete`. */
export async function answered(socket: Socket, isComplete: (bytes: Buffer) => boolean): Promise<void> {
  let bytes = Buffer.alloc(0)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const take = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece])
    if (isComplete(bytes)) resolve()
  }
  const fail = (): void => reject(new Error(`refused: ${bytes.toString('latin1').slice(0, 300)}`))
  socket.on('data', take).on('close', fail).on('error', reject)
  try {
    await promise
  } finally {
    socket.off('data', take).off('close', fail).off('error', reject)
    socket.on('error', () => undefined)
  }
}

/** RFC 6455 section 5.2, with a mask of zeros: the payload stays as it is. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([frameHeader(payload.length), payload])
}

/** Of a whole text message of so many bytes. */
export function frameHeader(sizeBytes: number): Buffer {
  const mask = Buffer.alloc(4)
  if (sizeBytes < 126) return Buffer.concat([Buffer.from([0x81, 0x80 | sizeBytes]), mask])
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(sizeBytes))
  return Buffer.concat([Buffer.from([0x81, 0x80 | 127]), length, mask])
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = `${Object.entries(parameters).flat().join('\0')}\0\0`
  const message = Buffer.alloc(8 + Buffer.byteLength(text))
  message.writeInt32BE(message.length)
  message.writeInt32BE(0x0003_0000, 4)
  message.write(text, 8)
  return message
}
