/** One function per kind of expression node. */

import type {
  A_Const,
  CollateClause,
  ColumnRef,
  FuncCall,
  NamedArgExpr,
  Node,
  ParamRef,
  SQLValueFunction,
  TypeCast,
} from 'libpg-query'
import { must } from '../../../base/assert.ts'
import { DATE, INT8_TYPE, NAME, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ, type PgType } from '../types/registry.ts'
import { clauseName, only, open, quoteName, strings } from './ast.ts'
import { catalogRelation } from '../catalog/relations.ts'
import { checkRegclass, formatType, regclassOf, regtypeOf } from './catalog-functions.ts'
import { cast, isInteger, isNumber, isText, knownType, typeOfName } from './casts.ts'
import { functionCall } from './functions.ts'
import { constant, typedLiteral, resolvedText } from './literals.ts'
import type { Scope } from './scope.ts'
import type { Translator } from './translation.ts'
import { atom, compound, operand, plain, type Typed } from './typed.ts'

import { operatorExpression } from './operator-expressions.ts'
import { booleanExpression, booleanTest, caseExpression, coalesce, minMax, nullTest } from './conditions.ts'
import { arrayExpression, indirection, rowExpression, subLink } from './subqueries.ts'

type Translate = (body: never, scope: Scope, translator: Translator) => Typed

const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  A_ArrayExpr: arrayExpression,
  A_Const: (body: A_Const, _scope, { context }) => constant(body, context),
  A_Expr: operatorExpression,
  A_Indirection: indirection,
  BoolExpr: booleanExpression,
  BooleanTest: booleanTest,
  CaseExpr: caseExpression,
  CoalesceExpr: coalesce,
  CollateClause: collate,
  ColumnRef: columnReference,
  FuncCall: (body: FuncCall, scope, translator) => functionCall(body, scope, translator),
  MinMaxExpr: minMax,
  // Who takes arguments by name looks at the names itself (functions.ts); the others refuse them.
  NamedArgExpr: (body: NamedArgExpr, scope, translator) => translator.expression(must(body.arg), scope),
  NullTest: nullTest,
  ParamRef: (body: ParamRef, _scope, { context }) => context.parameter(body.number ?? 0),
  RowExpr: rowExpression,
  SQLValueFunction: valueFunction,
  SubLink: subLink,
  TypeCast: typeCast,
}

export function expression(node: Node, scope: Scope, translator: Translator): Typed {
  const { kind, body } = open(node)
  const translate = TRANSLATIONS[kind]
  if (translate === undefined) {
    throw translator.context.notSupported(clauseName(kind), body['location'] as number | undefined)
  }
  return translate(body as never, scope, translator)
}

// Names.

function columnReference(body: ColumnRef, scope: Scope, { context }: Translator): Typed {
  const fields = body.fields ?? []
  if (fields.some((field) => open(field).kind === 'A_Star'))
    throw context.notSupported('* in this place', body.location)
  const names = strings(fields)
  const column = names.at(-1) ?? ''
  const found = names.length === 1 ? scope.column(column) : scope.qualifiedColumn(names.at(-2) ?? '', column)
  if (found !== null) return found
  const rowid = rowidOf(names, scope)
  if (rowid !== null) return rowid
  if (names.length === 1 && scope.source(column) !== null)
    throw context.notSupported('a whole row as a value', body.location)
  if (names.length > 1 && scope.source(names.at(-2) ?? '') === null) {
    throw context.error('42P01', `missing FROM-clause entry for table "${names.at(-2)}"`, body.location)
  }
  const shown = names.length === 1 ? `"${column}"` : names.slice(-2).join('.')
  throw context.error('42703', `column ${shown} does not exist`, body.location)
}

/** SQLite's own name for the row; `ctid` is PostgreSQL's, with another meaning. */
function rowidOf(names: readonly string[], scope: Scope): Typed | null {
  if (names.at(-1)?.toLowerCase() !== 'rowid') return null
  const source = names.length > 1 ? scope.source(names.at(-2) ?? '') : scope.sources[0]
  if (source === undefined || source === null || (names.length === 1 && scope.sources.length > 1)) return null
  return atom(names.length > 1 ? `${quoteName(source.alias)}.rowid` : 'rowid', INT8_TYPE)
}

// Types.

