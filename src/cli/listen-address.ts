/** `--http HOST:PORT`: reading it, and telling whether other machines could reach it. */

import { isIP, BlockList } from 'node:net'
import { UsageError } from './usage-error.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const DEFAULT_HOST = '127.0.0.1'

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or just a port, which means loopback. Throws UsageError. */
export function parseListenAddress(text: string, option = 'http'): ListenAddress {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new UsageError(
      `--${option} is ${JSON.stringify(text)}; it must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.`,
    )
  }
  return { host: match[1] ?? match[2] ?? DEFAULT_HOST, port }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** False for names: what they resolve to may change. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const family = isIP(host)
  return family !== 0 && LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** The URL by which this machine reaches `address`: a wildcard address is reached through loopback. */
export function urlOf(scheme: 'http' | 'ws', { host, port }: ListenAddress): string {
  const reachable = host === '0.0.0.0' ? DEFAULT_HOST : host === '::' ? '::1' : host
  return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
