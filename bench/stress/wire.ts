/** A user's connection, whatever the protocol. No promises and few objects: a load process holds some ten thousand. */

import { connect, type Socket } from 'node:net'
import type { Act } from './forum.ts'

/** Whoever a connection belongs to. */
export interface WireOwner {
  /** It may send acts now, one at a time. */
  ready(): void
  /** The act was answered; `error` as the member told it. */
  answered(error: string | null): void
  /** Nothing comes any more; `reason` where the member said why. */
  closed(reason: string | null): void
}

export interface Wire {
  send(act: Act): void
  close(): void
  /** At once; `closed` is called. */
  abandon(): void
}

/**
 * On one machine: an address of its own for each few hundred users. Linux looks through the ports one by one for a free one, which takes ten
 * milliseconds when half of the 28,000 that one address has are in use.
 */
function localAddress(user: number): string {
  return `127.1.${(user >> 10) % 250}.${1 + (user % 4)}`
}

/** All sockets of the process read into this one: what is read is used up before the next read. */
const SHARED = Buffer.allocUnsafe(256 * 1024)

/** `take` is given what is read, which is overwritten by the next read. */
export function openSocket(
  user: number,
  host: string,
  port: number,
  take: (bytes: Buffer) => void,
  onClosed: () => void,
): Socket {
  const socket = connect({
    host,
    port,
    ...(host.startsWith('127.') && { localAddress: localAddress(user) }),
    noDelay: true,
    onread: {
      buffer: SHARED,
      callback: (sizeBytes, buffer) => {
        take((buffer as Buffer).subarray(0, sizeBytes))
        return true
      },
    },
  })
  // 'close' follows.
  socket.on('error', () => undefined)
  socket.on('close', onClosed)
  return socket
}
