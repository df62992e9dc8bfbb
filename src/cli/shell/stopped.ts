/** What is known of a statement that Ctrl-C has stopped. The member may have been past stopping it, and its answer is lost. */

import { hasWord, leadingKeywords } from '../../engine/sql-text.ts'
import type { CancelledError } from './hrana-client.ts'

/** SAVEPOINT and BEGIN open what is rolled back then; outside of a transaction the others fail. */
const HARMLESS: ReadonlySet<string> = new Set([
  'SELECT',
  'VALUES',
  'EXPLAIN',
  'BEGIN',
  'SAVEPOINT',
  'COMMIT',
  'END',
  'ROLLBACK',
  'RELEASE',
])
const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE'])
/** What may end a transaction by keeping it. */
const COMMITS: ReadonlySet<string> = new Set(['COMMIT', 'END', 'RELEASE'])

export function stoppedText(sql: string, { wasInTransaction, wasAnswered }: CancelledError): string {
  const [word = ''] = leadingKeywords(sql, 1)
  if (wasInTransaction) {
    if (!COMMITS.has(word)) return 'stopped; the transaction was rolled back'
    if (wasAnswered) return `stopped; ${word} is done`
    return 'stopped; the transaction may be committed or rolled back: look before you repeat it'
  }
  if (HARMLESS.has(word) || (word === 'WITH' && !hasWord(sql, WRITES))) return 'stopped'
  // The answer to a write begins when it is done.
  if (wasAnswered) return 'stopped; the statement is done'
  return 'stopped; the statement may be done or not: look before you repeat it'
}
