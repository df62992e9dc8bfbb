/** Connections that do nothing: what each takes, and what others notice. */

import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openIdle, type Protocol } from './idle-client.ts'
import { Target } from './target.ts'

const AT_ONCE = 100
/** For what was needed to connect to be collected. */
const SETTLE_MS = 10_000
const OTHERS = 2_000

/** One line about it. Throws if a connection was refused or ended meanwhile. */
export async function measureIdle(protocol: Protocol, count: number): Promise<string> {
  // The others need some, too.
  await using target = await Target.start(
    `http.connectionsMax=${count + 500}`,
    `postgres.connectionsMax=${count + 500}`,
    `gateway.sessionsMax=${2 * count + 500}`,
    'http.keepAliveTimeoutMs=1h',
  )
  await target.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  // What is loaded and compiled with the first clients is not what clients cost.
  for (const socket of await open(target, protocol, AT_ONCE)) socket.destroy()
  const aloneMs = await cpuOfOthersMs(target)
  await sleep(SETTLE_MS)
  const beforeBytes = target.memoryBytes
  const sockets = await open(target, protocol, count)
  await sleep(SETTLE_MS)
  const eachBytes = (target.memoryBytes - beforeBytes) / count
  const besideMs = await cpuOfOthersMs(target)
  const gone = sockets.filter(({ destroyed }) => destroyed).length
  for (const socket of sockets) socket.destroy()
  if (gone > 0) throw new Error(`${gone} of ${count} connections ended`)
  return (
    `${protocol}: ${count.toLocaleString('en')} idle connections take ${(eachBytes / 1024).toFixed(1)} KiB each; ` +
    `a request of others takes ${besideMs.toFixed(2)} ms of processor time beside them, ${aloneMs.toFixed(2)} ms without them`
  )
}

async function open(target: Target, protocol: Protocol, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () =>
      openIdle(protocol, target.address(protocol)),
    )
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

/** Of a write and a read, half each, over HTTP: the processor time of the member for one. */
async function cpuOfOthersMs(target: Target): Promise<number> {
  const startMs = target.cpuTimeMs
  for (let at = 0; at < OTHERS / 2; at++) {
    await target.query('INSERT INTO notes (text) VALUES (?)', ['x'])
    await target.query('SELECT text FROM notes WHERE id = 1')
  }
  return (target.cpuTimeMs - startMs) / OTHERS
}
