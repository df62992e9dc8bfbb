/** Responses on sockets that `node:http` gives no ServerResponse for: refused upgrades and malformed requests. */

import type { Duplex } from 'node:stream'
import { http } from './node-http.ts'

/** Sends `body` as JSON and closes the connection. */
export function sendRawResponse(socket: Duplex, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n` +
      `connection: close\r\ncontent-type: application/json\r\n${status === 503 ? 'retry-after: 1\r\n' : ''}` +
      `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}
