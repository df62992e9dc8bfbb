/** `node test/kill/main.ts --kills 200 [--members 4]`: the long run. Prints the seed; the same seed kills at the same moments. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { runTool, seedNumber, wholeNumber } from '../../sim/command-line.ts'
import { runKillLoop } from './kill-loop.ts'

const USAGE = `usage: node test/kill/main.ts [options]

  --kills N     lives in all, half of them with small limits (default 200)
  --writers N   at once (default 16)
  --members N   1, or a cluster (default 1)
  --seed S      kills at the same moments (default: a fresh one, printed)
  --keep        leaves the data where it is
  --help`

const SEEDS_BELOW = 2 ** 40

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      writers: { type: 'string', default: '16' },
      seed: { type: 'string' },
      members: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
    },
  })
  const kills = wholeNumber('kills', values.kills)
  const writers = wholeNumber('writers', values.writers)
  const members = wholeNumber('members', values.members)
  const seed = BigInt(seedNumber(values.seed, SEEDS_BELOW))
  console.log(`${kills} kills, ${writers} writers, seed ${seed}`)
  for (const isCompacting of [true, false]) {
    const dataFolder = mkdtempSync(`${tmpdir()}/harmony-kill-`)
    const result = await runKillLoop({
      dataFolder,
      kills: Math.ceil(kills / 2),
      writers,
      seed,
      members,
      isCompacting,
      onLife: (life, totals) => {
        if (life % 10 === 0) console.log(`life ${life}: ${JSON.stringify(totals)}`)
      },
    })
    console.log(`${isCompacting ? 'with' : 'without'} compaction: ${JSON.stringify(result)}`)
    if (values.keep) console.log(`data kept in ${dataFolder}`)
    else rmSync(dataFolder, { recursive: true, maxRetries: 10 })
  }
  return 0
}

process.exitCode = await runTool(USAGE, main)
