/** An entry that has been executed and waits for its commit: how it is made visible, and what its clients are told. */

import { toErrorData } from '../base/error-data.ts'
import type { SessionContext, TransactionOutcome } from '../base/transaction.ts'
import type { StatementResult } from '../base/value.ts'
import { sha256 } from './capture.ts'
import type { AppliedState, CommitResult, EntryChanges } from './engine.ts'
import type { EntryRun } from './entry-run.ts'
import type { IdempotencyKeys } from './idempotency.ts'
import { fromSqlite } from './sqlite-errors.ts'
import type { HarmonyError } from '../base/errors.ts'

/** A transaction of the entry, or of a request beside it. */
export type PendingOutcome =
  /** Known already: it failed, or its idempotency key has been used. */
  | { readonly kind: 'final'; readonly outcome: TransactionOutcome }
  | {
      readonly kind: 'survivor'
      readonly results: readonly StatementResult[]
      readonly context: SessionContext
      /** Null too where it only reads: nothing is stored for that. */
      readonly idempotencyKey: string | null
    }

export interface PendingEntry {
  readonly outcomes: readonly PendingOutcome[]
  /** Chain after the entry. */
  readonly digest: Uint8Array
  readonly timeMs: number
  /** Its COMMIT may fail on deferred foreign keys. */
  readonly mayFailAtCommit: boolean
}

export interface CommitParts {
  readonly run: EntryRun
  readonly keys: IdempotencyKeys
  readonly capturesChanges: boolean
}

export function outcomeAt(pending: PendingOutcome, index: bigint): TransactionOutcome {
  if (pending.kind === 'final') return pending.outcome
  return { kind: 'committed', results: pending.results, context: pending.context, index }
}

function storeKeys(parts: CommitParts, entry: PendingEntry, index: bigint): void {
  for (const pending of entry.outcomes) {
    if (pending.kind !== 'survivor' || pending.idempotencyKey === null) continue
    const { results, context, idempotencyKey } = pending
    parts.keys.store(idempotencyKey, { kind: 'committed', results, context, index }, entry.timeMs)
  }
  parts.keys.expire(entry.timeMs)
}

const encoder = new TextEncoder()

/** Every replica's COMMIT fails alike; the chain says so. */
function digestOfFailure(digest: Uint8Array, error: HarmonyError): Uint8Array {
  return sha256(digest, encoder.encode(error.code))
}

/** SQLite refused to COMMIT: the entry has no effect but its index, and its transaction failed. */
function commitFailure(
  parts: CommitParts,
  entry: PendingEntry,
  term: bigint,
  index: bigint,
  error: HarmonyError,
): CommitResult {
  parts.run.undo()
  const applied = { index, term, digest: digestOfFailure(entry.digest, error) }
  writeApplied(parts.run, applied, entry.timeMs)
  const outcomes = entry.outcomes.map((pending): TransactionOutcome => {
    if (pending.kind === 'final') return pending.outcome
    const failedStatement = Math.max(pending.results.length - 1, 0)
    return { kind: 'failed', error: toErrorData(error), failedStatement, results: pending.results }
  })
  const changes = parts.capturesChanges
    ? { index, rows: [], unlistedTables: [], isSchemaChanged: false }
    : null
  return { applied, outcomes, changes }
}

/** Moves the applied state in an SQLite transaction of its own. */
export function writeApplied(run: EntryRun, applied: AppliedState, timeMs: number): void {
  run.connection.own('BEGIN IMMEDIATE').run()
  run.connection.writeState({ ...applied, timeMs })
  run.connection.own('COMMIT').run()
}

/** Makes the open entry durable as `index`. Throws what the machine did; the entry is undone then. */
export function commitEntry(
  parts: CommitParts,
  entry: PendingEntry,
  term: bigint,
  index: bigint,
): CommitResult {
  const applied: AppliedState = { index, term, digest: entry.digest }
  let changes: EntryChanges | null = null
  try {
    changes = parts.capturesChanges ? parts.run.effect.changes(index) : null
    parts.run.connection.writeState({ ...applied, timeMs: entry.timeMs })
    storeKeys(parts, entry, index)
    parts.run.commit()
  } catch (cause) {
    const error = fromSqlite(cause, () => parts.run.connection.isDiskFull())
    if (error.code === 'SQLITE_CONSTRAINT_FOREIGNKEY') {
      return commitFailure(parts, entry, term, index, error)
    }
    parts.run.undo()
    throw error
  }
  return { applied, outcomes: entry.outcomes.map((pending) => outcomeAt(pending, index)), changes }
}
