/** Memory of the kernel for sockets, as Linux tells it. */

import { readFileSync } from 'node:fs'

/** The kernel's objects for an open socket; TCPv6 is what a listener on `::` has. */
const SOCKET_SLABS: ReadonlySet<string> = new Set([
  'TCP',
  'TCPv6',
  'sock_inode_cache',
  'eventpoll_epi',
  'filp',
])

/** Of all processes of the machine, load processes included; null where only the administrator may know. */
export function kernelSocketBytes(): number | null {
  try {
    const slabs = readFileSync('/proc/slabinfo', 'utf8').split('\n')
    return slabs.reduce((sum, line) => {
      const [name = '', active, , size] = line.split(/\s+/)
      return SOCKET_SLABS.has(name) ? sum + Number(active) * Number(size) : sum
    }, 0)
  } catch {
    return null
  }
}
