/**
 * `npm run sim:mutants [-- --only B8a,B9] [--seeds N] [--seed S] [--seconds T]`: puts each known bug into a copy of
 * the sources and lets the simulator look for it. Every mutant must die; the exit code is 1 if one survives.
 *
 * First the unchanged sources must survive the same seeds: a simulator that fails by itself kills everything.
 */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { knownNames, positiveNumber, runTool, wholeNumber } from './command-line.ts'
import { MUTANTS, NOT_APPLICABLE } from './mutants/catalogue.ts'
import type { HuntResult } from './mutants/hunt-result.ts'
import { forEachAtOnce, runScript } from './mutants/hunters.ts'
import type { Mutant } from './mutants/mutant.ts'
import { withPatchedCopy } from './mutants/workspace.ts'

const USAGE = `usage: npm run sim:mutants -- [--only B8a,S4] [--seeds N] [--seed S] [--seconds T] [--no-control]
  --only LIST    these mutants
  --seeds N      give up after so many seeds (5000)
  --seconds T    and after so many seconds of processor time (180)
  --seed S       the first seed (1)
  --no-control   do not run the unchanged sources first`

interface Budget {
  readonly firstSeed: number
  readonly seeds: number
  readonly seconds: number
}

const CONTROL_SEEDS = 200

async function huntIn(folder: string, profile: string, budget: Budget): Promise<HuntResult> {
  const { firstSeed, seeds, seconds } = budget
  const args = [join(folder, 'sim/mutants/hunt-main.ts'), profile, firstSeed, seeds, seconds].map(String)
  const { exitCode, output, errors } = await runScript(args)
  if (exitCode !== 0)
    throw new Error(`the simulator did not run (exit code ${exitCode}): ${errors.slice(0, 2000)}`)
  return JSON.parse(output) as HuntResult
}

async function controlSurvives(mutants: readonly Mutant[], budget: Budget): Promise<boolean> {
  const profiles = [...new Set(mutants.map(({ profile }) => profile))]
  let survives = true
  await withPatchedCopy([], async (folder) => {
    await forEachAtOnce(profiles, async (profile) => {
      const seeds = Math.min(budget.seeds, CONTROL_SEEDS)
      const result = await huntIn(folder, profile, { ...budget, seeds })
      console.log(
        result.killed
          ? `control  ${profile}: FAILED without any mutant, seed ${result.seed}, ${result.by}: ${result.message}`
          : `control  ${profile}: ${result.seeds} seeds pass, ${result.seconds.toFixed(1)} s`,
      )
      survives &&= !result.killed
    })
  })
  return survives
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seeds: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '180' },
      seed: { type: 'string', default: '1' },
      'no-control': { type: 'boolean', default: false },
    },
  })
  const bugs = MUTANTS.map(({ bug }) => bug)
  const only = values.only === undefined ? bugs : knownNames('only', values.only, bugs)
  const mutants = MUTANTS.filter(({ bug }) => only.includes(bug))
  const budget = {
    firstSeed: wholeNumber('seed', values.seed, 0),
    seeds: wholeNumber('seeds', values.seeds),
    seconds: positiveNumber('seconds', values.seconds),
  }
  if (!values['no-control'] && !(await controlSurvives(mutants, budget))) return 1
  const survivors: string[] = []
  await forEachAtOnce(mutants, async (mutant) => {
    const result = await withPatchedCopy(mutant.patches, (folder) => huntIn(folder, mutant.profile, budget))
    console.log(describe(mutant, result))
    if (!result.killed) survivors.push(mutant.bug)
  })
  for (const { bug, title, reason } of values.only === undefined ? NOT_APPLICABLE : []) {
    console.log(`${bug.padEnd(5)} not applicable: ${title}; ${reason}`)
  }
  console.log(
    survivors.length === 0
      ? `all ${mutants.length} mutants are dead`
      : `${survivors.length} of ${mutants.length} mutants SURVIVE: ${survivors.join(', ')}`,
  )
  return survivors.length === 0 ? 0 : 1
}

function describe({ bug, title, profile }: Mutant, result: HuntResult): string {
  const { killed, by, seed, seeds, seconds, message } = result
  const time = `${seconds.toFixed(1)} s`
  if (!killed) return `${bug.padEnd(5)} SURVIVED ${seeds} seeds of ${profile}, ${time}: ${title}`
  return [
    `${bug.padEnd(5)} killed by ${by}, after ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} of ${profile}, ${time}: ${title}`,
    `        seed ${seed}: ${message}`,
  ].join('\n')
}

process.exitCode = await runTool(USAGE, main)
