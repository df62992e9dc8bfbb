/** The header `x-harmonydb-consistency`: the level of the reads of one HTTP request, or of a WebSocket connection's sessions. */

import type { IncomingMessage } from 'node:http'
import { parseConsistency } from '../../gateway/consistency.ts'
import type { Consistency } from '../../gateway/session.ts'

export const CONSISTENCY_HEADER = 'x-harmonydb-consistency'

/** Null if the request has none. Throws REQUEST_INVALID; a header that comes twice is one that can't be read. */
export function consistencyOf(request: Pick<IncomingMessage, 'headers'>): Consistency | null {
  const value = request.headers[CONSISTENCY_HEADER]
  return value === undefined ? null : parseConsistency(String(value), `The header ${CONSISTENCY_HEADER}`)
}
