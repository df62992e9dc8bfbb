/**
 * Bringing a SQLite file to where the log is: after a restart, after a failure, after a sleep. The file says itself what it has; the log
 * has the rest. The two check each other.
 */

import { HarmonyError } from '../base/errors.ts'
import type { AppliedState, Engine } from '../engine/engine.ts'
import type { CommitLog } from './commit-log.ts'

/** Throws DATA_CORRUPT if the file's state and the log can't be of the same database. */
export function checkAppliedState(
  applied: AppliedState,
  log: CommitLog,
  { database, dataFile }: { readonly database: string; readonly dataFile: string },
): void {
  const index = Number(applied.index)
  const problem = mismatch(index, Number(applied.term), log)
  if (problem === null) return
  throw new HarmonyError(
    'DATA_CORRUPT',
    `The file ${dataFile} of the database ${database} and the journal do not belong together: ${problem}. ` +
      'One of them was damaged, restored alone or exchanged. Restore the whole data folder from a backup.',
  )
}

function mismatch(index: number, term: number, log: CommitLog): string | null {
  if (index > log.commitIndex) {
    return `the file has entry ${index}, and the journal ends with entry ${log.commitIndex}`
  }
  if (index < log.base.index) {
    return `the file has entries up to ${index}, and the journal begins after entry ${log.base.index}`
  }
  const logTerm = log.term(index)
  if (index > 0 && logTerm !== term) {
    return `entry ${index} has term ${term} in the file and term ${logTerm} in the journal`
  }
  return null
}

/**
 * Replays everything committed that the engine does not have; gives its applied state afterwards. The engine checks the digest of each entry
 * and rejects with REPLICA_DIVERGED.
 */
export async function replayFrom(
  engine: Engine,
  log: CommitLog,
  sizeBytesMax: number,
): Promise<AppliedState> {
  while (Number(engine.applied.index) < log.commitIndex) {
    const entries = await log.entries(Number(engine.applied.index) + 1, sizeBytesMax)
    await engine.replay(
      entries.map((entry) => ({
        term: BigInt(entry.term),
        index: BigInt(entry.index),
        // A group's own entries move the index and nothing else.
        payload: entry.kind === 'command' ? entry.data : new Uint8Array(),
      })),
    )
  }
  return engine.applied
}
