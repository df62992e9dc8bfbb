/** What a person is shown about a failed run. */

import { Violation } from './checkers/checker.ts'
import { runSeed } from './run.ts'
import type { RunResult } from './run.ts'
import type { ProfileName } from './cluster/profiles.ts'
import { formatLine, selectLines } from './trace.ts'

const LINES_SHOWN = 60

/** Replays the failed run with a recording trace and shows what led to the failure. */
export function explainFailure(failed: RunResult, profile: ProfileName): string {
  const replay = runSeed({ seed: failed.seed, profile, recording: true })
  const same = replay.hash === failed.hash && String(replay.failure) === String(failed.failure)
  const failure = failed.failure ?? new Error('the run did not fail')
  const interest = failure instanceof Violation ? failure.interest : { members: [], terms: [], indexes: [] }
  const lines = selectLines(replay.trace.lines, interest, LINES_SHOWN)
  return [
    '',
    `seed ${failed.seed} failed after ${(failed.simulatedUs / 1e6).toFixed(6)} simulated seconds, ${failed.events} events`,
    `${describeChecker(failure)}: ${failure.message}`,
    ...(failure instanceof Violation ? [] : [failure.stack ?? '']),
    '',
    `the last ${lines.length} lines of its trace that concern it (of ${replay.trace.lines.length}):`,
    ...lines.map((line) => formatLine(line)),
    '',
    same
      ? `replayed exactly: trace hash ${replay.hash}`
      : `NOT REPLAYED EXACTLY: trace hash ${failed.hash} became ${replay.hash}; the simulation is not deterministic`,
    `replay it with: npm run sim -- --profile ${profile} --seed ${failed.seed} [--trace]`,
    '',
  ].join('\n')
}

function describeChecker(failure: Error): string {
  return failure instanceof Violation ? `violated: ${failure.checker}` : `the core failed: ${failure.name}`
}

/** The whole trace of a run, and how it was set up. */
export function formatTrace({ options, trace }: RunResult): string {
  return [JSON.stringify(options, null, 2), ...trace.lines.map((line) => formatLine(line))].join('\n')
}
