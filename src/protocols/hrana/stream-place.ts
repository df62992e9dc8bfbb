/**
 * Where streams over HTTP live, when several processes serve the same port: a stream is in the one that made it, and its client's next request may
 * come on a connection to another one. A stream's number tells: `id % count` is the slot of its process.
 */

import type { HttpExchange } from '../http/exchange.ts'

export interface StreamPlace {
  /** This process's: 0 to `count - 1`. */
  readonly slot: number
  readonly count: number
  /** Lets the process in `slot` answer the request, whose body has been read. */
  forward(exchange: HttpExchange, slot: number, body: Uint8Array): Promise<void>
}

/** One process serves all. */
export const ONLY_PLACE: StreamPlace = {
  slot: 0,
  count: 1,
  forward: () => Promise.reject(new Error('there is no other process')),
}
