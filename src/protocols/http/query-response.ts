/** Responses of the JSON API's queries: whole (JSON) or as a stream of lines (NDJSON). */

import type { ResultColumn, SqlValue } from '../../base/value.ts'
import type { ExecuteResult } from '../../gateway/session.ts'
import { encodeRows, encodeValue, objectKeys, type IntegerFormat } from './json-values.ts'
import type { QueryRequest } from './query-request.ts'

interface StatementMeta {
  readonly changes: bigint
  readonly lastInsertRowid: bigint | null
  readonly durationMs: number
  readonly index: bigint
}

export function encodeResponse(request: QueryRequest, results: readonly ExecuteResult[]): string {
  const texts = results.map((result) => encodeResult(request, result))
  if (!request.isAtomicCall) return texts[0] ?? '{}'
  const index = results.reduce((highest, result) => (result.index > highest ? result.index : highest), 0n)
  const durationMs = results.reduce((sum, result) => sum + result.durationMs, 0)
  return `{"results":[${texts.join(',')}],"meta":{"durationMs":${roundMs(durationMs)},"index":${index}}}`
}

function encodeResult(request: QueryRequest, result: ExecuteResult): string {
  const rows = encodeRows(result.columns, result.rows, request.rows, request.integers)
  return `{"columns":${encodeColumns(request, result.columns)},"rows":[${rows}],"meta":${encodeMeta(result, request.integers)}}`
}

/** Names as the rows have them: with `rows: "objects"` they are unique. */
function encodeColumns(request: QueryRequest, columns: readonly ResultColumn[]): string {
  const names = request.rows === 'objects' ? objectKeys(columns) : columns.map(({ name }) => name)
  return JSON.stringify(columns.map(({ declaredType }, at) => ({ name: names[at], type: declaredType })))
}

function encodeMeta(meta: StatementMeta, integers: IntegerFormat): string {
  const rowId = encodeValue(meta.lastInsertRowid, integers)
  return `{"changes":${meta.changes},"lastRowId":${rowId},"durationMs":${roundMs(meta.durationMs)},"index":${meta.index}}`
}

function roundMs(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000
}

/** The lines of a streamed result: columns, then pages of rows, then meta. An error is a line of its own, the last one. */
export const STREAM_LINE = {
  columns: (request: QueryRequest, columns: readonly ResultColumn[]): string =>
    `{"columns":${encodeColumns(request, columns)}}\n`,
  rows: (
    request: QueryRequest,
    columns: readonly ResultColumn[],
    rows: readonly (readonly SqlValue[])[],
  ): string => `{"rows":[${encodeRows(columns, rows, request.rows, request.integers)}]}\n`,
  meta: (request: QueryRequest, meta: StatementMeta): string =>
    `{"meta":${encodeMeta(meta, request.integers)}}\n`,
}
