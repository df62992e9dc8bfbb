/**
 * `npm run sim -- [--seeds N] [--seed S] [--profile P] [--trace]`: runs N seeds from S on, stops at the first failure,
 * replays it and explains it. `--seed S` alone is one seed. Without it the first of a hundred is drawn, and printed.
 */

import { parseArgs } from 'node:util'
import { PROFILE_NAMES } from './cluster/profiles.ts'
import { knownName, runTool, seedNumber, wholeNumber } from './command-line.ts'
import { explainFailure, formatTrace } from './report.ts'
import { runSeed } from './run.ts'
import type { RunResult } from './run.ts'

const USAGE = `usage: npm run sim -- [--seeds N] [--seed S] [--profile P] [--trace] [--continue]
  --seeds N     how many seeds to run (100; 1 with --seed)
  --seed S      the first seed; drawn and printed if left out
  --profile P   the mix of faults (swarm): ${PROFILE_NAMES.join(', ')}
  --trace       print the whole trace of each run
  --continue    go on after a failure and list all failing seeds`

const SEEDS_ABOVE = 2 ** 40

interface Totals {
  runs: number
  events: number
  simulatedUs: number
  committed: number
  failures: number
}

function main(): number {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      profile: { type: 'string', default: 'swarm' },
      trace: { type: 'boolean', default: false },
      continue: { type: 'boolean', default: false },
    },
  })
  const profile = knownName('profile', values.profile, PROFILE_NAMES)
  const first = seedNumber(values.seed, SEEDS_ABOVE)
  const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '100' : '1'))
  console.log(`profile ${profile}, seeds ${first} to ${first + count - 1}`)
  const totals: Totals = { runs: 0, events: 0, simulatedUs: 0, committed: 0, failures: 0 }
  const startedMs = performance.now()
  for (let seed = first; seed < first + count; seed += 1) {
    const result = runSeed({ seed, profile, recording: values.trace })
    add(totals, result)
    if (values.trace) console.log(formatTrace(result))
    if (result.failure !== null) {
      const short = values.continue
      console.log(short ? `seed ${seed}: ${firstLine(result.failure)}` : explainFailure(result, profile))
      if (!short) break
    }
    if (totals.runs % 100 === 0) console.log(progress(totals, startedMs))
  }
  console.log(progress(totals, startedMs))
  return totals.failures === 0 ? 0 : 1
}

function firstLine(error: Error): string {
  const checker = 'checker' in error ? String(error.checker) : error.name
  return `${checker}: ${error.message.split('\n')[0]}`
}

function add(totals: Totals, result: RunResult): void {
  totals.runs += 1
  totals.events += result.events
  totals.simulatedUs += result.simulatedUs
  totals.committed += result.committed
  if (result.failure !== null) totals.failures += 1
}

function progress(totals: Totals, startedMs: number): string {
  const seconds = (performance.now() - startedMs) / 1000
  const perSecond = Math.round(totals.events / seconds).toLocaleString('en')
  const minutes = Math.round(totals.simulatedUs / 60e6)
  return `${totals.runs} runs, ${totals.failures} failed; ${totals.events.toLocaleString('en')} events (${perSecond} per second), ${minutes} minutes simulated in ${seconds.toFixed(1)} s, ${totals.committed.toLocaleString('en')} entries committed`
}

process.exitCode = await runTool(USAGE, main)
