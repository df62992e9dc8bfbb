/**
 * Sequences. One that CREATE SEQUENCE made is a table of one row, as it looks in PostgreSQL too; the one behind a SERIAL column is SQLite's own
 * (sqlite_sequence). Taking a number is an UPDATE, so it can't happen inside of an expression: it is a step of its own, before the statement
 * that uses the number. Unlike in PostgreSQL, numbers that a rolled-back transaction took come again.
 */

import type { Node } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import { INT8_TYPE } from '../types/registry.ts'
import { open, quoteName, quoteText, stringConstant, strings } from './ast.ts'
import { resolved } from './literals.ts'
import type { SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import type { Translation, Translator } from './translation.ts'
import { atom, plain, type Typed } from './typed.ts'

export type Sequence =
  | { readonly kind: 'own'; readonly table: string }
  /** SQLite's, of the table's rowid. */
  | { readonly kind: 'serial'; readonly table: string; readonly column: string }

export function sequenceNamed(text: string, context: Translation): Sequence {
  const name = text.replace(/^"?(?:public|pg_temp)"?\./, '').replaceAll('"', '')
  const own = context.schema.find(name)
  if (own?.isSequence === true) return { kind: 'own', table: own.name }
  for (const relation of context.schema.all()) {
    if (isSerial(relation) && `${relation.shownName}_${relation.rowidColumn}_seq` === name) {
      return { kind: 'serial', table: relation.name, column: must(relation.rowidColumn) }
    }
  }
  throw context.error('42P01', `relation "${text}" does not exist`)
}

function isSerial({ rowidColumn, sql }: SchemaRelation): boolean {
  return rowidColumn !== null && /\bautoincrement\b/i.test(sql)
}

/** SQLite makes the row of a table at its first insert. */
export function rowExists({ table, column }: { readonly table: string; readonly column: string }): string {
  const name = quoteText(table)
  return (
    `INSERT INTO sqlite_sequence (name, seq) SELECT ${name}, coalesce((SELECT max(${quoteName(column)}) FROM ${quoteName(table)}), 0) ` +
    `WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ${name})`
  )
}

function advance(sequence: Sequence): string[] {
  if (sequence.kind === 'serial') {
    return [
      rowExists(sequence),
      `UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = ${quoteText(sequence.table)} RETURNING seq`,
    ]
  }
  return [
    `UPDATE ${quoteName(sequence.table)} SET last_value = last_value + CASE WHEN is_called THEN increment_by ELSE 0 END, ` +
      `is_called = TRUE RETURNING last_value`,
  ]
}

/** nextval('s') inside of an INSERT of one row: a step before it, and the number read back. */
export function nextvalInside(nodes: readonly Node[], context: Translation): Typed {
  const sequence = sequenceNamed(must(stringConstant(stripCast(nodes[0]))), context)
  context.addStepBefore(...advance(sequence).map((sql) => sql.replace(/ RETURNING \w+$/, '')))
  const current =
    sequence.kind === 'serial'
      ? `SELECT seq FROM sqlite_sequence WHERE name = ${quoteText(sequence.table)}`
      : `SELECT last_value FROM ${quoteName(sequence.table)}`
  return atom(`(${current})`, INT8_TYPE)
}

function stripCast(node: Node | undefined): Node | undefined {
  if (node === undefined) return undefined
  const { kind, body } = open(node)
  return kind === 'TypeCast' ? stripCast(body['arg'] as Node) : node
}

export interface SequenceCall {
  readonly sql: readonly string[]
  readonly name: string
}

/** `SELECT nextval('s')`, `SELECT setval('s', 42)` and nothing else in the statement. */
export function sequenceCall(
  body: Readonly<Record<string, unknown>>,
  translator: Translator,
): SequenceCall | null {
  const targets = body['targetList'] as readonly Node[] | undefined
  if (targets?.length !== 1 || body['fromClause'] !== undefined || body['whereClause'] !== undefined)
    return null
  const target = open(targets[0] as Node).body as { val?: Node; name?: string }
  if (target.val === undefined) return null
  const { kind, body: call } = open(target.val)
  if (kind !== 'FuncCall') return null
  const name = strings(call['funcname'] as readonly Node[]).at(-1) ?? ''
  if (name !== 'nextval' && name !== 'setval') return null
  const args = (call['args'] as readonly Node[] | undefined) ?? []
  const text = stringConstant(stripCast(args[0]))
  if (text === null) throw notSupported(`${name} of a name that is not a constant`)
  const sequence = sequenceNamed(text, translator.context)
  const sql = name === 'nextval' ? advance(sequence) : setSteps(sequence, args, translator)
  return { sql, name: target.name ?? name }
}

function setSteps(sequence: Sequence, args: readonly Node[], translator: Translator): string[] {
  const value = resolved(translator.expression(must(args[1]), new Scope(null)), plain(INT8_TYPE)).sql
  const isCalled = args[2] === undefined ? true : translator.expression(args[2], new Scope(null)).constant
  if (typeof isCalled !== 'boolean') throw notSupported('setval with a computed third argument')
  if (sequence.kind === 'own') {
    return [
      `UPDATE ${quoteName(sequence.table)} SET last_value = ${value}, is_called = ${isCalled ? 'TRUE' : 'FALSE'} RETURNING last_value`,
    ]
  }
  const before = isCalled ? '' : ' - 1'
  const after = isCalled ? '' : ' + 1'
  return [
    rowExists(sequence),
    `UPDATE sqlite_sequence SET seq = (${value})${before} WHERE name = ${quoteText(sequence.table)} RETURNING seq${after}`,
  ]
}
