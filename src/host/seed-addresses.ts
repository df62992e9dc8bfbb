/** Where other members may be: addresses as they are, or `dns:NAME:PORT` for all addresses of a name. */

import { lookup } from 'node:dns/promises'
import { formatAddress } from './network.ts'

const DNS = /^dns:([^\s:]+):(\d{1,5})$/

export function isDnsSeed(seed: string): boolean {
  return DNS.test(seed)
}

/** HOST:PORT of each. A name that can't be resolved now has no addresses yet: members of it may not have started. Never rejects. */
export async function resolveSeeds(seeds: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    seeds.map(async (seed) => {
      const [, name, port] = DNS.exec(seed) ?? []
      if (name === undefined) return [seed]
      const found = await lookup(name, { all: true }).catch(() => [])
      return found.map(({ address }) => formatAddress({ host: address, port: Number(port) }))
    }),
  )
  return lists.flat()
}
