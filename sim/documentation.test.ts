/** The page about the simulators has a row for everything that somebody adds. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readSource } from './mutants/workspace.ts'
import { WORKLOADS } from './system/options.ts'

const PAGE = readSource('docs/internals/simulation.md')

test('simulation.md has a row for every workload', () => {
  for (const name of WORKLOADS) assert.match(PAGE, new RegExp(`^\\| \`${name}\` +\\| \\w`, 'm'))
})

test('simulation.md has a row for every checker of the core', () => {
  const files = readdirSync(join(import.meta.dirname, 'checkers'))
  const names = files.flatMap((file) => {
    const [, name] = /^ {2}readonly name = '(.+)'$/m.exec(readSource(`sim/checkers/${file}`)) ?? []
    return name === undefined ? [] : [name]
  })
  assert.ok(names.length > 10, names.join(', '))
  for (const name of names) assert.match(PAGE, new RegExp(`^\\| ${name} +\\| \\w`, 'm'))
})
