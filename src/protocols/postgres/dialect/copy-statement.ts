/** COPY … FROM STDIN and TO STDOUT. */

import type { CopyStmt, DefElem, Node } from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { notSupported, PgError } from '../error.ts'
import { integerOf, only, open, quoteColumn, quoteName, stringConstant, strings } from './ast.ts'
import { relationOf } from './from.ts'
import type { CopyFormat, CopyOptions, QueryPlan, UtilityPlan } from './plan.ts'
import type { SchemaColumn, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import type { TranslatedQuery, Translator } from './translation.ts'

export function copyPlan(
  body: CopyStmt,
  translator: Translator,
  queryPlan: (query: TranslatedQuery) => QueryPlan,
): UtilityPlan {
  only(
    'CopyStmt',
    body,
    'relation',
    'query',
    'attlist',
    'is_from',
    'is_program',
    'filename',
    'options',
    'whereClause',
  )
  if (body.is_program === true || (body.filename ?? '') !== '') {
    throw new PgError(
      '0A000',
      'COPY from or to a file or program of the server is not supported by HarmonyDB',
      {
        hint: "Use COPY … FROM STDIN or TO STDOUT (psql's \\copy).",
      },
    )
  }
  if (body.whereClause !== undefined) throw notSupported('COPY … WHERE')
  const options = copyOptions(body.options ?? [])
  if (body.query !== undefined) {
    const { kind, body: select } = open(body.query)
    if (kind !== 'SelectStmt') throw notSupported('COPY of a statement that modifies data')
    return {
      kind: 'copyOut',
      query: withoutEffects(queryPlan(translator.query(select, new Scope(null)))),
      options,
    }
  }
  const relation = relationOf(must(body.relation), translator)
  const columns = copyColumns(relation, strings(body.attlist), translator)
  if (body.is_from === true) {
    return {
      kind: 'copyIn',
      table: relation.name,
      columns: columns.map(({ name, type }) => ({ name, type })),
      options,
    }
  }
  return { kind: 'copyOut', query: queryPlan(tableQuery(relation, columns)), options }
}

function withoutEffects(query: QueryPlan): QueryPlan {
  if (query.effects.length > 0) throw notSupported('COPY of a function with an effect')
  return query
}

function copyColumns(
  relation: SchemaRelation,
  names: readonly string[],
  { context }: Translator,
): readonly SchemaColumn[] {
  if (names.length === 0) return relation.columns.filter(({ isGenerated }) => !isGenerated)
  return names.map((name) => {
    const column = relation.columns.find((each) => each.name.toLowerCase() === name.toLowerCase())
    if (column === undefined)
      throw context.error('42703', `column "${name}" of relation "${relation.shownName}" does not exist`)
    return column
  })
}

function tableQuery(relation: SchemaRelation, columns: readonly SchemaColumn[]): TranslatedQuery {
  return {
    sql: `SELECT ${columns.map(({ name }) => quoteColumn(name)).join(', ')} FROM ${quoteName(relation.name)}`,
    columns: columns.map(({ name, type }) => ({ name, type, origin: null })),
  }
}

/** Options in PostgreSQL's form, and in the older one, which the parser brings into the same. */
function copyOptions(nodes: readonly Node[]): CopyOptions {
  const given = new Map(
    nodes.map((node) => [(open(node).body as DefElem).defname ?? '', open(node).body as DefElem]),
  )
  const text = (name: string): string | null => stringConstant(given.get(name)?.arg)
  const format = (text('format') ?? 'text') as CopyFormat
  if (!['text', 'csv', 'binary'].includes(format))
    throw new PgError('22023', `COPY format "${format}" not recognized`)
  refuseUnknown(given, text('encoding'))
  const quote = text('quote') ?? '"'
  const options: CopyOptions = {
    format,
    delimiter: text('delimiter') ?? (format === 'csv' ? ',' : '\t'),
    nullText: text('null') ?? (format === 'csv' ? '' : '\\N'),
    header: isOn(given.get('header')),
    quote,
    escape: text('escape') ?? quote,
    forceQuote: columnList(given.get('force_quote')),
    forceNotNull: names(given.get('force_not_null')),
    forceNull: names(given.get('force_null')),
  }
  checkCharacters(options)
  return options
}

const KNOWN: ReadonlySet<string> = new Set([
  'format',
  'delimiter',
  'null',
  'header',
  'quote',
  'escape',
  'force_quote',
  'force_not_null',
  'force_null',
  'encoding',
  // Hints about how PostgreSQL stores rows.
  'freeze',
])

function refuseUnknown(given: ReadonlyMap<string, DefElem>, encoding: string | null): void {
  for (const name of given.keys()) {
    if (!KNOWN.has(name)) throw notSupported(`the COPY option ${name}`)
  }
  if (encoding !== null && !/^utf-?8$/i.test(encoding)) throw notSupported(`COPY with ENCODING '${encoding}'`)
}

function checkCharacters({ delimiter, quote, escape, nullText }: CopyOptions): void {
  for (const [name, character] of Object.entries({ delimiter, quote, escape })) {
    if (Buffer.byteLength(character) !== 1 || /[\r\n]/.test(character)) {
      throw new PgError('0A000', `COPY ${name} must be a single one-byte character`)
    }
  }
  if (/[\r\n]/.test(nullText))
    throw new PgError('22023', 'COPY null representation cannot use newline or carriage return')
}

function isOn(option: DefElem | undefined): boolean {
  if (option === undefined) return false
  if (option.arg === undefined) return true
  const integer = integerOf(option.arg)
  if (integer !== null) return integer !== 0
  const word = (stringConstant(option.arg) ?? booleanWord(option.arg)).toLowerCase()
  if (word === 'match') throw notSupported('COPY … HEADER MATCH')
  return word === 'true' || word === 'on'
}

function booleanWord(node: Node): string {
  return open(node).body['boolval'] === false ? 'false' : 'true'
}

function names(option: DefElem | undefined): readonly string[] {
  const list = columnList(option)
  return list === '*' || list === null ? [] : list
}

function columnList(option: DefElem | undefined): readonly string[] | '*' | null {
  if (option?.arg === undefined) return null
  const { kind, body } = open(option.arg)
  return kind === 'A_Star' ? '*' : strings(body['items'] as readonly Node[] | undefined)
}
