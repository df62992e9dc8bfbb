import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { Violation } from './checkers/checker.ts'
import { PROFILE_NAMES } from './cluster/profiles.ts'
import { MUTANTS } from './mutants/catalogue.ts'
import { withPatchedCopy } from './mutants/workspace.ts'
import { runSeed } from './run.ts'
import type { RunResult } from './run.ts'

const FRESH_SEEDS = 20

function describeFailure({ seed, failure }: RunResult): string {
  const checker = failure instanceof Violation ? failure.checker : failure?.name
  return `seed ${seed}: ${checker}: ${failure?.message}; replay it with: npm run sim -- --seed ${seed}`
}

test('the same seed gives the same run to the last event, recorded or not', () => {
  for (const seed of [11, 12, 13]) {
    const first = runSeed({ seed, profile: 'swarm', recording: false })
    const again = runSeed({ seed, profile: 'swarm', recording: false })
    const recorded = runSeed({ seed, profile: 'swarm', recording: true })
    assert.equal(again.hash, first.hash)
    assert.equal(recorded.hash, first.hash)
    assert.equal(again.events, first.events)
    assert.deepEqual(again.clients, first.clients)
    assert.ok(first.trace.count > 100)
  }
})

test('other seeds give other runs', () => {
  const hashes = [1, 2, 3, 4, 5].map((seed) => runSeed({ seed, profile: 'swarm', recording: false }).hash)
  assert.equal(new Set(hashes).size, hashes.length)
})

test('fresh seeds pass', (context) => {
  const first = Math.floor(Math.random() * 2 ** 40)
  context.diagnostic(`seeds ${first} to ${first + FRESH_SEEDS - 1}`)
  let committed = 0
  for (let seed = first; seed < first + FRESH_SEEDS; seed += 1) {
    const result = runSeed({ seed, profile: 'swarm', recording: false })
    assert.equal(result.failure, null, describeFailure(result))
    committed += result.committed
  }
  assert.ok(committed > 100, `the runs committed only ${committed} entries`)
})

test('every profile runs, passes, and gets something done', () => {
  for (const profile of PROFILE_NAMES) {
    const result = runSeed({ seed: 7, profile, recording: false })
    assert.equal(result.failure, null, `${profile}, ${describeFailure(result)}`)
    assert.ok(result.committed > 0 && result.clients.acknowledged > 0, profile)
  }
})

function runMain(folder: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [join(folder, 'sim/main.ts'), ...args], (error, output) =>
      done({ code: error?.code ?? 0, output }),
    )
  })
}

test('a failure is replayed exactly and explained: seed, checker, and the lines that led to it', async () => {
  const mutant = MUTANTS.find(({ bug }) => bug === 'B8b')
  assert.ok(mutant)
  const { code, output } = await withPatchedCopy(mutant.patches, (folder) =>
    runMain(folder, '--seeds', '5', '--seed', '1'),
  )
  assert.equal(code, 1)
  assert.match(output, /seed \d+ failed after [\d.]+ simulated seconds/)
  assert.match(output, /violated: durable promises: member \d acknowledges entries up to \d+/)
  assert.match(output, /replayed exactly: trace hash [0-9a-f]{16}/)
  assert.match(output, /npm run sim -- --profile swarm --seed \d+ /)
  assert.match(output, /member \d {2}role {7}is (leader|follower) of term/)
})

test('the command prints its seed and its speed, and fails on what it does not know', async () => {
  const root = join(import.meta.dirname, '..')
  const good = await runMain(root, '--seeds', '2', '--seed', '21')
  assert.equal(good.code, 0)
  assert.match(good.output, /seeds 21 to 22/)
  assert.match(good.output, /2 runs, 0 failed; [\d,]+ events \([\d,]+ per second\)/)
  assert.match((await runMain(root, '--seeds', '1')).output, /seeds \d+ to \d+/)
  assert.match((await runMain(root, '--seed', '21')).output, /seeds 21 to 21\n/)
  assert.equal((await runMain(root, '--profile', 'nonsense')).code, 2)
})
