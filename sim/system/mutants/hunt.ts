/** Looks for a bug in a copy of the sources, with the simulator or with a test. */

import { join } from 'node:path'
import type { HuntResult } from '../../mutants/hunt-result.ts'
import { runScript } from '../../mutants/hunters.ts'
import type { Patch } from '../../mutants/mutant.ts'
import { withPatchedCopy } from '../../mutants/workspace.ts'
import type { Focus } from './focus.ts'
import type { Hunter } from './system-mutant.ts'

export interface Budget {
  readonly firstSeed: number
  readonly seeds: number
  readonly seconds: number
}

const FOLDERS = ['src', 'sim', 'test', 'tools']
const TEST_TIMEOUT_MS = 240_000

export function hunt(patches: readonly Patch[], hunter: Hunter, budget: Budget): Promise<HuntResult> {
  const look = (folder: string): Promise<HuntResult> =>
    hunter.kind === 'simulator' ? simulate(folder, hunter.focus, budget) : runTest(folder, hunter)
  return withPatchedCopy(patches, look, FOLDERS)
}

async function simulate(folder: string, focus: Focus, budget: Budget): Promise<HuntResult> {
  const { firstSeed, seeds, seconds } = budget
  const script = join(folder, 'sim/system/mutants/hunt-main.ts')
  const { exitCode, output, errors } = await runScript([script, focus, firstSeed, seeds, seconds].map(String))
  if (exitCode !== 0)
    throw new Error(`the simulator did not run (exit code ${exitCode}): ${errors.slice(0, 2000)}`)
  return JSON.parse(output) as HuntResult
}

/** A test that hangs has found the bug as well: it waits for what does not come. */
async function runTest(
  folder: string,
  { file, name }: Hunter & { readonly kind: 'test' },
): Promise<HuntResult> {
  const startedMs = performance.now()
  const pattern = `^${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`
  const { exitCode, output } = await runScript(
    [
      '--test',
      '--test-force-exit',
      '--test-reporter=tap',
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      `--test-name-pattern=${pattern}`,
      file,
    ],
    folder,
  )
  const seconds = (performance.now() - startedMs) / 1000
  // One that is not there passes.
  if (!output.includes(`# Subtest: ${name}`)) throw new Error(`${file} has no test "${name}"`)
  const message = /^\s*(?:error|failureType): (.+)$/m.exec(output)?.[1] ?? ''
  return { killed: exitCode !== 0, seeds: 0, seconds, by: `the test "${name}"`, seed: 0, message }
}
