/** HOST:PORT where clients are served: reading it, writing it, and telling whether other machines could reach it. */

import { isIP, BlockList } from 'node:net'
import type { ClusterOptions } from '../cluster/enter-cluster.ts'
import { parsePeerAddress } from '../cluster/peer-address.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const DEFAULT_HOST = '127.0.0.1'

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or just a port, which means loopback. Null if it is none of them. */
export function readListenAddress(text: string): ListenAddress | null {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) return null
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

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** Every address of the machine, and so none that another machine could dial. */
export function isWildcard(host: string): boolean {
  return WILDCARDS.has(host)
}

/** HOST:PORT for others: `advertise` where it is given, else where it is served, at a host that they can reach. */
export function reachableAddress(
  advertise: string | null,
  served: ListenAddress | null,
  cluster: Pick<ClusterOptions, 'advertise' | 'listen'> | null,
): string | null {
  if (advertise !== null || served === null) return advertise
  const { host, port } = served
  const peerHost =
    cluster?.advertise === null || cluster === null
      ? cluster?.listen.host
      : parsePeerAddress(cluster.advertise).host
  const reachable = isWildcard(host) && peerHost !== undefined ? peerHost : host
  return reachable.includes(':') ? `[${reachable}]:${port}` : `${reachable}:${port}`
}
