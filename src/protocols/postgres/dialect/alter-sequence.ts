/** ALTER SEQUENCE: RESTART and INCREMENT BY. Who owns a sequence says when it is dropped, which here is with its table anyway. */

import type { AlterSeqStmt, DefElem } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { numberOf } from './create-sequence.ts'
import { only, open, quoteName, quoteText } from './ast.ts'
import { nothing, type Definition } from './definition.ts'
import { rowExists, sequenceNamed, type Sequence } from './sequences.ts'
import type { Translator } from './translation.ts'

export function alterSequence(body: AlterSeqStmt, { context }: Translator): Definition {
  only('AlterSeqStmt', body, 'sequence', 'options', 'for_identity', 'missing_ok')
  const name = must(body.sequence).relname ?? ''
  const options = (body.options ?? []).map((node) => open(node).body as DefElem)
  if (body.missing_ok === true && context.schema.find(name) === null)
    return nothing(`relation "${name}" does not exist, skipping`)
  const sequence = sequenceNamed(name, context)
  return { sql: options.flatMap((option) => changes(option, sequence)), notices: [] }
}

function changes(option: DefElem, sequence: Sequence): readonly string[] {
  const name = option.defname ?? ''
  if (name === 'owned_by' || name === 'cache') return []
  if (name === 'restart') return restart(sequence, numberOf(option) ?? 1)
  if (name === 'increment' && sequence.kind === 'own')
    return [`UPDATE ${quoteName(sequence.table)} SET increment_by = ${numberOf(option) ?? 1}`]
  throw notSupported(`ALTER SEQUENCE … ${name.toUpperCase()}`)
}

function restart(sequence: Sequence, first: number): readonly string[] {
  if (sequence.kind === 'own')
    return [`UPDATE ${quoteName(sequence.table)} SET last_value = ${first}, is_called = FALSE`]
  return [
    rowExists(sequence),
    `UPDATE sqlite_sequence SET seq = ${first - 1} WHERE name = ${quoteText(sequence.table)}`,
  ]
}
