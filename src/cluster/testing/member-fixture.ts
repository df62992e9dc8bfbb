/** A member on a temporary folder, with its engines in this thread. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'
import type { TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import type { SqlStatement, SqlValue } from '../../base/value.ts'
import type { BeginOptions } from '../../group/transactions.ts'
import { openEngineHere } from '../../group/engines.ts'
import type { MemberOptions } from '../member.ts'
import { Member } from '../member.ts'

export const RESULT_SIZE_BYTES_MAX: number = 1024 * 1024

/** Transactions last longer than any test waits: none ends by a time of its own unnoticed. */
export const BEGIN: BeginOptions = {
  context: INITIAL_CONTEXT,
  snapshotIndex: null,
  idempotencyKey: null,
  waitTimeoutMs: 60_000,
  idleTimeoutMs: 600_000,
  totalTimeoutMs: 600_000,
}

/** Closed when the folder goes, however the test ends. */
const opened: Member[] = []

export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/harmony-member-`)
  try {
    await work(folder)
  } finally {
    for (const member of opened.splice(0)) await member.close()
    rmSync(folder, { recursive: true })
  }
}

export async function openMember(folder: string, options: Partial<MemberOptions> = {}): Promise<Member> {
  const member = await Member.open({
    folder,
    openEngine: openEngineHere,
    journal: { segmentSizeBytes: 256 * 1024 },
    ...options,
  })
  opened.push(member)
  return member
}

export async function withMember(
  work: (member: Member, folder: string) => Promise<void>,
  options: Partial<MemberOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => work(await openMember(folder, options), folder))
}

export function statement(sql: string, ...positional: SqlValue[]): SqlStatement {
  return { sql, args: { positional, named: [] } }
}

export function request(...statements: (string | SqlStatement)[]): TransactionRequest {
  return {
    statements: statements.map((one) => (typeof one === 'string' ? statement(one) : one)),
    context: INITIAL_CONTEXT,
    idempotencyKey: null,
    resultSizeBytesMax: RESULT_SIZE_BYTES_MAX,
  }
}

interface Submitter {
  submit(request: TransactionRequest): Promise<TransactionOutcome>
}

/** Submits statements; throws if they fail. */
export async function run(
  database: Submitter,
  ...statements: (string | SqlStatement)[]
): Promise<TransactionOutcome & { kind: 'committed' }> {
  const outcome = await database.submit(request(...statements))
  if (outcome.kind === 'committed') return outcome
  throw new Error(`${outcome.error.code}: ${outcome.error.message}`)
}

/** First column of all rows. */
export async function column(database: Submitter, sql: string): Promise<SqlValue[]> {
  const { results } = await run(database, sql)
  return (results.at(-1)?.rows ?? []).map((row) => row[0] ?? null)
}
