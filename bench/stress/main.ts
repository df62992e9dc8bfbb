/** `npm run stress`: a hundred thousand users on four members. See --help. */

import { writeFileSync } from 'node:fs'
import { runTool } from '../../sim/command-line.ts'
import { readOptions, USAGE } from './options.ts'
import { renderReport } from './report.ts'
import { runStress } from './run.ts'

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  const result = await runStress(options, (line) => {
    // Lines that are written over, and one after another where nobody watches.
    process.stdout.write(
      process.stdout.isTTY || !line.startsWith('\r') ? line : `${line.slice(1).trimEnd()}\n`,
    )
  })
  process.stdout.write('\n')
  if (options.report !== null) {
    writeFileSync(`${options.report}.json`, `${JSON.stringify(result)}\n`)
    writeFileSync(`${options.report}.html`, renderReport(result))
    process.stdout.write(`report: ${options.report}.html\n`)
  }
  const { phases, writes, failure, problems } = result
  process.stdout.write(`${JSON.stringify({ phases, failure, writes }, null, 2)}\n`)
  for (const row of result.latencies.filter(({ protocol }) => protocol === 'all'))
    process.stdout.write(
      `${row.phase} ${row.operation}: ${row.count}, p50 ${row.p50Ms.toFixed(2)} ms, p99 ${row.p99Ms.toFixed(1)} ms, p99.9 ${row.p999Ms.toFixed(1)} ms\n`,
    )
  for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`)
  return problems.length === 0 ? 0 : 1
}

process.exitCode = await runTool(USAGE, main)
