/** A table's text on its way to another one: what the commands of one ALTER TABLE change. */

import { must } from '../../../base/assert.ts'
import { indexTexts, ownValues, type NewTable } from './rebuild-table.ts'
import type { SchemaRelation } from './schema.ts'
import {
  parseColumn,
  parseConstraint,
  parseTable,
  type Clause,
  type ClauseKind,
  type TableText,
  type TextColumn,
} from './table-text.ts'

export class TableDraft {
  readonly #text: TableText
  #columns: readonly TextColumn[]
  #constraints: readonly Clause[]
  #indexes: readonly string[]
  readonly #values: Map<string, string>
  /** Statements for the finished table. */
  readonly after: string[] = []

  constructor(relation: SchemaRelation) {
    this.#text = parseTable(relation.sql, relation.shownName)
    this.#columns = this.#text.columns
    this.#constraints = this.#text.constraints
    this.#values = ownValues(relation)
    this.#indexes = indexTexts(relation)
  }

  finished(): NewTable {
    const text = { ...this.#text, columns: this.#columns, constraints: this.#constraints }
    return { text, values: this.#values, indexes: this.#indexes }
  }

  get constraints(): readonly Clause[] {
    return this.#constraints
  }

  column(name: string): TextColumn {
    return must(this.#columns.find((column) => isSame(column.name, name)))
  }

  /** Rows that are there get its default. */
  addColumn(text: string): void {
    this.#columns = [...this.#columns, parseColumn(text)]
  }

  removeColumn(name: string): void {
    this.#columns = this.#columns.filter((column) => !isSame(column.name, name))
    this.#values.delete(name)
  }

  setType(name: string, type: string): void {
    this.#change(name, (column) => ({ ...column, type }))
  }

  /** What the column's values become: an expression over the old table. */
  setValue(name: string, sql: string): void {
    this.#values.set(name, sql)
  }

  addClause(name: string, text: string): void {
    const [clause] = parseColumn(`x ${text}`).clauses
    this.#change(name, (column) => ({ ...column, clauses: [...column.clauses, must(clause)] }))
  }

  removeClauses(name: string, kind: ClauseKind, isWanted: (clause: Clause) => boolean = () => true): void {
    this.#change(name, (column) => ({
      ...column,
      clauses: column.clauses.filter((clause) => clause.kind !== kind || !isWanted(clause)),
    }))
  }

  addConstraint(text: string): void {
    this.#constraints = [...this.#constraints, parseConstraint(text)]
  }

  removeConstraints(isWanted: (clause: Clause) => boolean): void {
    this.#constraints = this.#constraints.filter((clause) => !isWanted(clause))
  }

  replaceConstraint(text: string, by: string): void {
    this.#constraints = this.#constraints.map((each) => (each.text === text ? parseConstraint(by) : each))
  }

  replaceClause(name: string, text: string, by: string): void {
    const [clause] = parseColumn(`x ${by}`).clauses
    this.#change(name, (column) => ({
      ...column,
      clauses: column.clauses.map((each) => (each.text === text ? must(clause) : each)),
    }))
  }

  removeIndex(sql: string): void {
    this.#indexes = this.#indexes.filter((each) => each !== sql)
  }

  #change(name: string, change: (column: TextColumn) => TextColumn): void {
    this.#columns = this.#columns.map((column) => (isSame(column.name, name) ? change(column) : column))
  }
}

function isSame(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}
