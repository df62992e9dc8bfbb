/** Scripts of sqllogictest through the PostgreSQL protocol, in SQLite's dialect; and that the runner sees what is wrong. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openPostgres, type PostgresHarness } from '../harness.ts'
import { differenceOf } from './answers.ts'
import { parseScript, type QueryRecord } from './records.ts'
import { ScriptRunner } from './run-script.ts'

const FOLDER = join(import.meta.dirname, 'scripts')
const SCRIPTS = readdirSync(FOLDER)

let harness: PostgresHarness

before(async () => {
  harness = await openPostgres()
})

after(async () => {
  await harness[Symbol.asyncDispose]()
})

for (const protocol of ['simple', 'extended'] as const) {
  for (const script of SCRIPTS) {
    test(`${script} in ${protocol} protocol`, async () => {
      const records = parseScript(readFileSync(join(FOLDER, script), 'utf8'))
      const report = await new ScriptRunner(harness, protocol).run(records, () => true)
      assert.deepEqual(report.failures, [])
      assert.equal(report.statements + report.queries, records.length)
    })
  }
}

test('wrong answers, statements that should fail, and missing errors are seen', async () => {
  const records = parseScript(
    'statement ok\nCREATE TABLE t(a)\n\nstatement error\nSELECT 1\n\nstatement ok\nSELECT nothing\n\nquery I nosort\nSELECT 2\n----\n3\n',
  )
  const { failures } = await new ScriptRunner(harness, 'simple').run(records, () => true)
  assert.deepEqual(
    failures.map((failure) => failure.split(':')[0]),
    ['line 4', 'line 7', 'line 10'],
  )
})

test('values are compared as the reference program writes them', () => {
  const record = (types: string, ...expected: string[]): QueryRecord => ({
    kind: 'query',
    line: 1,
    sql: '',
    types,
    sortMode: 'nosort',
    expected,
  })
  assert.equal(differenceOf(record('ITR', '3', '(empty)', '0.100'), [['3.9', '', '0.1']]), null)
  assert.equal(differenceOf(record('T', 'a@b'), [['a\nb']]), null)
  assert.equal(
    differenceOf(record('II', '1 2', '3 NULL'), [
      ['1', '2'],
      ['3', null],
    ]),
    null,
  )
  assert.equal(
    differenceOf(record('I', '1 values hashing to b026324c6904b2a9cb4b88d6d61c81d1'), [['1']]),
    null,
  )
  assert.match(
    differenceOf(record('I', '1 values hashing to 00000000000000000000000000000000'), [['1']]) ?? '',
    /hashed/,
  )
  assert.match(differenceOf(record('I', '1'), [['1', '2']]) ?? '', /2 columns/)
  assert.match(differenceOf(record('I', '1'), []) ?? '', /got \[\]/)
})
