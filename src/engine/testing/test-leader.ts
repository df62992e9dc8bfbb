/** An engine in a temporary folder, and shorthands that tests speak in. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { SessionContext, TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import type { SqlStatement, SqlValue } from '../../base/value.ts'
import { EngineCore } from '../engine-core.ts'
import type { CommitResult, EngineOptions, EntryStamp, LogEntry } from '../engine.ts'

export const RESULT_BYTES_MAX = 1_000_000

export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'harmony-engine-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function statement(sql: string, ...values: SqlValue[]): SqlStatement {
  return { sql, args: { positional: values, named: [] } }
}

export function request(
  statements: readonly (SqlStatement | string)[],
  options: { context?: Partial<SessionContext>; key?: string } = {},
): TransactionRequest {
  return {
    statements: statements.map((item) => (typeof item === 'string' ? statement(item) : item)),
    context: { ...INITIAL_CONTEXT, ...options.context },
    idempotencyKey: options.key ?? null,
    resultSizeBytesMax: RESULT_BYTES_MAX,
  }
}

let stamps = 0

/** Another seed each time; time moves on by a second. */
export function nextStamp(): EntryStamp {
  stamps++
  const seed = new Uint8Array(16)
  new DataView(seed.buffer).setUint32(0, stamps * 2_654_435_761)
  return { timeMs: 1_700_000_000_000 + stamps * 1_000, seed }
}

/** A leader that commits whatever it executes, and keeps the log. */
export class TestLeader {
  readonly core: EngineCore
  readonly log: LogEntry[] = []
  readonly results: CommitResult[] = []

  constructor(folder: string, name = 'leader', options: Partial<EngineOptions> = {}) {
    this.core = new EngineCore({
      database: name,
      dataFile: join(folder, `${name}.db`),
      captureChanges: true,
      ...options,
    })
  }

  get nextIndex(): bigint {
    return this.core.applied.index + 1n
  }

  /** Runs all requests, in as many entries as it takes. */
  submit(...requests: TransactionRequest[]): TransactionOutcome[] {
    const outcomes: TransactionOutcome[] = []
    while (outcomes.length < requests.length) {
      const batch = this.core.executeBatch(requests.slice(outcomes.length), nextStamp())
      outcomes.push(...(batch.kind === 'settled' ? batch.outcomes : this.commit(batch.payload).outcomes))
    }
    return outcomes
  }

  commit(payload: Uint8Array): CommitResult {
    const index = this.nextIndex
    this.log.push({ term: 1n, index, payload })
    const result = this.core.commit(1n, index)
    this.results.push(result)
    return result
  }

  /** One transaction of these statements; throws if it fails. Returns the rows of the last statement. */
  run(...statements: (SqlStatement | string)[]): readonly (readonly SqlValue[])[] {
    const outcome = this.submit(request(statements))[0] as TransactionOutcome
    if (outcome.kind === 'failed') throw new Error(`${outcome.error.code}: ${outcome.error.message}`)
    return outcome.results.at(-1)?.rows ?? []
  }

  /** Code of the error with which the one transaction of these statements fails. */
  failure(...statements: (SqlStatement | string)[]): string {
    const outcome = this.submit(request(statements))[0] as TransactionOutcome
    return outcome.kind === 'failed' ? outcome.error.code : 'committed'
  }
}

export function newReplica(
  folder: string,
  name = 'replica',
  options: Partial<EngineOptions> = {},
): EngineCore {
  return new EngineCore({
    database: name,
    dataFile: join(folder, `${name}.db`),
    captureChanges: true,
    ...options,
  })
}
