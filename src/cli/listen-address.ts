/** `--http HOST:PORT`. */

import type { ListenAddress } from '../serve/listen-address.ts'
import { readListenAddress } from '../serve/listen-address.ts'
import { UsageError } from './usage-error.ts'

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or just a port, which means loopback. Throws UsageError. */
export function parseListenAddress(text: string, option = 'http'): ListenAddress {
  const address = readListenAddress(text)
  if (address !== null) return address
  throw new UsageError(
    `--${option} is ${JSON.stringify(text)}; it must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.`,
  )
}
