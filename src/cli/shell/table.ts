/** Results as a box with aligned columns. */

import type { SqlValue } from '../../base/value.ts'
import { cutToWidth, displayWidth } from './display-width.ts'
import type { Style } from './style.ts'
import { showControlCharacters, valueText } from './value-text.ts'

export interface TableOptions {
  /** Columns of the terminal; Infinity where nothing has to be cut. */
  readonly width: number
  readonly style: Style
}

export interface RenderedTable {
  readonly text: string
  /** Whether a value was cut to make the table fit. */
  readonly isCut: boolean
}

const COLUMN_WIDTH_MIN = 6
/** Border and padding that each column brings: `│ ` before and ` ` after. */
const COLUMN_OVERHEAD = 3

/** Null if the columns can not fit into the width, even when each is cut to a few characters. */
export function renderTable(
  names: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  options: TableOptions,
): RenderedTable | null {
  const headers = names.map(showControlCharacters)
  const cells = rows.map((row) => row.map(valueText))
  const natural = headers.map((header, column) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[column] ?? '')), displayWidth(header)),
  )
  const widths = fitWidths(natural, options.width)
  if (widths === null) return null
  const isRight = headers.map((_, column) => isNumeric(rows, column))
  const line = (row: readonly string[], paint: (text: string, column: number) => string): string =>
    `│ ${widths.map((width, column) => paint(pad(row[column] ?? '', width, isRight[column] ?? false), column)).join(' │ ')} │`
  const rule = (left: string, cross: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(cross) + right
  const { style } = options
  const lines = [
    rule('┌', '┬', '┐'),
    line(headers, style.bold),
    rule('├', '┼', '┤'),
    ...cells.map((row, at) =>
      line(row, (text, column) => (rows[at]?.[column] === null ? style.dim(text) : text)),
    ),
    rule('└', '┴', '┘'),
  ]
  return { text: lines.join('\n'), isCut: widths.some((width, column) => width < (natural[column] ?? 0)) }
}

/** Takes from the widest columns until all fit. */
function fitWidths(natural: readonly number[], total: number): readonly number[] | null {
  const room = total - 1 - natural.length * COLUMN_OVERHEAD
  const sum = natural.reduce((a, b) => a + b, 0)
  if (sum <= room) return natural
  const smallest = natural.map((width) => Math.min(width, COLUMN_WIDTH_MIN))
  if (smallest.reduce((a, b) => a + b, 0) > room) return null
  let cap = Math.max(...natural)
  const capped = (): number[] => natural.map((width) => Math.min(width, cap))
  while (capped().reduce((a, b) => a + b, 0) > room) cap--
  return capped()
}

/** Numbers are compared by their last digit, so they stand on the right. */
function isNumeric(rows: readonly (readonly SqlValue[])[], column: number): boolean {
  let hasNumber = false
  for (const row of rows) {
    const value = row[column]
    if (typeof value === 'bigint' || typeof value === 'number') hasNumber = true
    else if (value !== null) return false
  }
  return hasNumber
}

function pad(text: string, width: number, isRight: boolean): string {
  const cut = cutToWidth(text, width)
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)))
  return isRight ? space + cut : cut + space
}
