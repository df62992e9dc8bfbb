/** Small helpers over libpg-query's trees. A node is an object with one key, its kind; fields with default values are left out. */

import type { Node } from 'libpg-query'
import { assert } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'

/** Kind and body of a node. */
export function open(node: Node): { kind: string; body: Readonly<Record<string, unknown>> } {
  const kind = Object.keys(node)[0]
  assert(kind !== undefined, 'a node has a kind')
  return { kind, body: (node as unknown as Record<string, Record<string, unknown>>)[kind] ?? {} }
}

/** What clauses are called where their field's name would not tell a user. */
const CLAUSES: Readonly<Record<string, string>> = {
  A_Indirection: 'a subscript or field selection',
  'FuncCall.agg_within_group': 'WITHIN GROUP',
  'FuncCall.func_variadic': 'VARIADIC',
  GroupingSet: 'GROUPING SETS, ROLLUP or CUBE',
  'InsertStmt.override': 'OVERRIDING',
  'RangeFunction.ordinality': 'WITH ORDINALITY',
  'RangeFunction.is_rowsfrom': 'ROWS FROM',
  RangeTableSample: 'TABLESAMPLE',
  'RangeVar.catalogname': 'a name with a database in front',
  'SelectStmt.groupDistinct': 'GROUP BY DISTINCT',
  'CommonTableExpr.search_clause': 'SEARCH',
  'CommonTableExpr.cycle_clause': 'CYCLE',
  'CreateStmt.inhRelations': 'INHERITS or PARTITION OF',
  'CreateStmt.partspec': 'PARTITION BY',
  'CreateStmt.partbound': 'PARTITION OF',
  'CreateStmt.ofTypename': 'CREATE TABLE OF',
  'CreateStmt.tablespacename': 'TABLESPACE',
  'IndexStmt.excludeOpNames': 'EXCLUDE',
  'IndexStmt.nulls_not_distinct': 'NULLS NOT DISTINCT',
  'Constraint.nulls_not_distinct': 'NULLS NOT DISTINCT',
  MergeStmt: 'MERGE',
  DoStmt: 'DO',
  CreateFunctionStmt: 'CREATE FUNCTION',
  CreateTrigStmt: "CREATE TRIGGER in PostgreSQL's form",
  CreateEnumStmt: 'CREATE TYPE … AS ENUM',
  CompositeTypeStmt: 'CREATE TYPE',
  CreateDomainStmt: 'CREATE DOMAIN',
  GrantStmt: 'GRANT or REVOKE',
  CreateRoleStmt: 'CREATE ROLE',
  XmlExpr: 'XML',
  CurrentOfExpr: 'WHERE CURRENT OF',
}

export function clauseName(key: string): string {
  return CLAUSES[key] ?? key
}

/** Refuses any field that the caller does not understand: nothing of a statement is dropped by being forgotten. */
export function only(kind: string, body: object, ...fields: readonly string[]): void {
  for (const field of Object.keys(body)) {
    if (fields.includes(field) || field === 'location') continue
    const value = (body as Record<string, unknown>)[field]
    if (value === undefined || value === null || value === false) continue
    throw notSupported(clauseName(`${kind}.${field}`))
  }
}

/** The texts of String nodes: names with dots. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => stringOf(node))
}

export function stringOf(node: Node): string {
  const { kind, body } = open(node)
  if (kind !== 'String') throw notSupported(clauseName(kind))
  return (body['sval'] as string | undefined) ?? ''
}

/** The integer of an A_Const or Integer node; null for anything else. */
export function integerOf(node: Node | undefined): number | null {
  if (node === undefined) return null
  const { kind, body } = open(node)
  if (kind === 'Integer') return (body['ival'] as number | undefined) ?? 0
  if (kind !== 'A_Const' || !('ival' in body)) return null
  return (body['ival'] as { ival?: number }).ival ?? 0
}

/** The text of a string constant; null for anything else. */
export function stringConstant(node: Node | undefined): string | null {
  if (node === undefined) return null
  const { kind, body } = open(node)
  if (kind === 'String') return (body['sval'] as string | undefined) ?? ''
  if (kind !== 'A_Const' || !('sval' in body)) return null
  return (body['sval'] as { sval?: string }).sval ?? ''
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A column where a value is wanted. SQLite takes a name in double quotes that no column has for a string, so a plan that is older than the
 * tables would compare with the column's name; in these quotes it is never more than a name.
 */
export function quoteColumn(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

export function quoteText(text: string): string {
  // SQLite's parser ends at a zero byte; PostgreSQL's text has none.
  return `'${text.replaceAll("'", "''")}'`
}

export function locationOf(node: Node | undefined): number {
  if (node === undefined) return -1
  const location = open(node).body['location']
  return typeof location === 'number' ? location : 0
}
