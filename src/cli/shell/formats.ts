/** The output modes of the shell. */

import { encodeValue, objectKeys } from '../../protocols/http/json-values.ts'
import { unreachable } from '../../base/assert.ts'
import type { SqlValue } from '../../base/value.ts'
import { displayWidth } from './display-width.ts'
import { renderTable } from './table.ts'
import type { Style } from './style.ts'
import { realText, showControlCharacters, showControlsInLines, valueText } from './value-text.ts'

export const MODES = ['table', 'line', 'csv', 'json'] as const
export type Mode = (typeof MODES)[number]

export interface FormatOptions {
  readonly mode: Mode
  /** Columns of the terminal; Infinity when the output is none. */
  readonly width: number
  readonly style: Style
}

type Row = readonly SqlValue[]

/** Turns the rows of one result into text, as they come: all but tables need no more than a page of them in memory. */
export interface RowPrinter {
  /** The text for some more rows. */
  add(rows: readonly Row[]): string
  /** The last of the text, and what the reader should know about its form. */
  end(): { readonly text: string; readonly note: string | null }
}

export function openPrinter(names: readonly string[], options: FormatOptions): RowPrinter {
  switch (options.mode) {
    case 'table':
      return tablePrinter(names, options)
    case 'line':
      return linePrinter(names, options.style)
    case 'csv':
      return atTerminal(csvPrinter(names), options)
    case 'json':
      return atTerminal(jsonPrinter(names), options)
    default:
      return unreachable(options.mode)
  }
}

/** Data formats leave values as they are, except where a terminal would take them for commands. */
function atTerminal(printer: RowPrinter, options: FormatOptions): RowPrinter {
  if (!Number.isFinite(options.width)) return printer
  return {
    add: (rows) => showControlsInLines(printer.add(rows)),
    end: () => {
      const { text, note } = printer.end()
      return { text: showControlsInLines(text), note }
    },
  }
}

/** Widths depend on all rows, so a table waits for the last one. */
function tablePrinter(names: readonly string[], options: FormatOptions): RowPrinter {
  const all: Row[] = []
  return {
    add: (rows) => {
      for (const row of rows) all.push(row)
      return ''
    },
    end: () => {
      if (all.length === 0) return { text: '', note: null }
      const table = renderTable(names, all, options)
      if (table === null) {
        return {
          text: linePrinter(names, options.style).add(all),
          note: `${names.length} columns do not fit side by side, so they are shown below each other`,
        }
      }
      return {
        text: `${table.text}\n`,
        note: table.isCut ? 'long values are cut; .mode line shows them whole' : null,
      }
    },
  }
}

/** `name = value`, one a line, an empty line between rows. */
function linePrinter(names: readonly string[], style: Style): RowPrinter {
  const shownNames = names.map(showControlCharacters)
  const width = Math.max(0, ...shownNames.map(displayWidth))
  const labels = shownNames.map((name) => style.bold(' '.repeat(width - displayWidth(name)) + name))
  let separator = ''
  const rowText = (row: Row): string => {
    const lines = row.map((value, at) => {
      const text = valueText(value)
      return `${labels[at]} = ${value === null ? style.dim(text) : text}\n`
    })
    const text = separator + lines.join('')
    separator = '\n'
    return text
  }
  return { add: (rows) => rows.map(rowText).join(''), end: () => ({ text: '', note: null }) }
}

/** RFC 4180: NULL is an empty field and an empty TEXT is `""`, so that the two can be told apart. */
function csvPrinter(names: readonly string[]): RowPrinter {
  let head = `${names.map(csvField).join(',')}\n`
  const takeHead = (): string => {
    const text = head
    head = ''
    return text
  }
  return {
    add: (rows) => takeHead() + rows.map((row) => `${row.map(csvField).join(',')}\n`).join(''),
    end: () => ({ text: takeHead(), note: null }),
  }
}

function csvField(value: SqlValue): string {
  if (value === null) return ''
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realText(value)
  if (typeof value !== 'string') return Buffer.from(value).toString('hex')
  return value === '' || /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

/** As the JSON API returns rows, with exact integers as number literals. */
function jsonPrinter(names: readonly string[]): RowPrinter {
  const columns = names.map((name) => ({ name, declaredType: null }))
  const keys = objectKeys(columns).map((name) => JSON.stringify(name))
  let separator = '[\n'
  const rowText = (row: Row): string => {
    const fields = row.map((value, at) => `${keys[at]}: ${encodeValue(value, 'number')}`)
    const text = `${separator}  {${fields.join(', ')}}`
    separator = ',\n'
    return text
  }
  return {
    add: (rows) => rows.map(rowText).join(''),
    end: () => ({ text: separator === ',\n' ? '\n]\n' : '[]\n', note: null }),
  }
}
