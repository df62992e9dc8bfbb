/** The output modes of the shell. */

import { encodeValue, objectKeys } from '../../protocols/http/json-values.ts'
import { unreachable } from '../../base/assert.ts'
import type { SqlValue } from '../../base/value.ts'
import { displayWidth } from './display-width.ts'
import { renderTable } from './table.ts'
import type { Style } from './style.ts'
import { realText, valueText } from './value-text.ts'

export const MODES = ['table', 'line', 'csv', 'json'] as const
export type Mode = (typeof MODES)[number]

export interface ResultSet {
  readonly names: readonly string[]
  readonly rows: readonly (readonly SqlValue[])[]
}

export interface FormatOptions {
  readonly mode: Mode
  /** Columns of the terminal; Infinity when the output is none. */
  readonly width: number
  readonly style: Style
}

export interface Formatted {
  readonly text: string
  /** What the reader should know about the form; null if there is nothing. */
  readonly note: string | null
}

export function formatResult(result: ResultSet, options: FormatOptions): Formatted {
  switch (options.mode) {
    case 'table':
      return formatTable(result, options)
    case 'line':
      return { text: formatLines(result, options.style), note: null }
    case 'csv':
      return { text: formatCsv(result), note: null }
    case 'json':
      return { text: formatJson(result), note: null }
    default:
      return unreachable(options.mode)
  }
}

function formatTable(result: ResultSet, options: FormatOptions): Formatted {
  if (result.rows.length === 0) return { text: '', note: null }
  const table = renderTable(result.names, result.rows, options)
  if (table === null) {
    return {
      text: formatLines(result, options.style),
      note: `${result.names.length} columns do not fit side by side, so they are shown below each other`,
    }
  }
  return { text: table.text, note: table.isCut ? 'long values are cut; .mode line shows them whole' : null }
}

/** `name = value`, one a line, an empty line between rows. */
function formatLines({ names, rows }: ResultSet, style: Style): string {
  const width = Math.max(0, ...names.map(displayWidth))
  const rowText = (row: readonly SqlValue[]): string =>
    row
      .map((value, at) => {
        const name = names[at] ?? ''
        const label = ' '.repeat(width - displayWidth(name)) + name
        const text = valueText(value)
        return `${style.bold(label)} = ${value === null ? style.dim(text) : text}`
      })
      .join('\n')
  return rows.map(rowText).join('\n\n')
}

/** RFC 4180: NULL is an empty field and an empty TEXT is `""`, so that the two can be told apart. */
function formatCsv({ names, rows }: ResultSet): string {
  return [names.map(csvField), ...rows.map((row) => row.map(csvField))]
    .map((fields) => fields.join(','))
    .join('\n')
}

function csvField(value: SqlValue): string {
  if (value === null) return ''
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realText(value)
  if (typeof value !== 'string') return Buffer.from(value).toString('hex')
  return value === '' || /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

/** As the JSON API returns rows, with exact integers as number literals. */
function formatJson({ names, rows }: ResultSet): string {
  const keys = objectKeys(names.map((name) => ({ name, declaredType: null }))).map((name) =>
    JSON.stringify(name),
  )
  const objects = rows.map(
    (row) => `  {${row.map((value, at) => `${keys[at]}: ${encodeValue(value, 'number')}`).join(', ')}}`,
  )
  return objects.length === 0 ? '[]' : `[\n${objects.join(',\n')}\n]`
}
