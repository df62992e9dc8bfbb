/**
 * SQLite's own test files through the PostgreSQL protocol.
 *
 *   node test/postgres/sqllogictest/main.ts FOLDER [--queries 100000] [--seed N] [--protocol simple|extended] [--queries-per-file 1000]
 *
 * FOLDER holds the files (sqlite.org/sqllogictest, folder `test`), which are too large for this repository. Files are taken in an order that the seed decides;
 * of each, all statements run and a sample of the queries, until there were enough. What fails is printed, and the program ends with 1.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../fuzz.ts'
import { openPostgres } from '../harness.ts'
import { parseScript } from './records.ts'
import { ScriptRunner, type Protocol } from './run-script.ts'

const FAILURES_SHOWN_MAX = 5

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test'))
    .toSorted()
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const shuffledItems = [...items]
  for (let at = shuffledItems.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const item = shuffledItems[at] as T
    shuffledItems[at] = shuffledItems[other] as T
    shuffledItems[other] = item
  }
  return shuffledItems
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      queries: { type: 'string', default: '100000' },
      'queries-per-file': { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      protocol: { type: 'string', default: 'simple' },
    },
  })
  const folder = positionals[0]
  if (folder === undefined) throw new Error('say where the test files are')
  const random = seededRandom(Number(values.seed))
  console.log(`seed ${values.seed}, at least ${values.queries} queries, ${values.protocol} protocol`)
  await using harness = await openPostgres()
  const runner = new ScriptRunner(harness, values.protocol as Protocol)
  const sum = { files: 0, statements: 0, queries: 0, failures: 0 }
  for (const file of shuffled(filesOf(folder), random)) {
    if (sum.queries >= Number(values.queries)) break
    const records = parseScript(readFileSync(join(folder, file), 'utf8'))
    const share = Number(values['queries-per-file']) / records.filter(({ kind }) => kind === 'query').length
    const report = await runner.run(records, () => random() < share)
    sum.files++
    sum.statements += report.statements
    sum.queries += report.queries
    sum.failures += report.failures.length
    for (const failure of report.failures.slice(0, FAILURES_SHOWN_MAX)) console.log(`${file} ${failure}`)
    console.log(
      `${sum.files} ${file}: ${report.queries} queries, ${report.failures.length} failures; ${sum.queries} queries in all`,
    )
  }
  console.log(JSON.stringify(sum))
  process.exitCode = sum.failures === 0 ? 0 : 1
}

await main()
