/**
 * How many decimals a computed numeric shows. PostgreSQL's numerics carry their scale along (1.50 + 1 is 2.50); SQLite's numbers do not, so it is
 * worked out where the operands tell theirs: columns with a declared scale, integers, constants.
 */

import { numericModifier } from '../types/numeric-codec.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { NUMERIC } from '../types/registry.ts'
import { isInteger } from './casts.ts'
import type { Typed } from './typed.ts'

/** Precision of a numeric that was computed: nothing is checked against it. */
const COMPUTED_PRECISION = 1000
const SCALE_MAX = 15

/** null where nobody knows. */
export function scaleOf(typed: Typed): number | null {
  if (typed.numberText !== undefined) return decimalsOf(typed.numberText)
  if (typed.type === null) return null
  if (isInteger(typed.type.type)) return 0
  if (typed.type.type !== NUMERIC || typed.type.modifier < 4) return null
  return (typed.type.modifier - 4) & 0xffff
}

function decimalsOf(digits: string): number | null {
  return /e/i.test(digits) ? null : (digits.split('.')[1]?.length ?? 0)
}

export function numericOfScale(scale: number | null): TypeWithModifier {
  const isShown = scale !== null && scale > 0 && scale <= SCALE_MAX
  return { type: NUMERIC, modifier: isShown ? numericModifier(COMPUTED_PRECISION, scale) : -1 }
}

/** Scale of the result of an operator (PostgreSQL source, add_var, mul_var): the larger one, or both together. */
export function arithmeticType(operator: string, left: Typed, right: Typed): TypeWithModifier {
  const [a, b] = [scaleOf(left), scaleOf(right)]
  if (a === null || b === null) return numericOfScale(null)
  if (operator === '*') return numericOfScale(a + b)
  return numericOfScale(operator === '+' || operator === '-' || operator === '%' ? Math.max(a, b) : null)
}

export function isComputed({ type, modifier }: TypeWithModifier): boolean {
  return type === NUMERIC && modifier >= 4 && (modifier - 4) >> 16 === COMPUTED_PRECISION
}
