/** Two plots as inline SVG: bars of ratios, with each round's as a mark; and percentiles of latency on a logarithmic axis. Colours come from the page's style. */

import { escapeHtml } from '../../base/html.ts'

const WIDTH = 920
/** For the longest title in the widest font that systems bring. */
const LABEL_WIDTH = 320
const VALUE_WIDTH = 70
const ROW_HEIGHT = 30
const BAR_HEIGHT = 16
const AXIS_HEIGHT = 26
const PLOT_WIDTH: number = WIDTH - LABEL_WIDTH - VALUE_WIDTH

export interface RatioBar {
  readonly label: string
  readonly isOurs: boolean
  readonly ratio: number
  /** Of the single rounds. */
  readonly rounds: readonly number[]
}

export interface LatencyRow {
  readonly label: string
  readonly isOurs: boolean
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

function svg(rows: number, title: string, body: string): string {
  const height = rows * ROW_HEIGHT + AXIS_HEIGHT
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">${body}</svg>`
}

function label(text: string, row: number): string {
  return `<text class="label" x="${LABEL_WIDTH - 10}" y="${middle(row)}" text-anchor="end" dominant-baseline="central">${escapeHtml(text)}</text>`
}

function middle(row: number): number {
  return row * ROW_HEIGHT + ROW_HEIGHT / 2
}

function gridLine(x: number, rows: number, text: string): string {
  const bottom = rows * ROW_HEIGHT
  return (
    `<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="0" y2="${bottom}"/>` +
    `<text class="tick" x="${x.toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`
  )
}

export function ratioPlot(bars: readonly RatioBar[], title: string): string {
  const most = Math.max(1, ...bars.flatMap(({ ratio, rounds }) => [ratio, ...rounds]).filter(Number.isFinite))
  const step = niceStep(most)
  const xOf = (ratio: number): number => LABEL_WIDTH + (ratio / most) * PLOT_WIDTH
  const grid = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step).map((ratio) =>
    gridLine(xOf(ratio), bars.length, `${Number(ratio.toPrecision(3))}×`),
  )
  const rows = bars.map((bar, row) => ratioRow(bar, row, xOf))
  const one = `<line class="one" x1="${xOf(1).toFixed(1)}" x2="${xOf(1).toFixed(1)}" y1="0" y2="${bars.length * ROW_HEIGHT}"/>`
  return svg(bars.length, title, grid.join('') + rows.join('') + one)
}

function ratioRow(bar: RatioBar, row: number, xOf: (ratio: number) => number): string {
  const width = Math.max(1, xOf(bar.ratio) - LABEL_WIDTH)
  const y = middle(row) - BAR_HEIGHT / 2
  const marks = bar.rounds.map(
    (ratio) =>
      `<line class="mark" x1="${xOf(ratio).toFixed(1)}" x2="${xOf(ratio).toFixed(1)}" y1="${y - 2}" y2="${y + BAR_HEIGHT + 2}"/>`,
  )
  const end = Math.max(xOf(bar.ratio), ...bar.rounds.map(xOf)) + 8
  return (
    label(bar.label, row) +
    `<rect class="${bar.isOurs ? 'ours' : 'peer'}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>` +
    marks.join('') +
    `<text class="value" x="${end.toFixed(1)}" y="${middle(row)}" dominant-baseline="central">${bar.ratio.toFixed(2)}×</text>`
  )
}

/** 1, 2 or 5 times a power of ten, for four to eight lines. */
function niceStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 4))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => most / step <= 8) ?? power * 10
}

export function latencyPlot(rows: readonly LatencyRow[], title: string): string {
  const values = rows
    .flatMap(({ p50Ms, p99Ms, p999Ms }) => [p50Ms, p99Ms, p999Ms])
    .filter((value) => value > 0)
  if (values.length === 0) return ''
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))))
  const xOf = (ms: number): number =>
    LABEL_WIDTH + ((Math.log10(Math.max(ms, 10 ** first)) - first) / (last - first)) * PLOT_WIDTH
  const grid = Array.from({ length: last - first + 1 }, (_, at) => first + at).map((power) =>
    gridLine(xOf(10 ** power), rows.length, milliseconds(10 ** power)),
  )
  return svg(rows.length, title, grid.join('') + rows.map((one, row) => latencyRow(one, row, xOf)).join(''))
}

function milliseconds(value: number): string {
  return value >= 1000
    ? `${value / 1000} s`
    : value >= 1
      ? `${value} ms`
      : `${Number((value * 1000).toPrecision(3))} µs`
}

function latencyRow(one: LatencyRow, row: number, xOf: (ms: number) => number): string {
  const kind = one.isOurs ? 'ours' : 'peer'
  const y = middle(row)
  const dot = (ms: number, radius: number, name: string): string =>
    `<circle class="${kind}" cx="${xOf(ms).toFixed(1)}" cy="${y}" r="${radius}"><title>${name}: ${ms.toFixed(2)} ms</title></circle>`
  return (
    label(one.label, row) +
    `<line class="range ${kind}-line" x1="${xOf(one.p50Ms).toFixed(1)}" x2="${xOf(one.p999Ms).toFixed(1)}" y1="${y}" y2="${y}"/>` +
    dot(one.p50Ms, 6, 'p50') +
    dot(one.p99Ms, 4.5, 'p99') +
    dot(one.p999Ms, 3, 'p99.9')
  )
}
