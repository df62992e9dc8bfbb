/** to_char of numbers and to_number (PostgreSQL documentation, "Data Type Formatting Functions", templates of numbers), in the C locale. */

import type { SqlValue } from '../../base/value.ts'
import { failure } from './failure.ts'

interface Template {
  readonly isFilled: boolean
  /** Signs of the integer part: 9, 0, comma. */
  readonly integer: string
  /** Signs behind the point: 9, 0. */
  readonly fraction: string
  readonly hasPoint: boolean
  readonly sign: 'inline' | 'leading S' | 'trailing S' | 'leading MI' | 'trailing MI' | 'PR'
  readonly before: string
  readonly after: string
}

const SIGNS = /^(?:FM|MI|PR|"[^"]*"|[09.,DGSL\s])/i

function parseTemplate(format: string): Template {
  let rest = format
  let [isFilled, hasPoint] = [true, false]
  let [integer, fraction, before, after] = ['', '', '', '']
  let sign: Template['sign'] = 'inline'
  const hasDigits = (): boolean => integer !== '' || hasPoint
  while (rest !== '') {
    const word = SIGNS.exec(rest)?.[0]
    if (word === undefined) throw failure(`the to_char pattern "${rest}" is not supported by HarmonyDB`)
    rest = rest.slice(word.length)
    const upper = word.toUpperCase()
    if (upper === 'FM') isFilled = false
    else if (upper === 'S') sign = hasDigits() ? 'trailing S' : 'leading S'
    else if (upper === 'MI') sign = hasDigits() ? 'trailing MI' : 'leading MI'
    else if (upper === 'PR') sign = 'PR'
    else if (upper === '.' || upper === 'D') hasPoint = true
    else if (upper === '9' || upper === '0') {
      if (hasPoint) fraction += upper
      else integer += upper
    } else if (upper === ',' || upper === 'G') integer += ','
    else {
      const text = upper === 'L' ? ' ' : word.replaceAll('"', '')
      if (hasDigits()) after += text
      else before += text
    }
  }
  return { isFilled, hasPoint, integer, fraction, sign, before, after }
}

export function numberToChar(value: SqlValue, format: string): string {
  if (/^(?:FM)?RN$/i.test(format)) return roman(Number(value), !/^FM/i.test(format))
  if (/EEEE|V/i.test(format.replaceAll(/"[^"]*"/g, '')))
    throw failure(`the to_char pattern "${format}" is not supported by HarmonyDB`)
  const template = parseTemplate(format)
  const digits = decimalDigits(value, template.fraction.length)
  const isNegative = digits.startsWith('-') && /[1-9]/.test(digits)
  const [whole = '', decimals = ''] = digits.replace('-', '').split('.')
  return withSign(integerText(whole, template), fractionText(decimals, template), isNegative, template)
}

/** Rounded half away from zero. */
function decimalDigits(value: SqlValue, places: number): string {
  if (typeof value === 'bigint') return places === 0 ? value.toString() : `${value}.${'0'.repeat(places)}`
  const number = Number(value)
  const shortest = String(number)
  if (/e/i.test(shortest)) return number.toFixed(Math.min(places, 100))
  const [whole = '0', decimals = ''] = shortest.split('.')
  if (decimals.length <= places) return places === 0 ? whole : `${whole}.${decimals.padEnd(places, '0')}`
  const scaled = BigInt(`${whole.replace('-', '')}${decimals.slice(0, places)}`)
  const rounded = (scaled + (Number(decimals[places]) >= 5 ? 1n : 0n)).toString().padStart(places + 1, '0')
  const sign = number < 0 ? '-' : ''
  return places === 0 ? sign + rounded : `${sign}${rounded.slice(0, -places)}.${rounded.slice(-places)}`
}

function integerText(whole: string, { integer, isFilled }: Template): string {
  const places = integer.replaceAll(',', '').length
  const own = whole === '0' ? '' : whole
  if (own.length > places) return integer.replaceAll(/[09]/g, '#')
  const padded = own.padStart(places, ' ')
  let text = ''
  let at = 0
  let hasBegun = false
  for (const sign of integer) {
    if (sign === ',') {
      text += hasBegun ? ',' : ' '
      continue
    }
    const digit = padded[at++] as string
    hasBegun ||= digit !== ' ' || sign === '0'
    text += digit === ' ' && hasBegun ? '0' : digit
  }
  return isFilled ? text : text.trimStart()
}

function fractionText(decimals: string, { fraction, hasPoint, isFilled }: Template): string {
  if (!hasPoint) return ''
  if (isFilled) return `.${decimals}`
  const kept = fraction.lastIndexOf('0') + 1
  let end = decimals.length
  while (end > kept && decimals[end - 1] === '0') end--
  return `.${decimals.slice(0, end)}`
}

function withSign(whole: string, fraction: string, isNegative: boolean, template: Template): string {
  const { sign, isFilled, before, after } = template
  const number = whole.trimStart() === '' && fraction === '' ? `${whole.slice(1)}0` : whole + fraction
  const blank = isFilled ? ' ' : ''
  const mark = isNegative ? '-' : blank
  const anchored = (text: string): string =>
    number.trimStart() === number
      ? text + number
      : `${number.slice(0, number.length - number.trimStart().length)}${text}${number.trimStart()}`
  switch (sign) {
    case 'leading S':
      return before + anchored(isNegative ? '-' : '+') + after
    case 'trailing S':
      return before + number + (isNegative ? '-' : '+') + after
    case 'leading MI':
      return before + mark + number + after
    case 'trailing MI':
      return before + number + mark + after
    case 'PR':
      return (
        before +
        (isNegative ? `<${number.trimStart()}>`.padStart(number.length + 2) : blank + number + blank) +
        after
      )
    case 'inline': {
      const shown = isNegative ? anchored('-') : blank + number
      return before + shown + after
    }
  }
}

const ROMAN: readonly (readonly [number, string])[] = [
  [1000, 'M'],
  [900, 'CM'],
  [500, 'D'],
  [400, 'CD'],
  [100, 'C'],
  [90, 'XC'],
  [50, 'L'],
  [40, 'XL'],
  [10, 'X'],
  [9, 'IX'],
  [5, 'V'],
  [4, 'IV'],
  [1, 'I'],
]
const ROMAN_WIDTH = 15

function roman(value: number, isFilled: boolean): string {
  const number = Math.round(value)
  if (number < 1 || number > 3999) return '#'.repeat(ROMAN_WIDTH)
  let rest = number
  let text = ''
  for (const [size, letters] of ROMAN) {
    for (; rest >= size; rest -= size) text += letters
  }
  return isFilled ? text.padStart(ROMAN_WIDTH) : text
}

/** The template tells where the point is and what to skip; signs are found wherever they are. */
export function toNumber(text: string, format: string): SqlValue {
  const { hasPoint, fraction } = parseTemplate(format)
  const isNegative = /-|^\s*<.*>\s*$/.test(text)
  const digits = text.replaceAll(/[^0-9.]/g, '')
  const [whole = '', decimals = ''] = digits.split('.')
  if (whole === '' && decimals === '') throw failure(`invalid input syntax for type numeric: "${text}"`)
  const kept = hasPoint ? decimals.slice(0, fraction.length) : ''
  const sign = isNegative ? '-' : ''
  return kept === '' ? BigInt(`${sign}${whole === '' ? '0' : whole}`) : Number(`${sign}${whole}.${kept}`)
}
