/** About how much memory a request takes: what queues and batches are bounded by. */

import type { TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement, SqlValue } from '../base/value.ts'

const REQUEST_OVERHEAD_BYTES = 64
const VALUE_BYTES = 9

export function requestSizeBytes(request: TransactionRequest): number {
  return request.statements.reduce((sum, one) => sum + statementSizeBytes(one), REQUEST_OVERHEAD_BYTES)
}

function statementSizeBytes({ sql, args }: SqlStatement): number {
  const positional = args.positional.reduce<number>((sum, value) => sum + valueSizeBytes(value), 0)
  const named = args.named.reduce((sum, [name, value]) => sum + name.length + valueSizeBytes(value), 0)
  return sql.length + positional + named
}

function valueSizeBytes(value: SqlValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length + VALUE_BYTES
  return VALUE_BYTES
}
