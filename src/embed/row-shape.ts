/**
 * Makes objects of rows. SQLite hands over a row as an array, which costs half as much as the object that it could make itself: that has no
 * prototype and a hash table of its own. Here each list of columns gets a function with the names written out, so that all rows of a
 * statement share one hidden class, in which programs find a property at once.
 *
 * Where the application forbids code made of strings (`--disallow-code-generation-from-strings`) a loop does the same, slower.
 */

import type { SqlValue } from '../base/value.ts'
import type { Row } from './values.ts'
import { fromSqlValue } from './values.ts'

export type RowMaker = (values: readonly SqlValue[]) => Row

/** Of columns with the same name the last one wins, as everywhere in JavaScript's SQLite. */
export function rowMaker(names: readonly string[]): RowMaker {
  try {
    return compiled(names)
  } catch (error) {
    if (!(error instanceof EvalError)) throw error
    return (values) => toRow(names, values)
  }
}

/** The loop. A name such as `__proto__` is a property like any other. */
export function toRow(names: readonly string[], values: readonly SqlValue[]): Row {
  const row: Row = {}
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string
    const value = values[at] as SqlValue
    if (name === '__proto__')
      Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
    else row[name] = value
  }
  return row
}

/** `values` with numbers where they are exact. */
export function exactValues(values: readonly SqlValue[]): SqlValue[] {
  return values.map((value) => fromSqlValue(value))
}

function compiled(names: readonly string[]): RowMaker {
  // Brackets, because `"__proto__": value` in a literal sets the prototype. A JSON string is a literal of JavaScript, whatever it holds.
  const properties = names.map((name, at) =>
    name === '__proto__' ? `["__proto__"]: v[${at}]` : `${JSON.stringify(name)}: v[${at}]`,
  )
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- of names alone, each of them quoted
  return new Function('v', `return { ${properties.join(', ')} }`) as RowMaker
}
