/** Functions over arrays. What is left open takes the array's type, or that of its elements. */

import { must } from '../../../base/assert.ts'
import { notSupported } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { arrayOf, elementOf, INT4_TYPE, JSON_TYPE, TEXT, typeByName, type PgType } from '../types/registry.ts'
import { resolved, resolvedText } from './literals.ts'
import type { Translation } from './translation.ts'
import { atom, plain, type Typed } from './typed.ts'

const TEXT_ARRAY = must(typeByName('_text'))
const INT4_ARRAY = must(typeByName('_int4'))

/** `a`: the array, `e`: an element, `i`: an integer; and the result: `a`, `e`, or a type. */
interface Shape {
  readonly arguments: string
  readonly sql: string
  readonly result: 'a' | PgType
}

const SHAPES: Readonly<Record<string, readonly Shape[]>> = {
  array_append: [{ arguments: 'ae', sql: 'pg_array_append($1, $2)', result: 'a' }],
  array_prepend: [{ arguments: 'ea', sql: 'pg_array_prepend($1, $2)', result: 'a' }],
  array_cat: [{ arguments: 'aa', sql: 'pg_array_concat($1, $2)', result: 'a' }],
  array_remove: [{ arguments: 'ae', sql: 'pg_array_remove($1, $2)', result: 'a' }],
  array_replace: [{ arguments: 'aee', sql: 'pg_array_replace($1, $2, $3)', result: 'a' }],
  array_position: [
    { arguments: 'ae', sql: 'pg_array_position($1, $2, 1)', result: INT4_TYPE },
    { arguments: 'aei', sql: 'pg_array_position($1, $2, $3)', result: INT4_TYPE },
  ],
  array_positions: [{ arguments: 'ae', sql: 'pg_array_positions($1, $2)', result: INT4_ARRAY }],
  array_dims: [{ arguments: 'a', sql: 'pg_array_dims($1)', result: TEXT }],
  array_to_json: [{ arguments: 'a', sql: '$1', result: JSON_TYPE }],
  trim_array: [{ arguments: 'ai', sql: 'pg_array_trim($1, $2)', result: 'a' }],
}

/** Null for a name that is none of these. */
export function arrayFunction(name: string, args: readonly Typed[], context: Translation): Typed | null {
  if (name === 'string_to_array') return fromText(args, context)
  if (name === 'array_fill') return filled(args)
  const shape = SHAPES[name]?.find((each) => each.arguments.length === args.length)
  if (shape === undefined) return null
  const array = arrayType(shape, args)
  if (array === null) throw context.error('42883', `function ${name} needs an array`)
  const values = args.map((argument, index) => valueFor(shape.arguments.charAt(index), argument, array).sql)
  const sql = shape.sql.replaceAll(/\$(\d)/g, (_all, number: string) => values[Number(number) - 1] ?? 'NULL')
  return atom(sql, shape.result === 'a' ? array : plain(shape.result))
}

/** That of an array among the arguments, else the one whose element is there. */
function arrayType(shape: Shape, args: readonly Typed[]): TypeWithModifier | null {
  const types = args.map(({ type }) => type)
  const given = types.find((type) => type !== null && type.type.elementOid !== 0)
  if (given !== undefined) return given
  const element = types.find((type, index) => type !== null && shape.arguments.charAt(index) === 'e')
  const array = element === undefined || element === null ? null : arrayOf(element.type)
  return array === null ? null : plain(array)
}

function valueFor(letter: string, argument: Typed, array: TypeWithModifier): Typed {
  if (letter === 'a') return resolved(argument, array)
  if (letter === 'i') return resolved(argument, plain(INT4_TYPE))
  return resolved(argument, plain(elementOf(array.type) ?? TEXT))
}

function fromText(args: readonly Typed[], context: Translation): Typed {
  if (args.length < 2 || args.length > 3)
    throw context.error('42883', 'function string_to_array does not exist')
  const [text, delimiter, nullText] = args.map((argument) => resolvedText(argument).sql)
  return atom(`pg_string_to_array(${text}, ${delimiter}, ${nullText ?? 'NULL'})`, TEXT_ARRAY)
}

function filled([value, lengths]: readonly Typed[]): Typed {
  const element = resolvedText(must(value))
  const array = element.type === null ? null : arrayOf(element.type.type)
  if (array === null || lengths === undefined) throw notSupported('this form of array_fill')
  return atom(`pg_array_fill(${element.sql}, ${resolved(lengths, plain(INT4_ARRAY)).sql})`, array)
}
