/**
 * `npm run fuzz -- [--target T] [--inputs N] [--seed S] [--first I]`: feeds everything that reads bytes from outside with damaged ones. One target, or
 * all after one another; a seed that is drawn is printed.
 */

import { parseArgs } from 'node:util'
import { knownName, runTool, seedNumber, wholeNumber } from '../../sim/command-line.ts'
import { fuzz } from './runner.ts'
import type { FuzzFigures } from './runner.ts'
import { TARGETS } from './targets.ts'
import type { FuzzTarget } from './target.ts'

const USAGE = `usage: npm run fuzz -- [--target T] [--inputs N] [--seed S] [--first I]
  --target T   one of the targets below; all of them if left out
  --inputs N   how many inputs each gets (100000)
  --seed S     drawn and printed if left out
  --first I    begin with this input of the seed, as a failure says

targets:
${TARGETS.map(({ name, what }) => `  ${name.padEnd(16)} ${what}`).join('\n')}
  and npm run fuzz:postgres for messages of PostgreSQL, which are conversations`

const MIB = 2 ** 20

function line(name: string, figures: FuzzFigures): string {
  const { inputs, taken, refused, seconds, longestMs, allocatedBytesMax, heapBytes, residentBytes } = figures
  const sizes = [allocatedBytesMax, heapBytes, residentBytes].map((bytes) => (bytes / MIB).toFixed(1))
  return (
    `${name}: ${inputs} inputs, ${taken} taken, ${refused} refused, ${Math.round(inputs / seconds)} a second; ` +
    `of one input at most ${longestMs.toFixed(1)} ms and ${sizes[0]} MiB; heap ${sizes[1]} MiB, resident ${sizes[2]} MiB`
  )
}

function chosen(name: string | undefined): readonly FuzzTarget[] {
  if (name === undefined) return TARGETS
  const known = knownName(
    'target',
    name,
    TARGETS.map((target) => target.name),
  )
  return TARGETS.filter((target) => target.name === known)
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      first: { type: 'string', default: '0' },
    },
  })
  const inputs = wholeNumber('inputs', values.inputs)
  const first = wholeNumber('first', values.first, 0)
  const seed = seedNumber(values.seed, 2 ** 31)
  const targets = chosen(values.target)
  console.log(`fuzzing ${targets.map(({ name }) => name).join(', ')}: ${inputs} inputs each, seed ${seed}`)
  let failures = 0
  for (const target of targets) {
    const progress = (figures: FuzzFigures): void => console.log(line(target.name, figures))
    try {
      progress(await fuzz(target, { inputs, seed, first, progress }))
    } catch (error) {
      failures++
      console.error(error instanceof Error ? (error.stack ?? error.message) : error)
      if (error instanceof Error && error.cause instanceof Error)
        console.error(`caused by ${error.cause.stack}`)
    }
  }
  console.log(failures === 0 ? 'no input was handled wrongly' : `${failures} targets FAILED`)
  return failures === 0 ? 0 : 1
}

process.exit(await runTool(USAGE, main))
