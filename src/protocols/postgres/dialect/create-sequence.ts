/** CREATE SEQUENCE: a table of one row, with a mark by which it is known for what it is. */

import type { CreateSeqStmt, DefElem } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { integerOf, only, open, quoteName } from './ast.ts'
import type { Definition } from './definition.ts'
import { newRelation } from './new-relation.ts'
import { SEQUENCE_MARK } from './schema-loader.ts'
import type { Translator } from './translation.ts'

export function createSequence(body: CreateSeqStmt, translator: Translator): Definition {
  only('CreateSeqStmt', body, 'sequence', 'options', 'if_not_exists')
  const { name, mark } = newRelation(must(body.sequence), translator)
  const options = new Map(
    (body.options ?? []).map((node) => [
      (open(node).body as DefElem).defname ?? '',
      open(node).body as DefElem,
    ]),
  )
  refuseOptions(options)
  const increment = numberOf(options.get('increment')) ?? 1
  const start = numberOf(options.get('start')) ?? numberOf(options.get('minvalue')) ?? 1
  const exists = body.if_not_exists === true ? 'IF NOT EXISTS ' : ''
  const quoted = quoteName(name)
  return {
    sql: [
      `CREATE TABLE ${exists}${quoted} ${SEQUENCE_MARK} (${mark}"last_value" INT8 NOT NULL, "log_cnt" INT8 NOT NULL, "is_called" BOOL NOT NULL, "increment_by" INT8 NOT NULL)`,
      `INSERT INTO ${quoted} SELECT ${start}, 0, FALSE, ${increment} WHERE NOT EXISTS (SELECT 1 FROM ${quoted})`,
    ],
    notices: [],
  }
}

/** NO MINVALUE and the like have no argument. */
function refuseOptions(options: ReadonlyMap<string, DefElem>): void {
  for (const [name, option] of options) {
    const isHarmless =
      ['start', 'increment', 'cache', 'owned_by', 'as'].includes(name) || option.arg === undefined
    const isDefault = name === 'minvalue' && numberOf(option) === 1
    const isOff = name === 'cycle' && open(must(option.arg)).body['boolval'] !== true
    if (!isHarmless && !isDefault && !isOff) throw notSupported(`CREATE SEQUENCE … ${name.toUpperCase()}`)
  }
}

export function numberOf(option: DefElem | undefined): number | null {
  if (option?.arg === undefined) return null
  const { kind, body } = open(option.arg)
  return kind === 'Float' ? Number(body['fval']) : integerOf(option.arg)
}
