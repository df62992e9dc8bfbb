/** The short form of `node test/kill/main.ts`. HARMONYDB_KILLS changes how many, HARMONYDB_TEST_MEMBERS of how many members. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { runKillLoop } from './kill-loop.ts'

const MEMBERS = Number(process.env['HARMONYDB_TEST_MEMBERS'] ?? 1)
const KILLS = Number(process.env['HARMONYDB_KILLS'] ?? 14)

for (const isCompacting of [true, false]) {
  const kept = isCompacting ? 'while it compacts' : 'while it keeps its whole log'
  test(`a member killed at random moments, ${kept}: nothing acknowledged is missing, nothing is half there`, async (t) => {
    const dataFolder = mkdtempSync(`${tmpdir()}/harmony-kill-`)
    const seed = BigInt(Date.now())
    t.diagnostic(`seed ${seed}`)
    try {
      const kills = Math.ceil(KILLS / 2)
      const result = await runKillLoop({
        dataFolder,
        kills,
        writers: 8,
        seed,
        isCompacting,
        members: MEMBERS,
      })
      t.diagnostic(JSON.stringify(result))
      assert.ok(result.committed > 0, 'writers got somewhere')
    } finally {
      rmSync(dataFolder, { recursive: true, maxRetries: 10 })
    }
  })
}
