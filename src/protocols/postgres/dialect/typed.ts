/** A translated expression: SQLite's text for it and its PostgreSQL type. */

import type { TypeWithModifier } from '../types/declared-type.ts'
import type { CallName } from './plan.ts'
import type { PgType } from '../types/registry.ts'

export interface Typed {
  readonly sql: string
  /** null while it is open: a string literal, NULL, or a parameter, which take the type that their surroundings want. */
  readonly type: TypeWithModifier | null
  /** Stands as an operand without parentheses around it. */
  readonly isAtom: boolean
  /** For open ones: the same with that type. */
  readonly resolve?: (target: TypeWithModifier) => Typed
  /** Where it comes from a column. */
  readonly origin?: ColumnOrigin
  /** The value, where it is a constant of the text. */
  readonly constant?: string | number | boolean | null
  /** Its value is the arguments of a function that has an effect, which happens when the rows are there (session/effects.ts). */
  readonly effect?: CallName
  /** The digits of a numeric constant, as they stand in the text. */
  readonly numberText?: string
}

export interface ColumnOrigin {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly isNotNull: boolean
}

export function plain(type: PgType): TypeWithModifier {
  return { type, modifier: -1 }
}

export function atom(sql: string, type: PgType | TypeWithModifier): Typed {
  return { sql, type: 'type' in type ? type : plain(type), isAtom: true }
}

export function compound(sql: string, type: PgType | TypeWithModifier): Typed {
  return { sql, type: 'type' in type ? type : plain(type), isAtom: false }
}

/** As an operand. */
export function operand(typed: Typed): string {
  return typed.isAtom ? typed.sql : `(${typed.sql})`
}
