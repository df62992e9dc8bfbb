/** HOST:PORT of a peer port, as text and as address. */

import { HarmonyError } from '../base/errors.ts'
import type { NetworkAddress } from '../host/network.ts'

/** `10.0.0.1:7001`, `[::1]:7001`, `db-1.internal:7001`. Throws ARGS_INVALID. */
export function parsePeerAddress(text: string): NetworkAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw new HarmonyError(
    'ARGS_INVALID',
    `${JSON.stringify(text)} is no address of a member: it must be HOST:PORT, such as 10.0.0.1:7001 or [::1]:7001.`,
  )
}
