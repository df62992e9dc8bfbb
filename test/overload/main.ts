/**
 * `node test/overload/main.ts`: a member under more than it can serve, and what it does then, as figures.
 *
 *   idle   ten thousand connections of each protocol that do nothing: memory of each, and what others notice
 *   slow   clients that ask for much and read nothing: the most memory that they take together
 *   flood  more writers than the queue takes: who is refused, how fast, and how long the accepted wait
 *
 * `npm test` has the same in small (`*.test.ts` beside this file).
 */

import { parseArgs } from 'node:util'
import { knownName, knownNames, runTool, wholeNumber } from '../../sim/command-line.ts'
import { measureFlood } from './flood.ts'
import { measureIdle } from './idle.ts'
import { PROTOCOLS } from './idle-client.ts'
import { measureSlow } from './slow.ts'

const USAGE = `usage: node test/overload/main.ts [options]

  --connections N   idle ones of each protocol (default 10000)
  --slow N          clients that read nothing (default 60)
  --writers N       of the flood (default 3000)
  --protocol P      only http, websocket or postgres
  --only A,B        idle, slow, flood (default all of them)
  --help`

const PARTS = ['idle', 'slow', 'flood'] as const

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '10000' },
      slow: { type: 'string', default: '60' },
      writers: { type: 'string', default: '3000' },
      only: { type: 'string', default: PARTS.join(',') },
      protocol: { type: 'string' },
    },
  })
  const connections = wholeNumber('connections', values.connections)
  const slow = wholeNumber('slow', values.slow)
  const writers = wholeNumber('writers', values.writers)
  const parts = knownNames('only', values.only, PARTS)
  const { protocol: one } = values
  const protocols = one === undefined ? PROTOCOLS : [knownName('protocol', one, PROTOCOLS)]
  if (parts.includes('idle'))
    for (const protocol of protocols) console.log(await measureIdle(protocol, connections))
  if (parts.includes('slow')) for (const protocol of protocols) console.log(await measureSlow(protocol, slow))
  if (parts.includes('flood')) console.log(await measureFlood(writers))
  return 0
}

process.exitCode = await runTool(USAGE, main)
