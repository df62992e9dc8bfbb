/**
 * Values as JavaScript programs have them, and as the database has them.
 *
 * A whole number is stored as INTEGER, as its writer means it, and any other number as REAL. An INTEGER comes back as a number
 * where a number holds it exactly, else as a `bigint`: nothing is ever rounded (promise P9). Lost: always `bigint`, which few
 * programs want for an id; an option, which would make the type of a row depend on a setting far away.
 */

import { HarmonyError } from '../base/errors.ts'
import type { SqlArguments, SqlStatement, SqlValue } from '../base/value.ts'
import { NO_ARGUMENTS } from '../base/value.ts'

/** What a row has: `bigint` only where an INTEGER is beyond 2^53 - 1. */
export type Value = null | number | bigint | string | Uint8Array

/** What may be bound to a parameter. `true` and `false` become 1 and 0. */
export type Parameter = Value | boolean

/** Parameters of `:name`, `@name` and `$name`, by their names without the prefix. */
export type NamedParameters = Readonly<Record<string, Parameter>>

/** Either values in order, or one object with names. */
export type Parameters = readonly Parameter[] | readonly [NamedParameters]

export type Row = Record<string, Value>

export function toSqlValue(value: unknown, name: string | number): SqlValue {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value
  if (typeof value === 'string' || typeof value === 'bigint' || value === null) return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value instanceof Uint8Array) return value
  throw new HarmonyError('ARGS_INVALID', `Parameter ${name} is ${describe(value)}: ${ACCEPTED}`)
}

const ACCEPTED =
  'a database holds null, numbers, bigints, strings, booleans and Uint8Arrays. Convert it first, such as a Date by toISOString().'

function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return `an object (${value.constructor?.name ?? 'without a class'})`
}

export function isNamed(parameters: readonly unknown[]): parameters is readonly [NamedParameters] {
  const [first] = parameters
  return (
    parameters.length === 1 &&
    typeof first === 'object' &&
    first !== null &&
    !(first instanceof Uint8Array) &&
    [Object.prototype, null].includes(Object.getPrototypeOf(first) as null)
  )
}

/** Throws ARGS_INVALID for what is no text. */
export function checkText(sql: unknown): void {
  if (typeof sql !== 'string')
    throw new HarmonyError('ARGS_INVALID', `The SQL text is ${describe(sql)}: give it as a string.`)
}

/** Throws ARGS_INVALID for a value that no column can hold. */
export function toStatement(sql: string, parameters: readonly unknown[]): SqlStatement {
  checkText(sql)
  if (parameters.length === 0) return { sql, args: NO_ARGUMENTS }
  return { sql, args: toArguments(parameters) }
}

export function toArguments(parameters: readonly unknown[]): SqlArguments {
  if (isNamed(parameters)) {
    const named = Object.entries(parameters[0])
    return { positional: [], named: named.map(([name, value]) => [name, toSqlValue(value, name)] as const) }
  }
  return { positional: parameters.map((value, at) => toSqlValue(value, at + 1)), named: [] }
}

export function fromSqlValue(value: SqlValue): Value {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
