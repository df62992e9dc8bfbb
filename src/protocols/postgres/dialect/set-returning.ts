/** A function that gives rows, in the list of SELECT: moved to FROM, where it means the same when it stands alone. */

import type { FuncCall, Node, ResTarget, SelectStmt } from 'libpg-query'
import { notSupported } from '../error.ts'
import { open, strings } from './ast.ts'

const SET_RETURNING: ReadonlySet<string> = new Set([
  'generate_series',
  'pg_partition_ancestors',
  'generate_subscripts',
  'unnest',
  'json_array_elements',
  'jsonb_array_elements',
  'json_array_elements_text',
  'jsonb_array_elements_text',
  'json_object_keys',
  'jsonb_object_keys',
  'regexp_matches',
  'regexp_split_to_table',
  'string_to_table',
])

/** `body`, or an equal one without set-returning functions in its list. */
export function movedToFrom(body: SelectStmt): SelectStmt {
  const targets = (body.targetList ?? []).map((node) => open(node).body as ResTarget)
  const calls = targets.filter(({ val }) => val !== undefined && functionOf(val) !== null)
  const [call] = calls
  if (call === undefined) return body
  // Several run side by side, and a join would multiply them; with grouping they run after it.
  if (calls.length > 1 || body.groupClause !== undefined) {
    throw notSupported('several set-returning functions in SELECT, or one with GROUP BY')
  }
  const name = functionOf(call.val as Node) ?? ''
  const alias = `_${name}`
  const column: Node = { ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: name } }] } }
  const source: Node = {
    RangeFunction: {
      functions: [{ List: { items: [call.val as Node] } }],
      alias: { aliasname: alias, colnames: [{ String: { sval: name } }] },
    },
  }
  return {
    ...body,
    targetList: targets.map((target) => ({
      ResTarget: target === call ? { ...target, name: target.name ?? name, val: column } : target,
    })),
    fromClause: [...(body.fromClause ?? []), source],
  }
}

function functionOf(node: Node): string | null {
  const { kind, body } = open(node)
  if (kind !== 'FuncCall') return null
  const name = strings((body as FuncCall).funcname).at(-1) ?? ''
  return SET_RETURNING.has(name) ? name : null
}
