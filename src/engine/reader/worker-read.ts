/** One statement in a query worker: pages with back-pressure, timeouts, and the end of it whatever happens. */

import { unreachable } from '../../base/assert.ts'
import type { SessionContext } from '../../base/transaction.ts'
import type { ResultColumn, SqlStatement } from '../../base/value.ts'
import { stoppedError, type QueryProcess } from './query-process.ts'
import type { Description, Row } from './read-connection.ts'
import type { WorkerReply, WorkerRequest } from './worker-protocol.ts'

/** Opening the file is part of it, and on a busy machine waiting for a processor. */
const DESCRIBE_TIMEOUT_MS = 5_000
/** A worker that waits for `next` stops as soon as it has a processor. */
const STOP_TIMEOUT_MS = 5_000

export interface WorkerRead {
  readonly statement: SqlStatement
  readonly context: SessionContext
  readonly resultSizeBytesMax: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Page {
  readonly columns: readonly ResultColumn[] | null
  readonly rows: readonly Row[]
  readonly index: bigint
}

type Reply<Type extends WorkerReply['type']> = Extract<WorkerReply, { type: Type }>

/** Asks, and takes a reply of another type for our own bug. */
export async function askFor<Type extends WorkerReply['type']>(
  worker: QueryProcess,
  type: Type,
  request: WorkerRequest,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Reply<Type>> {
  const reply = await worker.ask(request, timeoutMs, signal)
  if (reply.type !== type) return unreachable(reply as never)
  return reply as Reply<Type>
}

export async function describeInWorker(
  worker: QueryProcess,
  dataFile: string,
  sql: string,
): Promise<{ description: Description; compileTimeMs: number }> {
  const request: WorkerRequest = { type: 'describe', dataFile, sql, timeoutMs: DESCRIBE_TIMEOUT_MS }
  return askFor(worker, 'description', request, DESCRIBE_TIMEOUT_MS)
}

/**
 * The statement's pages. `timeoutMs` counts the worker's time and not the client's. If the caller stops early, the rest is
 * dropped and the worker is free again; if `signal` aborts while the worker is busy, it is killed.
 */
export async function* pagesOf(
  worker: QueryProcess,
  dataFile: string,
  { statement, context, resultSizeBytesMax, timeoutMs, signal }: WorkerRead,
): AsyncGenerator<Page, void, void> {
  let request: WorkerRequest = { type: 'run', dataFile, statement, context, resultSizeBytesMax, timeoutMs }
  let leftMs = timeoutMs
  let isOpen = true
  try {
    while (isOpen) {
      if (signal?.aborted === true) throw stoppedError()
      const startMs = performance.now()
      isOpen = false
      const page: Reply<'page'> = await askFor(worker, 'page', request, leftMs, signal)
      isOpen = !page.isLast
      leftMs = Math.max(1, leftMs - (performance.now() - startMs))
      request = { type: 'next' }
      yield { columns: page.columns, rows: page.rows, index: page.index }
    }
  } finally {
    // One that does not stop has been ended; whoever gave the result up has no use for hearing so.
    if (isOpen && !worker.isDead)
      await askFor(worker, 'stopped', { type: 'stop' }, STOP_TIMEOUT_MS).catch(() => undefined)
  }
}
