/**
 * Bringing a SQLite file to where the log is: after a restart, after a failure, after a sleep. The file says itself what it has; the log
 * has the rest. The two check each other.
 */

import { must } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { Entry } from '../raft/entry.ts'
import type { AppliedState, Engine } from '../engine/engine.ts'
import type { CommitLog } from './commit-log.ts'

export interface ReplayOptions {
  /** Of the entries of one call of the engine. */
  readonly sizeBytesMax: number
  readonly onReplayed: (index: number, commands: readonly Entry[]) => void
}

/**
 * The SQLite file has what the journal has no more: acknowledged entries were lost from its end, and with them perhaps votes of any group. Another
 * file does not mend that; the member must not go on as its old self.
 */
export class JournalBehindError extends HarmonyError {}

/** Throws DATA_CORRUPT if the file's state and the log can't be of the same database. */
export function checkAppliedState(
  applied: AppliedState,
  log: CommitLog,
  { database, dataFile }: { readonly database: string; readonly dataFile: string },
): void {
  const index = Number(applied.index)
  const problem = mismatch(index, Number(applied.term), log)
  if (problem === null) return
  const ErrorClass = index > log.lastIndex ? JournalBehindError : HarmonyError
  throw new ErrorClass(
    'DATA_CORRUPT',
    `The file ${dataFile} of the database ${database} and the journal do not belong together: ${problem}. ` +
      'One of them was damaged, restored alone or exchanged. Restore the whole data folder from a backup.',
  )
}

function mismatch(index: number, term: number, log: CommitLog): string | null {
  // The file may know more of what is committed than the replica has heard again since its start.
  if (index > log.lastIndex) {
    return `the file has entry ${index}, and the journal ends with entry ${log.lastIndex}`
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
 * Replays the commands after `position` that are committed; gives the position afterwards. Entries of the group's own, such as elections
 * leave, change nothing in the file and don't reach the engine. The engine checks the digest of each command and rejects with REPLICA_DIVERGED.
 */
export async function replayFrom(
  engine: Engine,
  log: CommitLog,
  position: number,
  { sizeBytesMax, onReplayed }: ReplayOptions,
): Promise<number> {
  let reached = position
  for (let next = log.nextCommand(reached + 1); next !== null; next = log.nextCommand(reached + 1)) {
    const entries = await log.entries(next, sizeBytesMax)
    const commands = entries.filter(({ kind }) => kind === 'command')
    await engine.replay(
      commands.map(({ term, index, data }) => ({ term: BigInt(term), index: BigInt(index), payload: data })),
    )
    reached = must(entries.at(-1)).index
    onReplayed(reached, commands)
  }
  return Math.max(reached, log.commitIndex)
}
