/** A result of 16 MB, and clients that ask for it and read nothing of it. */

import type { Socket } from 'node:net'
import { insistOnIdle, textFrame, type Protocol } from './idle-client.ts'
import type { Target } from './target.ts'

export const PADS: readonly string[] = [
  'CREATE TABLE pads (id INTEGER PRIMARY KEY, pad TEXT)',
  "INSERT INTO pads (pad) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) SELECT printf('%.2000c', 'x') FROM n",
]

const LARGE = 'SELECT pad FROM pads'

const ASK: Readonly<Record<Protocol, Buffer>> = {
  http: httpRequest(JSON.stringify({ sql: LARGE })),
  websocket: textFrame(
    JSON.stringify({
      type: 'request',
      request_id: 2,
      request: { type: 'execute', stream_id: 1, stmt: { sql: LARGE } },
    }),
  ),
  postgres: simpleQuery(LARGE),
}

/** The connection, on which nothing is read any more. */
export async function askAndStop(target: Target, protocol: Protocol): Promise<Socket> {
  const socket = await insistOnIdle(protocol, target.address(protocol))
  socket.pause()
  socket.write(ASK[protocol])
  return socket
}

function httpRequest(body: string): Buffer {
  return Buffer.from(
    `POST /v1/databases/default/query HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
}

/** PostgreSQL's message Query. */
export function simpleQuery(sql: string): Buffer {
  const message = Buffer.alloc(6 + Buffer.byteLength(sql))
  message.write('Q')
  message.writeInt32BE(message.length - 1, 1)
  message.write(sql, 5)
  return message
}
