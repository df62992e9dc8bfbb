/**
 * The types of UNION, INTERSECT and EXCEPT (PostgreSQL documentation, "UNION, CASE, and Related Constructs"): literals, NULL and parameters take the type that the other
 * queries have in their place. So those types are found out first, and such items are cast to them before anything is translated.
 */

import type { Node, ResTarget, SelectStmt } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { TEXT, type PgType } from '../types/registry.ts'
import { open } from './ast.ts'
import { commonType, isDateTime, isNumber, isText } from './casts.ts'
import { columnName } from './column-name.ts'
import { Scope } from './scope.ts'
import type { OutputColumn, Translator } from './translation.ts'

/** The same set operation with its open items cast; itself where there are none. */
export function withCommonTypes(body: SelectStmt, scope: Scope, translator: Translator): SelectStmt {
  if (settled.has(body)) return body
  const leaves = leavesOf(body)
  if (!leaves.some((leaf) => openPlaces(leaf).size > 0)) {
    settleParts(body)
    return body
  }
  const types = leaves.map((leaf) => typesOf(leaf, scope, translator))
  const width = Math.max(...types.map((each) => each.length))
  const common = Array.from({ length: width }, (_, at) => {
    const known = types.flatMap((each) => each[at] ?? [])
    return known.length === 0 ? null : commonType(known)
  })
  return rewritten(body, common)
}

/** Parts of larger ones, which need not be looked at again: a chain of UNIONs is as deep as it is long. */
const settled = new WeakSet<SelectStmt>()

function isSetOperation({ op }: SelectStmt): boolean {
  return op !== undefined && op !== 'SETOP_NONE'
}

function settleParts(body: SelectStmt): void {
  if (!isSetOperation(body)) return
  settled.add(body)
  settleParts(must(body.larg))
  settleParts(must(body.rarg))
}

function leavesOf(body: SelectStmt): SelectStmt[] {
  if (!isSetOperation(body)) return [body]
  return [...leavesOf(must(body.larg)), ...leavesOf(must(body.rarg))]
}

/** Lists of items: one of a SELECT, several of VALUES. */
function listsOf(leaf: SelectStmt): (readonly Node[])[] {
  if (leaf.valuesLists !== undefined)
    return leaf.valuesLists.map((node) => open(node).body['items'] as readonly Node[])
  return [(leaf.targetList ?? []).map((node) => must((open(node).body as ResTarget).val))]
}

function isOpen(node: Node): boolean {
  const { kind, body } = open(node)
  return kind === 'ParamRef' || (kind === 'A_Const' && ('sval' in body || body['isnull'] === true))
}

function isStar(node: Node): boolean {
  const { kind, body } = open(node)
  const fields = kind === 'ColumnRef' ? (body['fields'] as readonly Node[]) : []
  return fields.some((field) => open(field).kind === 'A_Star')
}

/** Positions of items that have no type of their own. Behind a `*` nobody knows the position, so nothing is open. */
function openPlaces(leaf: SelectStmt): ReadonlySet<number> {
  const lists = listsOf(leaf)
  const [first = []] = lists
  if (lists.some((list) => list.some(isStar))) return new Set()
  return new Set(
    first.keys().filter((at) => lists.some((list) => list[at] !== undefined && isOpen(list[at]))),
  )
}

/** Of the items that have one. Translated only for that, apart from the statement. */
function typesOf(leaf: SelectStmt, scope: Scope, translator: Translator): (TypeWithModifier | null)[] {
  const places = openPlaces(leaf)
  try {
    const { columns } = translator.separate().query(leaf, new Scope(scope.withoutSources()))
    return columns.map(({ type }, at) => (places.has(at) ? null : type))
  } catch {
    // What is wrong with it is told when it is translated for good.
    return []
  }
}

function rewritten(body: SelectStmt, types: readonly (TypeWithModifier | null)[]): SelectStmt {
  if (isSetOperation(body)) {
    const whole = {
      ...body,
      larg: rewritten(must(body.larg), types),
      rarg: rewritten(must(body.rarg), types),
    }
    settled.add(whole)
    return whole
  }
  const casts = (items: readonly Node[]): Node[] => items.map((item, at) => castTo(item, types[at] ?? null))
  if (body.valuesLists !== undefined) {
    const lists = listsOf(body).map((items): Node => ({ List: { items: casts(items) } }))
    return { ...body, valuesLists: lists }
  }
  // Behind a `*` nothing is open, and the star needs no name.
  if (openPlaces(body).size === 0) return body
  const targetList = (body.targetList ?? []).map((node, at): Node => {
    const target = open(node).body as ResTarget
    const value = must(target.val)
    const name = target.name ?? columnName(value)
    return { ResTarget: { ...target, name, val: castTo(value, types[at] ?? null) } }
  })
  return { ...body, targetList }
}

function castTo(item: Node, type: TypeWithModifier | null): Node {
  if (type === null || type.type === TEXT || !isOpen(item)) return item
  const names = [{ String: { sval: type.type.name } }]
  return { TypeCast: { arg: item, typeName: { names, typemod: -1 } } } as Node
}

/** Throws 42804 for types that PostgreSQL does not bring together. */
export function checkMatch(word: string, left: OutputColumn, right: OutputColumn): void {
  const [a, b] = [left.type?.type, right.type?.type]
  if (a === undefined || b === undefined || a === b || isKin(a, b)) return
  throw new PgError('42804', `${word} types ${a.sqlName} and ${b.sqlName} cannot be matched`)
}

function isKin(left: PgType, right: PgType): boolean {
  return [isNumber, isText, isDateTime].some((isOne) => isOne(left) && isOne(right))
}
