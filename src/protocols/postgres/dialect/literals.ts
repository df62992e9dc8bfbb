/** Constants: numbers, strings that take their type from where they stand, NULL, true and false, bit strings. */

import type { A_Const } from 'libpg-query'
import { INT64_MAX, INT64_MIN, type SqlValue } from '../../../base/value.ts'
import { notSupported, PgError } from '../error.ts'
import type { TypeWithModifier } from '../types/declared-type.ts'
import { BOOL, INT4_TYPE, INT8_TYPE, NUMERIC, TEXT, TIMESTAMPTZ } from '../types/registry.ts'
import { numericModifier } from '../types/numeric-codec.ts'
import { UTC } from '../types/time-zone.ts'
import { quoteText } from './ast.ts'
import type { Translation } from './translation.ts'
import { atom, plain, type Typed } from './typed.ts'

const INT4_MAX = 2 ** 31 - 1

export function constant(body: A_Const, context: Translation): Typed {
  if (body.isnull === true) return nullConstant()
  if ('ival' in body) return integerConstant(body.ival?.ival ?? 0)
  if ('fval' in body) return decimalConstant(body.fval?.fval ?? '0')
  if ('boolval' in body) return booleanConstant(body.boolval?.boolval ?? false)
  if ('sval' in body) return stringLiteral(body.sval?.sval ?? '', context)
  throw notSupported('a bit string constant')
}

export function nullConstant(): Typed {
  return {
    sql: 'NULL',
    type: null,
    isAtom: true,
    constant: null,
    resolve: (target) => ({ sql: 'NULL', type: target, isAtom: true, constant: null }),
  }
}

function integerConstant(value: number): Typed {
  const type = Math.abs(value) <= INT4_MAX ? INT4_TYPE : INT8_TYPE
  return { ...atom(String(value), type), constant: value, numberText: String(value) }
}

/** Integers beyond 32 bits come here too: int8 when they fit, else numeric (PostgreSQL documentation, "Numeric Constants"). */
function decimalConstant(text: string): Typed {
  if (/^-?\d+$/.test(text) && BigInt(text) <= INT64_MAX && BigInt(text) >= INT64_MIN) {
    return { ...atom(integerText(BigInt(text)), INT8_TYPE), numberText: text }
  }
  if (/^0[xob]|_/i.test(text)) throw notSupported(`the numeric constant ${text}`)
  const value = NUMERIC.codec.decodeText(text, -1, { timeZone: UTC })
  const scale = /e/i.test(text) ? 0 : (text.split('.')[1]?.length ?? 0)
  const modifier = scale > 0 && scale <= 15 ? numericModifier(1000, scale) : -1
  return { ...atom(valueText(value), { type: NUMERIC, modifier }), numberText: text }
}

export function booleanConstant(value: boolean): Typed {
  return { ...atom(value ? 'TRUE' : 'FALSE', BOOL), constant: value }
}

/** 'abc': unknown until something tells; then it is checked and brought into the storage form of that type. */
export function stringLiteral(text: string, context: Translation): Typed {
  if (text.includes('\u0001')) return atom(`CAST(${blobText(text)} AS TEXT)`, TEXT)
  return {
    sql: quoteText(text),
    type: null,
    isAtom: true,
    constant: text,
    resolve: (target) => typedLiteral(text, target, context),
  }
}

function blobText(text: string): string {
  return `x'${Buffer.from(text).toString('hex')}'`
}

export function typedLiteral(text: string, target: TypeWithModifier, context: Translation): Typed {
  const { type, modifier } = target
  if (type === TIMESTAMPTZ && !hasZone(text)) {
    return atom(context.sessionValue({ kind: 'timestamptz', text, modifier }), target)
  }
  if (type.category === 'D') refuseWord(text, target)
  const value = type.codec.decodeText(text, modifier, { timeZone: UTC })
  return { ...atom(valueText(value), target), constant: text }
}

/** An offset or a zone's name at the end. */
function hasZone(text: string): boolean {
  return /(?:[+-]\d{1,2}(?::?\d{2}){0,2}|[zZ]|[A-Za-z]{2,}\/?[A-Za-z_]*)\s*$/.test(
    text.replace(/^\s*\d+-\d+-\d+/, ''),
  )
}

function refuseWord(text: string, { type }: TypeWithModifier): void {
  if (/^(?:now|today|tomorrow|yesterday)$/i.test(text.trim())) {
    throw new PgError('0A000', `the ${type.sqlName} value '${text}' is not supported by HarmonyDB`, {
      hint: 'Use now(), current_date and so on.',
    })
  }
}

/** A value as SQLite's text. */
export function valueText(value: SqlValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return quoteText(value)
  if (typeof value === 'bigint') return integerText(value)
  if (typeof value === 'number') return realText(value)
  return `x'${Buffer.from(value).toString('hex')}'`
}

/** SQLite reads the digits of the smallest integer, behind a minus, as REAL. */
function integerText(value: bigint): string {
  if (value === -(2n ** 63n)) return '(-9223372036854775807 - 1)'
  return value < 0n ? `(${value})` : value.toString()
}

function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '(-9e999)'
  const text = String(value)
  const real = /[.e]/.test(text) ? text : `${text}.0`
  return value < 0 || Object.is(value, -0) ? `(${real})` : real
}

/** An open expression with the type of its surroundings; a typed one as it is. */
export function resolved(typed: Typed, target: TypeWithModifier): Typed {
  return typed.resolve === undefined ? typed : typed.resolve(target)
}

export function resolvedText(typed: Typed): Typed {
  return resolved(typed, plain(TEXT))
}
