/**
 * `npm run sim:system:mutants [-- --only J1,G4] [--sample N] [--seeds N] [--seed S] [--seconds T]`: puts each bug of `mutants/catalogue.ts`
 * into a copy of the sources and lets the whole system in the simulator, or a named test, look for it. Every mutant must die; the exit code is 1 if
 * one survives. First the unchanged sources must survive the same runs and tests.
 */

import { parseArgs } from 'node:util'
import { knownNames, positiveNumber, runTool, seedNumber, wholeNumber } from '../command-line.ts'
import { forEachAtOnce } from '../mutants/hunters.ts'
import { SYSTEM_MUTANTS } from './mutants/catalogue.ts'
import { hunt } from './mutants/hunt.ts'
import type { Budget } from './mutants/hunt.ts'
import type { Hunter, SystemMutant } from './mutants/system-mutant.ts'

const USAGE = `usage: npm run sim:system:mutants -- [--only J1,G4] [--sample N] [--seeds N] [--seed S] [--seconds T] [--no-control]
  --only LIST    these mutants
  --sample N     so many of them, drawn by the seed
  --seeds N      give up after so many seeds (200)
  --seconds T    and after so many seconds of processor time (60)
  --seed S       the first seed; drawn and printed if left out
  --no-control   do not run the unchanged sources first`

const CONTROL_SEEDS = 2
const SEEDS_ABOVE = 2 ** 32

function nameOf(hunter: Hunter): string {
  return hunter.kind === 'simulator' ? hunter.focus : `${hunter.file}: ${hunter.name}`
}

/** A simulator or a test that fails by itself kills everything. */
async function failuresWithoutMutants(mutants: readonly SystemMutant[], budget: Budget): Promise<number> {
  const hunters = new Map(mutants.map(({ hunter }) => [nameOf(hunter), hunter]))
  let failures = 0
  await forEachAtOnce([...hunters], async ([name, hunter]) => {
    const { killed, by, seed, message } = await hunt([], hunter, { ...budget, seeds: CONTROL_SEEDS })
    if (!killed) return
    failures++
    console.log(`control: ${name} FAILED without any mutant: seed ${seed}, ${by}: ${message}`)
  })
  if (failures === 0) console.log(`control: ${hunters.size} kinds of runs and tests pass without a mutant`)
  return failures
}

async function survivorsOf(mutants: readonly SystemMutant[], budget: Budget): Promise<string[]> {
  const survivors: string[] = []
  await forEachAtOnce(mutants, async ({ bug, title, patches, hunter }) => {
    const { killed, by, seed, seeds, seconds, message } = await hunt(patches, hunter, budget)
    if (!killed) survivors.push(bug)
    const runs =
      hunter.kind === 'test' ? 'a test' : `${seeds} ${seeds === 1 ? 'seed' : 'seeds'} of ${hunter.focus}`
    const verdict = killed ? `killed by ${by}, after` : 'SURVIVED'
    console.log(`${bug.padEnd(4)} ${verdict} ${runs}, ${seconds.toFixed(1)} s: ${title}`)
    if (killed) console.log(`       ${hunter.kind === 'test' ? '' : `seed ${seed}: `}${message}`)
  })
  return survivors
}

/** The same ones for the same seed. */
function sampled(mutants: readonly SystemMutant[], count: number, seed: number): SystemMutant[] {
  const first = seed % mutants.length
  return [...mutants.slice(first), ...mutants.slice(0, first)].slice(0, count)
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      sample: { type: 'string' },
      seeds: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      'no-control': { type: 'boolean', default: false },
    },
  })
  const bugs = SYSTEM_MUTANTS.map(({ bug }) => bug)
  const only = values.only === undefined ? bugs : knownNames('only', values.only, bugs)
  const chosen = SYSTEM_MUTANTS.filter(({ bug }) => only.includes(bug))
  const firstSeed = seedNumber(values.seed, SEEDS_ABOVE)
  const budget = {
    firstSeed,
    seeds: wholeNumber('seeds', values.seeds),
    seconds: positiveNumber('seconds', values.seconds),
  }
  const count = values.sample === undefined ? chosen.length : wholeNumber('sample', values.sample)
  const mutants = sampled(chosen, count, firstSeed)
  console.log(`${mutants.length} of ${SYSTEM_MUTANTS.length} mutants of the system, seeds from ${firstSeed}`)
  if (!values['no-control'] && (await failuresWithoutMutants(mutants, budget)) > 0) return 1
  const survivors = await survivorsOf(mutants, budget)
  console.log(
    survivors.length === 0
      ? `all ${mutants.length} mutants are dead`
      : `${survivors.length} of ${mutants.length} mutants SURVIVE: ${survivors.join(', ')}`,
  )
  return survivors.length === 0 ? 0 : 1
}

process.exitCode = await runTool(USAGE, main)
