/** How a statement answers: at once, or page by page. */

import type { SessionState } from './session-state.ts'
import type { ResultColumn, SqlValue, StatementResult } from '../base/value.ts'
import type { ReadPage } from './reader.ts'
import type { StatementDescription } from './session.ts'

export type Answer =
  | {
      readonly kind: 'result'
      readonly effect: 'read' | 'write' | 'control'
      readonly result: StatementResult
      readonly index: bigint
    }
  | {
      readonly kind: 'pages'
      readonly pages: AsyncGenerator<ReadPage, void, void>
      /** To be asked when the pages have been taken: a snapshot is opened by its first read. */
      readonly index: () => bigint
    }

/** All pages as one result; the reader has bounded their size. */
export async function collect(
  pages: AsyncGenerator<ReadPage, void, void>,
): Promise<{ columns: readonly ResultColumn[]; rows: (readonly SqlValue[])[] }> {
  let columns: readonly ResultColumn[] = []
  const rows: (readonly SqlValue[])[] = []
  for await (const page of pages) {
    if (page.columns !== null) columns = page.columns
    for (const row of page.rows) rows.push(row)
  }
  return { columns, rows }
}

/** Notes in the session the index at which `pages` were read: the file may be ahead of what was announced. */
export function noted(
  pages: AsyncGenerator<ReadPage, void, void>,
  appliedIndex: bigint,
  state: SessionState,
): Answer {
  let index = appliedIndex
  async function* noting(): AsyncGenerator<ReadPage, void, void> {
    for await (const page of pages) {
      if (page.index > index) index = page.index
      yield page
    }
  }
  const toIndex = (): bigint => {
    state.seen(index)
    return index
  }
  return { kind: 'pages', pages: noting(), index: toIndex }
}

/** What needs no description: it has been run by a connection that can't write. */
export const ALREADY_READ: Pick<StatementDescription, 'isReadOnly' | 'isExplain'> = {
  isReadOnly: true,
  isExplain: false,
}

/** EXPLAIN of a write only tells: SQLite's sqlite3_stmt_readonly looks at what is explained. */
export function isRead({
  isReadOnly,
  isExplain,
}: Pick<StatementDescription, 'isReadOnly' | 'isExplain'>): boolean {
  return isReadOnly || isExplain
}

/** Tells of an error before whoever takes the pages hears of it. */
export async function* watched(
  pages: AsyncGenerator<ReadPage, void, void>,
  onFailed: () => void,
): AsyncGenerator<ReadPage, void, void> {
  try {
    yield* pages
  } catch (error) {
    onFailed()
    throw error
  }
}
