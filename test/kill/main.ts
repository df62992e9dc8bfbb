/** `node test/kill/main.ts --kills 200 [--members 4]`: the long run. Prints the seed; the same seed kills at the same moments. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { runKillLoop } from './kill-loop.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    writers: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now()) },
    members: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})
const kills = Number(values.kills)
const seed = BigInt(values.seed)
console.log(`${kills} kills, ${values.writers} writers, seed ${seed}`)
for (const isCompacting of [true, false]) {
  const dataFolder = mkdtempSync(`${tmpdir()}/harmony-kill-`)
  const result = await runKillLoop({
    dataFolder,
    kills: Math.ceil(kills / 2),
    writers: Number(values.writers),
    seed,
    members: Number(values.members),
    isCompacting,
    onLife: (life, totals) => {
      if (life % 10 === 0) console.log(`life ${life}: ${JSON.stringify(totals)}`)
    },
  })
  console.log(`${isCompacting ? 'with' : 'without'} compaction: ${JSON.stringify(result)}`)
  if (values.keep) console.log(`data kept in ${dataFolder}`)
  else rmSync(dataFolder, { recursive: true, maxRetries: 10 })
}