function typeCast(body: TypeCast, scope: Scope, translator: Translator): Typed {
  only('TypeCast', body, 'arg', 'typeName')
  const typeName = must(body.typeName)
  const name = strings(typeName.names).at(-1) ?? ''
  const digits = decimalDigits(must(body.arg))
  const target = digits === null ? null : typeOfName(typeName)
  if (digits !== null && target !== null && isNumber(target.type)) {
    return isInteger(target.type)
      ? cast(translator.expression(must(body.arg), scope), target, translator.context)
      : typedLiteral(digits, target, translator.context)
  }
  const named = /^(?:text|varchar|name)$/.test(name)
    ? nameOfRegistered(must(body.arg), scope, translator)
    : null
  if (named !== null) return named
  const value = translator.expression(must(body.arg), scope)
  if (name === 'regclass' && typeOfName(typeName) !== null) {
    checkRegclass(value, translator.context)
    return toRegclass(value, translator)
  }
  if (name === 'regtype' && isText(value.type?.type ?? TEXT)) return regtypeOf(value, translator.context)
  if (name === 'regproc' || name === 'regtype' || name === 'regnamespace' || name === 'regrole')
    return { ...resolvedText(value), type: plain(TEXT) }
  return cast(value, knownType(typeName, translator.context), translator.context)
}

/** x::regclass::text and x::regtype::text are names, which PostgreSQL's types print themselves as. Null for anything else. */
function nameOfRegistered(node: Node, scope: Scope, translator: Translator): Typed | null {
  const { kind, body } = open(node)
  if (kind !== 'TypeCast') return null
  const { arg, typeName } = body as TypeCast
  const type = strings(must(typeName).names).at(-1) ?? ''
  if (type !== 'regclass' && type !== 'regtype') return null
  const { context } = translator
  const value = translator.expression(must(arg), scope)
  const isName = value.type === null || isText(value.type.type)
  if (type === 'regclass') {
    checkRegclass(value, context)
    return toRegclass(isName ? regclassOf(value, context) : value, translator)
  }
  return atom(formatType(isName ? regtypeOf(value, context).sql : operand(value), '-1', context), TEXT)
}

/** 1.5e100 is checked as what it is cast to, not as a numeric first. */
function decimalDigits(node: Node): string | null {
  const { kind, body } = open(node)
  return kind === 'A_Const' && 'fval' in body ? (body['fval'] as { fval: string }).fval : null
}

/** Text becomes an OID; an OID becomes the name of its table. */
function toRegclass(value: Typed, { context }: Translator): Typed {
  const from = value.type?.type
  if (from === undefined || from === TEXT || from === NAME) return regclassOf(value, context)
  const catalog = must(catalogRelation('pg_catalog', 'pg_class'))
  const rows = context.sessionValue({ kind: 'catalog', relation: catalog.key })
  return atom(`(SELECT "relname" FROM (${catalog.sql(rows)}) WHERE "oid" = ${operand(value)})`, TEXT)
}

function collate(body: CollateClause, scope: Scope, translator: Translator): Typed {
  const name = strings(body.collname).at(-1) ?? ''
  const value = translator.expression(must(body.arg), scope)
  if (/^(?:default|c|posix|ucs_basic)$/i.test(name)) return value.type === null ? resolvedText(value) : value
  if (/^(?:nocase|binary|rtrim)$/i.test(name))
    return compound(`${operand(resolvedText(value))} COLLATE ${name.toUpperCase()}`, TEXT)
  throw translator.context.notSupported(`the collation "${name}"`, body.location)
}

function valueFunction(body: SQLValueFunction, _scope: Scope, { context }: Translator): Typed {
  const now = (as: 'timestamptz' | 'timestamp' | 'date' | 'time', type: PgType): Typed =>
    atom(context.sessionValue({ kind: 'now', as }), type)
  switch (String(body.op)) {
    case 'SVFOP_CURRENT_TIMESTAMP':
    case 'SVFOP_CURRENT_TIMESTAMP_N':
      return now('timestamptz', TIMESTAMPTZ)
    case 'SVFOP_LOCALTIMESTAMP':
    case 'SVFOP_LOCALTIMESTAMP_N':
      return now('timestamp', TIMESTAMP)
    case 'SVFOP_CURRENT_DATE':
      return now('date', DATE)
    case 'SVFOP_LOCALTIME':
    case 'SVFOP_LOCALTIME_N':
      return now('time', TIME)
    case 'SVFOP_CURRENT_USER':
    case 'SVFOP_USER':
    case 'SVFOP_SESSION_USER':
    case 'SVFOP_CURRENT_ROLE':
      return atom(context.sessionValue({ kind: 'user' }), NAME)
    case 'SVFOP_CURRENT_CATALOG':
      return atom(context.sessionValue({ kind: 'database' }), NAME)
    case 'SVFOP_CURRENT_SCHEMA':
      return atom("'public'", NAME)
    default:
      throw context.notSupported(String(body.op), body.location)
  }
}
