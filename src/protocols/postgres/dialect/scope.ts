/** What names mean at one place of a statement: tables and subqueries in FROM, common table expressions, and everything outside of them. */

import { PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { quoteColumn, quoteName } from './ast.ts'
import type { OutputColumn } from './translation.ts'
import type { ColumnOrigin, Typed } from './typed.ts'
import { plain } from './typed.ts'
import { TEXT } from '../types/registry.ts'

export interface SourceColumn {
  readonly name: string
  readonly type: TypeWithModifier | null
  readonly origin: ColumnOrigin | null
  /** Stands for the column wherever it is named: it belongs to no item of SQLite's FROM. */
  readonly inlineSql?: string
}

/** One item of FROM. */
export interface Source {
  readonly alias: string
  /** What SQLite calls it where that is something else: RETURNING knows the table's own name only. */
  readonly sqlName?: string
  readonly columns: readonly SourceColumn[]
  /** Columns that `*` leaves out because JOIN … USING has merged them into a source before this one. */
  readonly merged: ReadonlySet<string>
}

/**
 * Names of columns that translations bring along in subqueries of their own (json_each's, and the catalog's keys). A column of such a name is
 * always written with its table in front, so that it can't be taken for theirs.
 */
const CAPTURED_NAMES: ReadonlySet<string> = new Set(
  (
    'key value type atom id parent fullkey path json root ' +
    'oid relname attname attrelid attnum definition tablename columnname sequencename'
  ).split(' '),
)

export class Scope {
  readonly parent: Scope | null
  /** CHECK, generated columns, indexes: SQLite wants bare names there, and allows no subqueries. */
  readonly isDefinition: boolean
  /** The text stays in the database, as tools and our own parser read it: names have PostgreSQL's quotes. */
  readonly isKept: boolean
  readonly #sources: Source[] = []
  readonly #ctes = new Map<string, readonly OutputColumn[]>()

  constructor(parent: Scope | null, isDefinition = false, isKept: boolean = isDefinition) {
    this.parent = parent
    this.isDefinition = isDefinition
    this.isKept = isKept || (parent?.isKept ?? false)
  }

  get sources(): readonly Source[] {
    return this.#sources
  }

  add(source: Source): void {
    if (this.#sources.some(({ alias }) => alias.toLowerCase() === source.alias.toLowerCase())) {
      throw new PgError('42712', `table name "${source.alias}" specified more than once`)
    }
    this.#sources.push(source)
  }

  /** JOIN … USING: from source `from` on, the columns of these names are the ones that came before. */
  merge(from: number, names: readonly string[]): void {
    const merged = new Set(names.map((name) => name.toLowerCase()))
    for (const [index, source] of this.#sources.entries()) {
      if (index < from) continue
      this.#sources[index] = { ...source, merged: new Set([...source.merged, ...merged]) }
    }
  }

  /** The same without its own tables: what a subquery in FROM sees. */
  withoutSources(): Scope {
    const scope = new Scope(this.parent, false, this.isKept)
    for (const [name, columns] of this.#ctes) scope.#ctes.set(name, columns)
    return scope
  }

  addCte(name: string, columns: readonly OutputColumn[]): void {
    this.#ctes.set(name.toLowerCase(), columns)
  }

  cte(name: string): readonly OutputColumn[] | null {
    return this.#ctes.get(name.toLowerCase()) ?? this.parent?.cte(name) ?? null
  }

  source(alias: string): Source | null {
    const wanted = alias.toLowerCase()
    return (
      this.#sources.find((source) => source.alias.toLowerCase() === wanted) ??
      this.parent?.source(alias) ??
      null
    )
  }

  /** null where no source here or outside has it. Throws 42702 where several do. */
  column(name: string): Typed | null {
    const found = this.#sources.flatMap((source) => {
      const column = columnOf(source, name)
      return column === null || source.merged.has(column.name.toLowerCase()) ? [] : [{ source, column }]
    })
    if (found.length > 1) throw new PgError('42702', `column reference "${name}" is ambiguous`)
    const [only] = found
    if (only === undefined) return this.parent?.column(name) ?? null
    const isMerged = this.#sources.some(({ merged }) => merged.has(only.column.name.toLowerCase()))
    return isMerged || this.#canBeBare(only.column.name)
      ? this.#unqualified(only.column)
      : qualified(only.source, only.column)
  }

  qualifiedColumn(alias: string, name: string): Typed | null {
    const source = this.source(alias)
    if (source === null) return null
    const column = columnOf(source, name)
    if (column !== null) return qualified(source, column)
    return null
  }

  #canBeBare(name: string): boolean {
    if (this.isDefinition) return true
    const isAlone = this.#sources.length === 1 && this.parent === null
    return isAlone && !CAPTURED_NAMES.has(name.toLowerCase())
  }

  #unqualified(column: SourceColumn): Typed {
    const quoted = this.isKept ? quoteName(column.name) : quoteColumn(column.name)
    return typedColumn(column.inlineSql ?? quoted, column)
  }

  /** What `*` stands for: USING columns first, each once, then the rest (PostgreSQL documentation, "Joined Tables"). */
  star(): { typed: Typed; column: SourceColumn }[] {
    const mergedNames = new Set(this.#sources.flatMap(({ merged }) => [...merged]))
    const all = this.#sources.flatMap((source) =>
      source.columns
        .filter((column) => !source.merged.has(column.name.toLowerCase()))
        .map((column) => ({
          column,
          isMerged: mergedNames.has(column.name.toLowerCase()),
          typed: this.#canBeBare(column.name) ? this.#unqualified(column) : qualified(source, column),
        })),
    )
    const first = all.filter(({ isMerged }) => isMerged)
    const rest = all.filter(({ isMerged }) => !isMerged)
    return [...first.map(({ column }) => ({ column, typed: this.#unqualified(column) })), ...rest]
  }

  starOf(source: Source): { typed: Typed; column: SourceColumn }[] {
    return source.columns.map((column) => ({ column, typed: qualified(source, column) }))
  }
}

function columnOf(source: Source, name: string): SourceColumn | null {
  const wanted = name.toLowerCase()
  return source.columns.find((column) => column.name.toLowerCase() === wanted) ?? null
}

function qualified({ alias, sqlName }: Source, column: SourceColumn): Typed {
  return typedColumn(column.inlineSql ?? `${quoteName(sqlName ?? alias)}.${quoteName(column.name)}`, column)
}

function typedColumn(sql: string, column: SourceColumn): Typed {
  const type = column.type ?? plain(TEXT)
  return column.origin === null
    ? { sql, type, isAtom: true }
    : { sql, type, isAtom: true, origin: column.origin }
}
