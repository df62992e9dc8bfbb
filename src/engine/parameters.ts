/**
 * Which parameters a statement has, and which value each of them gets. Worked out from the text by SQLite's
 * rules (lang_expr.html#varparam), because `node:sqlite` does not tell a statement's parameters.
 */

import { HarmonyError } from '../base/errors.ts'
import { INT64_MAX, INT64_MIN, type SqlArguments, type SqlValue } from '../base/value.ts'
import { tokens } from './sql-text.ts'

/** One statement's parameters, by position. */
export interface ParameterLayout {
  /** With their prefix; null for `?`. `?3` has the name `?3`. */
  readonly names: readonly (string | null)[]
  /** False for a position that the text skips, such as the first of `SELECT ?2`: it needs no value. */
  readonly isUsed: readonly boolean[]
  /** True if a name is not of the form `?3`: `node:sqlite` binds those by name alone. */
  readonly isNamed: boolean
}

export const PARAMETERS_MAX = 32_766

export function parametersOf(sql: string): ParameterLayout {
  const names: (string | null)[] = []
  const isUsed: boolean[] = []
  for (const token of tokens(sql)) {
    if (token.kind !== 'parameter') continue
    isUsed[place(names, sql.slice(token.start, token.end))] = true
    if (names.length > PARAMETERS_MAX) throw new HarmonyError('SQLITE_ERROR', 'too many SQL variables')
  }
  const isNamed = names.some((name) => name !== null && !name.startsWith('?'))
  return { names, isUsed: names.map((_, position) => isUsed[position] === true), isNamed }
}

/** Gives the parameter its position and returns it. */
function place(names: (string | null)[], name: string): number {
  if (name === '?') return names.push(null) - 1
  if (name.startsWith('?')) return placeNumbered(names, name)
  const known = names.indexOf(name)
  return known >= 0 ? known : names.push(name) - 1
}

function placeNumbered(names: (string | null)[], name: string): number {
  const position = Number(name.slice(1))
  if (position < 1 || position > PARAMETERS_MAX) {
    throw new HarmonyError('SQLITE_ERROR', `variable number must be between ?1 and ?${PARAMETERS_MAX}`)
  }
  while (names.length < position) names.push(null)
  names[position - 1] ??= name
  return position - 1
}

/** The values of all parameters, by position. Throws ARGS_INVALID where one has no value, or a value no parameter. */
export function valuesOf(layout: ParameterLayout, args: SqlArguments): SqlValue[] {
  const { positional, named } = args
  if (positional.length > layout.names.length) {
    throw new HarmonyError(
      'ARGS_INVALID',
      `The statement has ${layout.names.length} parameters, but ${positional.length} positional values were given`,
    )
  }
  const values: (SqlValue | undefined)[] = [...positional]
  for (const [name, value] of named) placeNamed(layout, values, name, value)
  return layout.names.map((name, position) => {
    const value = values[position]
    if (value !== undefined) return checkedValue(value, name ?? position + 1)
    if (layout.isUsed[position] === false) return null
    throw new HarmonyError('ARGS_INVALID', `No value was given for parameter ${name ?? position + 1}`)
  })
}

/**
 * `args` as `node:sqlite` takes them, where that needs no work: each `?` and `?3` has its value. Null otherwise, or where a value is
 * wrong: then `valuesOf` and `bindingOf`, which give the same or tell what is wrong.
 */
export function plainBinding(
  layout: ParameterLayout,
  { positional, named }: SqlArguments,
): readonly SqlValue[] | null {
  if (layout.isNamed || named.length > 0 || positional.length !== layout.names.length) return null
  for (const value of positional) if (value === undefined || !fitsSqlite(value)) return null
  return positional
}

function fitsSqlite(value: SqlValue): boolean {
  return typeof value !== 'bigint' || (value >= INT64_MIN && value <= INT64_MAX)
}

function checkedValue(value: SqlValue, parameter: string | number): SqlValue {
  if (fitsSqlite(value)) return value
  throw new HarmonyError('ARGS_INVALID', `The value ${value} of parameter ${parameter} does not fit 64 bits`)
}

/** `:a`, `@a` and `$a` are different parameters to SQLite; a value named `a` goes to all of them. */
function placeNamed(
  layout: ParameterLayout,
  values: (SqlValue | undefined)[],
  name: string,
  value: SqlValue,
): void {
  let isKnown = false
  layout.names.forEach((candidate, position) => {
    if (candidate === null || (candidate !== name && candidate.slice(1) !== name)) return
    values[position] = value
    isKnown = true
  })
  if (!isKnown) throw new HarmonyError('ARGS_INVALID', `The statement has no parameter named ${name}`)
}

export type NamedBinding = Record<string, SqlValue>

/** `values` as `node:sqlite` takes them: names in an object first, then those of `?` and `?3` in order. */
export function bindingOf(layout: ParameterLayout, values: readonly SqlValue[]): (SqlValue | NamedBinding)[] {
  if (!layout.isNamed) return [...values]
  const named: NamedBinding = {}
  const anonymous: SqlValue[] = []
  layout.names.forEach((name, position) => {
    const value = values[position] as SqlValue
    if (name === null || name.startsWith('?')) anonymous.push(value)
    else named[name] = value
  })
  return [named, ...anonymous]
}
