/**
 * Scripted scenarios, compared with what they did when they were last read and found right. After a change that
 * is meant: `RAFT_GOLDEN=rewrite node --test src/raft/golden.test.ts`, then read the difference.
 */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runScript } from './testing/interpreter.ts'

const FOLDER = join(import.meta.dirname, 'testdata')

/** Shows where two transcripts part, instead of both. */
function assertSameLines(actual: readonly string[], expected: readonly string[]): void {
  const at = actual.findIndex((line, index) => line !== expected[index])
  if (at === -1) return assert.equal(actual.length, expected.length)
  const around = (lines: readonly string[]): string => lines.slice(Math.max(0, at - 3), at + 4).join('\n')
  assert.equal(around(actual), around(expected), `line ${at + 1} differs`)
}

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
  test(`scenario: ${name.replace('.txt', '').replaceAll('-', ' ')}`, () => {
    const path = join(FOLDER, name)
    const expected = readFileSync(path, 'utf8')
    const actual = runScript(expected)
    if (process.env['RAFT_GOLDEN'] === 'rewrite') writeFileSync(path, actual)
    else assertSameLines(actual.split('\n'), expected.split('\n'))
  })
}

test('there are scenarios', () => {
  assert.ok(readdirSync(FOLDER).length >= 20)
})
