/** What PostgreSQL calls an output column that has no name of its own (PostgreSQL source, FigureColname). */

import type { Node } from 'libpg-query'
import { open, stringOf } from './ast.ts'

const UNNAMED = '?column?'

export function columnName(node: Node): string {
  return nameOf(node)?.name ?? UNNAMED
}

/** A weak name gives way to a stronger one inside: a cast's type to its argument's name. */
interface Found {
  readonly name: string
  readonly isWeak: boolean
}

function strong(name: string): Found {
  return { name, isWeak: false }
}

function nameOf(node: Node): Found | null {
  const { kind, body } = open(node)
  switch (kind) {
    case 'ColumnRef':
      return lastString(body['fields'] as readonly Node[])
    case 'FuncCall':
      return lastString(body['funcname'] as readonly Node[])
    case 'A_Indirection':
      return nameOf(body['arg'] as Node)
    case 'TypeCast':
      return castName(body)
    case 'CollateClause':
      return nameOf(body['arg'] as Node)
    case 'CaseExpr':
      return caseName(body)
    case 'A_ArrayExpr':
      return strong('array')
    case 'RowExpr':
      return strong('row')
    case 'CoalesceExpr':
      return strong('coalesce')
    case 'MinMaxExpr':
      return strong(body['op'] === 'IS_LEAST' ? 'least' : 'greatest')
    case 'SubLink':
      return subLinkName(body)
    case 'SQLValueFunction':
      return strong(String(body['op']).replace('SVFOP_', '').replace(/_N$/, '').toLowerCase())
    case 'A_Expr':
      return body['kind'] === 'AEXPR_NULLIF' ? strong('nullif') : null
    default:
      return null
  }
}

function lastString(nodes: readonly Node[]): Found | null {
  const names = nodes.filter((node) => open(node).kind === 'String')
  const last = names.at(-1)
  return last === undefined ? null : strong(stringOf(last))
}

function castName(body: Readonly<Record<string, unknown>>): Found | null {
  const inner = nameOf(body['arg'] as Node)
  if (inner !== null && !inner.isWeak) return inner
  const names = (body['typeName'] as { names?: readonly Node[] }).names ?? []
  const last = lastString(names)
  return last === null ? null : { name: last.name, isWeak: true }
}

function caseName(body: Readonly<Record<string, unknown>>): Found {
  const otherwise = body['defresult'] === undefined ? null : nameOf(body['defresult'] as Node)
  return otherwise !== null && !otherwise.isWeak ? otherwise : { name: 'case', isWeak: true }
}

function subLinkName(body: Readonly<Record<string, unknown>>): Found | null {
  if (body['subLinkType'] === 'EXISTS_SUBLINK') return strong('exists')
  if (body['subLinkType'] === 'ARRAY_SUBLINK') return strong('array')
  if (body['subLinkType'] !== 'EXPR_SUBLINK') return null
  const select = open(body['subselect'] as Node).body
  const target = (select['targetList'] as readonly Node[] | undefined)?.[0]
  if (target === undefined) return null
  const { body: item } = open(target)
  return typeof item['name'] === 'string' ? strong(item['name']) : nameOf(item['val'] as Node)
}
