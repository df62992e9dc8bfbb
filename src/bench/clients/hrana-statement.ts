/** Hrana's JSON, as far as the load needs it. */

import type { Row, Value } from '../target.ts'
import type { TransactionWords } from './transactions.ts'

export const HRANA_WORDS: TransactionWords = {
  begin: { read: 'BEGIN', write: 'BEGIN IMMEDIATE' },
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
}

interface HranaValue {
  readonly type: string
  readonly value?: string | number
}

export interface HranaAnswer {
  readonly type: string
  readonly response?: { readonly result?: { readonly rows: readonly (readonly HranaValue[])[] } }
  readonly error?: { readonly message: string; readonly code?: string }
}

export interface HranaStatement {
  readonly sql: string
  readonly args: readonly HranaValue[]
  readonly want_rows: true
}

export function statementOf(sql: string, args: readonly Value[]): HranaStatement {
  return { sql, args: args.map(encodeValue), want_rows: true }
}

function encodeValue(value: Value): HranaValue {
  if (value === null) return { type: 'null' }
  if (typeof value === 'string') return { type: 'text', value }
  return Number.isInteger(value) ? { type: 'integer', value: String(value) } : { type: 'float', value }
}

/** Throws what the answer says went wrong. */
export function rowsOf(answer: HranaAnswer | undefined): readonly Row[] {
  if (answer === undefined || answer.error !== undefined)
    throw new Error(`${answer?.error?.code ?? ''} ${answer?.error?.message ?? 'no answer'}`)
  return answer.response?.result?.rows.map((row) => row.map(decodeValue)) ?? []
}

function decodeValue({ type, value }: HranaValue): Value {
  if (value === undefined) return null
  return type === 'integer' ? Number(value) : value
}
