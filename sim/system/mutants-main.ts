/**
 * `npm run sim:system:mutants [-- --only H1,H4] [--seeds N] [--seed S] [--seconds T]`: puts each bug of `mutants/catalogue.ts` into a copy of
 * the sources and lets the whole system in the simulator look for it. Every mutant must die; the exit code is 1 if one survives. First the
 * unchanged sources must survive the same runs.
 */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { HuntResult } from '../mutants/hunt-result.ts'
import type { Patch } from '../mutants/mutant.ts'
import { withPatchedCopy } from '../mutants/workspace.ts'
import { SYSTEM_MUTANTS } from './mutants/catalogue.ts'
import type { Focus } from './mutants/focus.ts'

interface Budget {
  readonly firstSeed: number
  readonly seeds: number
  readonly seconds: number
}

const CONTROL_SEEDS = 3

function hunt(patches: readonly Patch[], focus: Focus, budget: Budget): Promise<HuntResult> {
  const run = async (folder: string): Promise<HuntResult> => {
    const { firstSeed, seeds, seconds } = budget
    const args = [join(folder, 'sim/system/mutants/hunt-main.ts'), focus, firstSeed, seeds, seconds]
    const { status, stdout, stderr } = spawnSync(process.execPath, args.map(String), { encoding: 'utf8' })
    if (status !== 0)
      throw new Error(`the simulator did not run (exit code ${status}): ${stderr.slice(0, 2000)}`)
    return JSON.parse(stdout) as HuntResult
  }
  return withPatchedCopy(patches, run, ['src', 'sim'])
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seeds: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '120' },
      seed: { type: 'string', default: '1' },
      'no-control': { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',')
  const mutants = SYSTEM_MUTANTS.filter(({ bug }) => only === undefined || only.includes(bug))
  const budget = {
    firstSeed: Number(values.seed),
    seeds: Number(values.seeds),
    seconds: Number(values.seconds),
  }
  let failures = 0
  for (const focus of values['no-control'] ? [] : new Set(mutants.map((mutant) => mutant.focus))) {
    const { killed, by, message } = await hunt([], focus, { ...budget, seeds: CONTROL_SEEDS })
    if (killed) failures++
    console.log(`control  ${focus}: ${killed ? `FAILED without any mutant, ${by}: ${message}` : 'passes'}`)
  }
  for (const { bug, title, patches, focus } of mutants) {
    const { killed, by, seeds, seconds, message } = await hunt(patches, focus, budget)
    if (!killed) failures++
    const effort = `${seeds} ${seeds === 1 ? 'seed' : 'seeds'} of ${focus}, ${seconds.toFixed(1)} s`
    console.log(`${bug.padEnd(4)} ${killed ? `killed by ${by}, after` : 'SURVIVED'} ${effort}: ${title}`)
    if (killed) console.log(`       ${message}`)
  }
  console.log(failures === 0 ? `all ${mutants.length} mutants are dead` : `${failures} FAILURES`)
  return failures === 0 ? 0 : 1
}

process.exitCode = await main()
