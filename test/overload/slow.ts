/** Clients that ask for 16 MB each and read nothing: the most memory that the member takes meanwhile. */

import type { Socket } from 'node:net'
import type { Protocol } from './idle-client.ts'
import { askAndStop, PADS } from './large-result.ts'
import { Target } from './target.ts'

const MIB = 1024 * 1024

/** One line about it. Throws if others are not served. */
export async function measureSlow(protocol: Protocol, count: number): Promise<string> {
  await using target = await Target.start()
  for (const sql of PADS) await target.query(sql)
  const beforeBytes = target.memoryBytes
  let mostBytes = 0
  const sockets: Socket[] = []
  for (let at = 0; at < count; at++) {
    sockets.push(await askAndStop(target, protocol))
    await target.query('SELECT id FROM pads WHERE id = 1')
    mostBytes = Math.max(mostBytes, target.memoryBytes - beforeBytes)
  }
  for (const socket of sockets) socket.destroy()
  return `${protocol}: ${count} clients ask for 16 MB each and read nothing: ${Math.round(mostBytes / MIB)} MiB more than before at most, query workers included`
}
