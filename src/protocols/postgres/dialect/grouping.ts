/**
 * Columns beside aggregates. SQLite takes a column that is neither grouped nor aggregated, and gives the value of some row; PostgreSQL refuses it (42803), unless the
 * primary key of its table is grouped, on which it depends (PostgreSQL documentation, "GROUP BY Clause").
 */

import type { FuncCall, Node, SelectStmt, SubLink } from 'libpg-query'
import { isAggregate } from './aggregates.ts'
import { integerOf, open, strings } from './ast.ts'
import type { Scope, Source } from './scope.ts'
import type { Translation } from './translation.ts'

/** One item of the list, as it stands there. */
interface Item {
  readonly node: Node | null
  readonly name: string
}

export function checkGrouping(
  body: SelectStmt,
  items: readonly Item[],
  scope: Scope,
  context: Translation,
): void {
  const nodes = (body.targetList ?? []).flatMap((node) => (open(node).body['val'] as Node | undefined) ?? [])
  const having = body.havingClause === undefined ? [] : [body.havingClause]
  const isGrouped = body.groupClause !== undefined || having.length > 0
  if (!isGrouped && !nodes.some(hasAggregate)) return
  const check = new GroupingCheck(body, items, scope, context)
  for (const node of [...nodes, ...having, ...sortedBy(body, items)]) check.walk(node)
}

/** What ORDER BY computes; names and numbers of the list are checked there. */
function sortedBy(body: SelectStmt, items: readonly Item[]): Node[] {
  return (body.sortClause ?? []).flatMap((node) => {
    const sorted = open(node).body['node'] as Node
    const name = bareName(sorted)
    const isItem = integerOf(sorted) !== null || (name !== null && items.some((item) => item.name === name))
    return isItem ? [] : [sorted]
  })
}

function bareName(node: Node): string | null {
  const { kind, body } = open(node)
  const fields = kind === 'ColumnRef' ? (body['fields'] as readonly Node[]) : []
  const [only] = fields
  return fields.length === 1 && only !== undefined && open(only).kind === 'String'
    ? (strings(fields)[0] ?? null)
    : null
}

function isAggregateCall(kind: string, body: object): boolean {
  const { funcname, over } = body as FuncCall
  return (
    kind === 'FuncCall' && over === undefined && isAggregate(strings(funcname).at(-1)?.toLowerCase() ?? '')
  )
}

/** Of this query: those of subqueries are their own. */
function hasAggregate(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasAggregate)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([kind, inner]) => {
    if (kind === 'SubLink') return hasAggregate((inner as SubLink).testexpr)
    if (typeof inner === 'object' && inner !== null && isAggregateCall(kind, inner)) return true
    return hasAggregate(inner)
  })
}

class GroupingCheck {
  readonly #scope: Scope
  readonly #context: Translation
  /** Grouped expressions in one form. */
  readonly #grouped: ReadonlySet<string>

  constructor(body: SelectStmt, items: readonly Item[], scope: Scope, context: Translation) {
    this.#scope = scope
    this.#context = context
    const nodes = (body.groupClause ?? []).map((node) => this.#meant(node, items))
    this.#grouped = new Set(nodes.map((node) => this.#form(node)))
  }

  /** The expression behind a number, or behind a name that only the list has. */
  #meant(node: Node, items: readonly Item[]): Node {
    const position = integerOf(node)
    if (position !== null) return items[position - 1]?.node ?? node
    const name = bareName(node)
    if (name === null || this.#columnKey([name]) !== null) return node
    return items.find((item) => item.name === name)?.node ?? node
  }

  walk(value: unknown): void {
    if (Array.isArray(value)) {
      for (const each of value) this.walk(each)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const [kind = '', body] = Object.entries(value)[0] ?? []
    if (this.#isNode(value) && this.#grouped.has(this.#form(value as Node))) return
    if (typeof body === 'object' && body !== null && isAggregateCall(kind, body)) return
    if (kind === 'ColumnRef') this.#checkColumn(body as { fields?: Node[]; location?: number })
    else if (kind === 'SubLink') this.walk((body as SubLink).testexpr)
    else for (const inner of Object.values(value)) this.walk(inner)
  }

  /** Nodes have one key, which begins with a capital letter. */
  #isNode(value: object): boolean {
    const keys = Object.keys(value)
    return keys.length === 1 && /^[A-Z]/.test(keys[0] ?? '')
  }

  #checkColumn({
    fields = [],
    location,
  }: {
    readonly fields?: readonly Node[]
    readonly location?: number
  }): void {
    const isStar = fields.some((field) => open(field).kind === 'A_Star')
    const names = isStar ? strings(fields.slice(0, -1)) : strings(fields)
    const keys = isStar ? this.#starKeys(names.at(-1)) : [this.#columnKey(names)]
    for (const key of keys) {
      if (key === null || this.#grouped.has(key) || this.#depends(key)) continue
      const shown = JSON.stringify(key.split('\0').join('.'))
      const message = `column ${shown} must appear in the GROUP BY clause or be used in an aggregate function`
      throw this.#context.error('42803', message, location)
    }
  }

  #starKeys(alias: string | undefined): string[] {
    const sources = this.#scope.sources.filter((source) => alias === undefined || isSame(source.alias, alias))
    return sources.flatMap((source) => source.columns.map(({ name }) => keyOf(source, name)))
  }

  /** Null for what belongs to a query around this one, or is no column. */
  #columnKey(names: readonly string[]): string | null {
    const column = names.at(-1) ?? ''
    const alias = names.at(-2)
    const source = this.#scope.sources.find(
      (each) =>
        (alias === undefined ? !each.merged.has(column.toLowerCase()) : isSame(each.alias, alias)) &&
        each.columns.some(({ name }) => isSame(name, column)),
    )
    return source === undefined ? null : keyOf(source, column)
  }

  /** All columns of the primary key of its table are grouped. */
  #depends(key: string): boolean {
    const alias = key.split('\0')[0] ?? ''
    const source = this.#scope.sources.find((each) => isSame(each.alias, alias))
    const tableOid = source?.columns[0]?.origin?.tableOid
    const table = [...this.#context.schema.all()].find(({ oid }) => oid === tableOid)
    const primaryKey = table === undefined ? null : this.#context.schema.primaryKey(table.name)
    if (source === undefined || primaryKey === null || primaryKey.length === 0) return false
    return primaryKey.every((name) => this.#grouped.has(keyOf(source, name)))
  }

  /** Equal for expressions that are equal, however their columns are written. */
  #form(node: Node): string {
    const { kind, body } = open(node)
    if (kind === 'ColumnRef') return this.#columnForm(body)
    return JSON.stringify(node, (name, value: unknown) => {
      if (name === 'location') return undefined
      return name === 'ColumnRef' ? this.#columnForm(value as { fields?: readonly Node[] }) : value
    })
  }

  #columnForm({ fields = [] }: { readonly fields?: readonly Node[] }): string {
    const isPlain = fields.every((field) => open(field).kind === 'String')
    const key = isPlain ? this.#columnKey(strings(fields)) : null
    return key ?? JSON.stringify(fields)
  }
}

function isSame(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}

function keyOf({ alias }: Source, column: string): string {
  return `${alias.toLowerCase()}\0${column.toLowerCase()}`
}
