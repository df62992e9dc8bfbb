/** DEFAULT expressions: they live in the data file, so they may use nothing of a session. */

import type { Node } from 'libpg-query'
import { notSupported } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { DATE, TIME, TIMESTAMP, TIMESTAMPTZ } from '../types/registry.ts'
import { open, strings } from './ast.ts'
import { assigned } from './assignment.ts'
import { Scope } from './scope.ts'
import type { Translator } from './translation.ts'

const NOW_TEXT = "rtrim(rtrim(strftime('%Y-%m-%d %H:%M:%f', 'now'), '0'), '.')"

export function storageDefault(
  node: Node,
  column: { readonly name: string; readonly type: TypeWithModifier },
  translator: Translator,
): string {
  const now = nowDefault(node, column.type)
  if (now !== null) return `(${now})`
  if (functionName(node) === 'nextval') throw notSupported('DEFAULT nextval(…) (use SERIAL or IDENTITY)')
  const before = translator.context.sessionValues.length
  const typed = translator.expression(node, new Scope(null))
  const sql = assigned(
    typed,
    {
      ...column,
      number: 0,
      isNotNull: false,
      hasDefault: false,
      isGenerated: false,
      defaultText: null,
      isIdentity: false,
    },
    translator,
  )
  if (translator.context.sessionValues.length > before) {
    throw notSupported('a DEFAULT that depends on the session')
  }
  return /^(?:-?[\d.]+|'(?:[^']|'')*'|NULL|TRUE|FALSE)$/.test(sql) ? sql : `(${sql})`
}

function functionName(node: Node): string | null {
  const { kind, body } = open(node)
  if (kind === 'FuncCall')
    return (
      strings(body['funcname'] as readonly Node[])
        .at(-1)
        ?.toLowerCase() ?? null
    )
  if (kind === 'SQLValueFunction')
    return String(body['op']).replace('SVFOP_', '').replace(/_N$/, '').toLowerCase()
  if (kind === 'TypeCast') return functionName(body['arg'] as Node)
  return null
}

const NOW_FUNCTIONS: ReadonlySet<string> = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'clock_timestamp',
  'current_timestamp',
  'localtimestamp',
  'current_date',
  'localtime',
])

/** The time in the form of the column's type, in UTC. The engine gives all replicas the same time. */
function nowDefault(node: Node, { type }: TypeWithModifier): string | null {
  if (!NOW_FUNCTIONS.has(functionName(node) ?? '')) return null
  if (type === TIMESTAMPTZ) return `${NOW_TEXT} || '+00:00'`
  if (type === TIMESTAMP) return NOW_TEXT
  if (type === DATE) return "date('now')"
  return type === TIME ? "rtrim(rtrim(strftime('%H:%M:%f', 'now'), '0'), '.')" : `${NOW_TEXT} || '+00'`
}
