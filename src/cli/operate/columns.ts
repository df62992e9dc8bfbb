/** Tables without borders: what people read, and what `awk` can cut. */

import { displayWidth } from '../shell/display-width.ts'

export interface Column {
  readonly head: string
  readonly align: 'left' | 'right'
}

export function left(head: string): Column {
  return { head, align: 'left' }
}

export function right(head: string): Column {
  return { head, align: 'right' }
}

/** Two spaces between columns; lines end with their last character. */
export function columnsText(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ head }, at) =>
    Math.max(displayWidth(head), ...rows.map((row) => displayWidth(row[at] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => padded(cells[at] ?? '', widths[at] ?? 0, align))
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ head }) => head)), ...rows.map(line)].join('\n')
}

function padded(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'left' ? text + space : space + text
}
