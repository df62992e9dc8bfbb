/**
 * What an idle connection costs a member: memory of all its processes before and after so many clients have connected, over each protocol, first without a
 * word said and then after each has made one read. Private memory, so that mapped files don't count.
 *
 *     node bench/idle-connections.ts --connections 25000 --gateways 2
 */

import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ClusterUnderTest } from './stress/cluster-under-test.ts'
import { LoadProcesses } from './stress/load-processes.ts'
import type { Protocol } from './stress/load-protocol.ts'
import { usageOf } from './stress/processes.ts'

const THREADS = 10
const CONNECT_RATE = 2_000
/** For what was needed to connect to be collected. */
const SETTLE_MS = 15_000

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '25000' },
    gateways: { type: 'string', default: '2' },
    protocol: { type: 'string' },
  },
})
const connections = Number(values.connections)
const gateways = Number(values.gateways)

for (const protocol of ['postgres', 'websocket'] as const)
  if (values.protocol === undefined || values.protocol === protocol) await measure(protocol)

async function measure(protocol: Protocol): Promise<void> {
  await using cluster = await ClusterUnderTest.start(1, gateways)
  await cluster.makeForum(THREADS)
  // What is loaded and compiled with the first clients is not what clients cost.
  await connected(cluster, protocol, 100, async (load) => actOnce(load, 2_000))
  await pause(SETTLE_MS)
  const before = memoryOf(cluster)
  await connected(cluster, protocol, connections, async (load) => {
    await pause(SETTLE_MS)
    tell(protocol, 'connected', before, memoryOf(cluster))
    await actOnce(load, connections)
    await pause(SETTLE_MS)
    tell(protocol, 'after a read each', before, memoryOf(cluster))
  })
}

async function connected(
  cluster: ClusterUnderTest,
  protocol: Protocol,
  users: number,
  work: (load: LoadProcesses) => Promise<void>,
): Promise<void> {
  const { targets } = cluster
  const load = new LoadProcesses({
    users,
    targets,
    connectRate: CONNECT_RATE,
    threads: THREADS,
    seed: 1,
    protocol,
  })
  try {
    while (load.progress().connected < users) await pause(200)
    await work(load)
  } finally {
    await load.end()
  }
}

/** On average: whose turn it is is chance. */
async function actOnce(load: LoadProcesses, count: number): Promise<void> {
  const { done } = load.progress()
  load.act(2_000)
  while (load.progress().done < done + count) await pause(100)
  load.rest()
}

function memoryOf(cluster: ClusterUnderTest): Map<string, number> {
  return new Map(usageOf(cluster.processes()).map(({ name, privateBytes }) => [name, privateBytes]))
}

function tell(
  protocol: Protocol,
  what: string,
  before: Map<string, number>,
  after: Map<string, number>,
): void {
  const grown = [...after].map(([name, bytes]) => ({ name, bytes: bytes - (before.get(name) ?? 0) }))
  const all = grown.reduce((sum, { bytes }) => sum + bytes, 0)
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  const parts = grown.map(({ name, bytes }) => `${name} ${mib(bytes)}`).join(', ')
  process.stdout.write(
    `${protocol}, ${connections} connections, ${what}: ${mib(all)} MiB more, ${(all / connections / 1024).toFixed(1)} KiB each (${parts})\n`,
  )
}
