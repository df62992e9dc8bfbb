/** Replays a committed entry on a replica and proves that it had the same effect as on the leader. */

import { bytesEqual } from '../base/bytes.ts'
import { HarmonyError } from '../base/errors.ts'
import type { StatementResult } from '../base/value.ts'
import type { TableEffect } from './capture.ts'
import type { Entry, LoggedStatement, LoggedTransaction } from './entry-codec.ts'
import type { EntryRun } from './entry-run.ts'
import type { PendingEntry, PendingOutcome } from './pending-entry.ts'
import { fromSqlite, isMachineFailure } from './sqlite-errors.ts'

/** The statement did something else here than on the leader. */
class StatementDiffers extends Error {}

function replayStatement(run: EntryRun, statement: LoggedStatement): StatementResult | null {
  const { sql, values, position } = statement
  if (statement.failure === 'RESPONSE_TOO_LARGE') {
    run.repeatUndone(statement)
    return null
  }
  const prepared = run.prepare(sql)
  const done = run.run(
    prepared,
    values,
    position,
    statement,
    Number.MAX_SAFE_INTEGER,
    statement.isGuarded,
  ).run
  const failure = done.kind === 'failed' ? done.error.code : null
  if (failure !== statement.failure && !statement.isRead) {
    const here = done.kind === 'failed' ? `failed with ${failure} (${done.error.message})` : 'succeeded'
    throw new StatementDiffers(
      `${here} here and ${statement.failure ?? 'success'} was logged: ${sql.slice(0, 200)}`,
    )
  }
  return done.kind === 'ok' ? run.result(prepared, done) : null
}

function replayTransaction(run: EntryRun, transaction: LoggedTransaction, ordinal: number): PendingOutcome {
  const { context: before, idempotencyKey, statements } = transaction
  run.beginTransaction(before, ordinal, statements.length === 1 ? 'lone' : 'several')
  const results: StatementResult[] = []
  for (const statement of statements) {
    const result = replayStatement(run, statement)
    if (result !== null && idempotencyKey !== null) results.push(result)
  }
  const context = run.endTransaction(true)
  return { kind: 'survivor', results, context, idempotencyKey }
}

function missing(some: readonly TableEffect[], others: readonly TableEffect[]): string[] {
  const isThere = (effect: TableEffect): boolean =>
    others.some(({ table, hash }) => table === effect.table && bytesEqual(hash, effect.hash))
  return some.filter((effect) => !isThere(effect)).map(({ table }) => table)
}

/** Tables whose changes are not those of the leader. */
function differingTables(here: readonly TableEffect[], logged: readonly TableEffect[]): string[] {
  return [...new Set([...missing(here, logged), ...missing(logged, here)])].sort()
}

function diverged(database: string, index: bigint, what: string, cause?: unknown): HarmonyError {
  return new HarmonyError(
    'REPLICA_DIVERGED',
    `This replica of ${database} differs from the log at index ${index}: ${what}. ` +
      'Nothing of the entry was applied; the replica needs a snapshot of a healthy one',
    { cause },
  )
}

/**
 * Runs `entry` and leaves it open for its commit. Throws REPLICA_DIVERGED with the tables that differ, or what the
 * machine did; the caller undoes it then.
 */
export function replayEntry(
  run: EntryRun,
  database: string,
  index: bigint,
  entry: Entry,
  previousDigest: Uint8Array,
): PendingEntry {
  const outcomes = replayTransactions(run, database, index, entry)
  const effects = run.effect.finish()
  const digest = run.effect.digest(previousDigest)
  if (!bytesEqual(digest, entry.digest)) {
    const tables = differingTables(effects, entry.effects)
    const what =
      tables.length > 0
        ? `the changes of ${tables.join(', ')} are not the same`
        : 'the rows changed are the same, but counts, schema or history are not'
    throw diverged(database, index, what)
  }
  return { outcomes, digest, timeMs: entry.stamp.timeMs, mayFailAtCommit: entry.mayFailAtCommit }
}

function replayTransactions(run: EntryRun, database: string, index: bigint, entry: Entry): PendingOutcome[] {
  run.start(entry.stamp, entry.transactions[0]?.context.foreignKeys ?? true, 'replica')
  try {
    return entry.transactions.map((transaction, ordinal) => replayTransaction(run, transaction, ordinal))
  } catch (cause) {
    if (cause instanceof StatementDiffers) throw diverged(database, index, `a statement ${cause.message}`)
    const error = fromSqlite(cause)
    if (isMachineFailure(error)) throw error
    throw diverged(database, index, `a statement can not be run: ${error.message}`, error)
  }
}
