/**
 * `npm run sim:system -- [--seeds N] [--seed S] [--seconds T] [--machines M] [--static] [--trace] [--twice]`: the whole system in the simulator, one
 * line for each seed. Stops at the first failure and tells how to replay it. Without `--seed` the first seed is drawn, and
 * printed.
 */

import { parseArgs } from 'node:util'
import { positiveNumber, runTool, seedNumber, wholeNumber } from '../command-line.ts'
import { formatLine } from '../trace.ts'
import { Violation } from '../checkers/checker.ts'
import { adjusted, replayCommand } from './command.ts'
import type { Asked } from './command.ts'
import { runSystem } from './run.ts'
import type { SystemResult } from './run.ts'

const USAGE = `usage: npm run sim:system -- [--seeds N] [--seed S] [--seconds T] [--machines M] [--static] [--trace] [--twice] [--continue]
  --seeds N      how many seeds to run (10; 1 with --seed)
  --seed S       the first seed; drawn and printed if left out
  --seconds T    begin no further seed after so many seconds
  --machines M   so many machines, whatever the seed says
  --static       groups, transport and routing only, without a catalog
  --trace        print the whole trace
  --twice        run each seed twice: both must be the same, to the last event
  --continue     go on after a failure`

const SEEDS_ABOVE = 2 ** 40
const LINES_SHOWN = 40

/** Kept from before a run replaces them. */
const nowMs = performance.now.bind(performance)

function line(result: SystemResult, seconds: number): string {
  const { seed, options, hash, events, simulatedUs, counts, failure } = result
  const work = Object.entries(counts).map(
    ([name, { ok, refused, unknown }]) => `${name} ${ok}/${refused}/${unknown}`,
  )
  const verdict = failure === null ? 'ok  ' : 'FAIL'
  return `seed ${seed} ${verdict} ${hash} ${options.machines} machines, ${(simulatedUs / 1e6).toFixed(0)} s simulated in ${seconds.toFixed(1)} s, ${events} events; ok/refused/unknown: ${work.join(', ')}`
}

async function explain(failed: SystemResult, asked: Asked): Promise<string> {
  const replay = await runSystem({ seed: failed.seed, recording: true, adjust: adjusted(asked) })
  const failure = failed.failure ?? new Error('the run did not fail')
  const isSame = replay.hash === failed.hash
  return [
    failure instanceof Violation ? `violated: ${failure.checker}: ${failure.message}` : (failure.stack ?? ''),
    failure.cause instanceof Error ? `caused by ${failure.cause.stack}` : '',
    `the last ${LINES_SHOWN} lines of the trace:`,
    ...replay.trace.lines.slice(-LINES_SHOWN).map((one) => formatLine(one)),
    isSame
      ? `replayed exactly: trace hash ${replay.hash}`
      : `NOT REPLAYED EXACTLY: trace hash ${failed.hash} became ${replay.hash}`,
    `replay it with: ${replayCommand(failed.seed, asked)}`,
  ].join('\n')
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string', default: '3600' },
      machines: { type: 'string' },
      static: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      twice: { type: 'boolean', default: false },
      continue: { type: 'boolean', default: false },
    },
  })
  const first = seedNumber(values.seed, SEEDS_ABOVE)
  const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '10' : '1'))
  const secondsMax = positiveNumber('seconds', values.seconds)
  const machines = values.machines === undefined ? null : wholeNumber('machines', values.machines)
  const asked: Asked = { machines, isStatic: values.static }
  const adjust = adjusted(asked)
  console.log(`the whole system, seeds ${first} to ${first + count - 1}`)
  const startedMs = nowMs()
  let failures = 0
  for (let seed = first; seed < first + count; seed++) {
    const seedMs = nowMs()
    if (seedMs - startedMs > secondsMax * 1000) break
    const result = await runSystem({ seed, recording: values.trace, adjust })
    if (values.trace) {
      console.log(JSON.stringify(result.options, null, 2))
      for (const one of result.trace.lines) console.log(formatLine(one))
    }
    console.log(line(result, (nowMs() - seedMs) / 1000))
    const again = values.twice ? await runSystem({ seed, recording: false, adjust }) : result
    if (again.hash !== result.hash) console.log(`seed ${seed} is NOT DETERMINISTIC: then ${again.hash}`)
    if (result.failure === null && again.hash === result.hash) continue
    failures++
    console.log(await explain(result, asked))
    if (!values.continue) break
  }
  console.log(failures === 0 ? 'all seeds pass' : `${failures} seeds FAILED`)
  return failures === 0 ? 0 : 1
}

process.exitCode = await runTool(USAGE, main)
