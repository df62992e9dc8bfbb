/**
 * `node test/cluster/kill-leader.ts --kills 30 [--pause]`: how long clients of the other members are without writes when the leader is
 * killed, or stopped for a while (SIGSTOP).
 */

import { parseArgs } from 'node:util'
import { Cluster } from './cluster.ts'
import { measureFailovers, median } from './failover.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    members: { type: 'string', default: '4' },
    pause: { type: 'boolean', default: false },
    clients: { type: 'string', default: '2' },
  },
})

await using cluster = await Cluster.start({ members: Number(values.members) })
const report = await measureFailovers(cluster, {
  kills: Number(values.kills),
  how: values.pause ? 'pause' : 'kill',
  clientsPerMember: Number(values.clients),
  onFailover: ({ killed, withoutWritesMs, readFailures }, at) =>
    console.log(
      `kill ${at}: member ${killed}, ${Math.round(withoutWritesMs)} ms without writes, ` +
        `${readFailures.length} failed reads at the others ${readFailures.join(' | ')}`,
    ),
})
const waits = report.failovers.map(({ withoutWritesMs }) => withoutWritesMs)
const failedReads = report.failovers.reduce((sum, { readFailures }) => sum + readFailures.length, 0)
console.log(
  `${report.failovers.length} kills: median ${Math.round(median(waits))} ms, max ${Math.round(Math.max(...waits))} ms without writes; ` +
    `${report.acknowledged} acknowledged writes, none lost; ${report.reads} reads, ${failedReads} failed at the others`,
)
console.log(`writers were told: ${JSON.stringify(report.writeFailures)}`)
