/** Lines over time as inline SVG, with the phases of the run behind them. */

import { escapeHtml } from '../../src/base/html.ts'

export interface Line {
  readonly label: string
  /** Name of a CSS class that gives its colour. */
  readonly style: 'first' | 'second'
  readonly values: readonly number[]
}

export interface TimePlot {
  readonly title: string
  readonly unit: string
  readonly seconds: readonly number[]
  readonly phases: readonly string[]
  readonly lines: readonly Line[]
  /** Latencies span orders of magnitude. */
  readonly isLogarithmic?: boolean
}

const WIDTH = 860
const HEIGHT = 220
const LEFT = 64
const RIGHT = 8
const TOP = 26
const BOTTOM = 22

export function timePlot(plot: TimePlot): string {
  const x = scaleX(plot.seconds)
  const y = scaleY(plot)
  const legend = plot.lines.map(
    ({ label, style }, index) =>
      `<tspan class="${style}-text"${index === 0 ? '' : ' dx="14"'}>— ${escapeHtml(label)}</tspan>`,
  )
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(plot.title)}">
${phaseBands(plot, x)}${y.ticks.map((tick) => tickLine(tick, y.place(tick), plot)).join('')}
${plot.lines.map(({ style, values }) => polyline(style, plot.seconds.map(x), values.map(y.place))).join('')}
<text x="${LEFT}" y="14" class="head">${escapeHtml(plot.title)}<tspan dx="14"></tspan>${legend.join('')}</text>
<text x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" class="tick" text-anchor="end">${Math.round(plot.seconds.at(-1) ?? 0)} s</text>
</svg></figure>`
}

function scaleX(seconds: readonly number[]): (at: number) => number {
  const end = seconds.at(-1) ?? 1
  return (at) => LEFT + (at / end) * (WIDTH - LEFT - RIGHT)
}

function scaleY({ lines, isLogarithmic }: TimePlot): {
  readonly ticks: readonly number[]
  readonly place: (value: number) => number
} {
  const all = lines.flatMap(({ values }) => values).filter((value) => value > 0)
  const height = HEIGHT - TOP - BOTTOM
  if (isLogarithmic === true) {
    const low = Math.floor(Math.log10(Math.min(...all, 1)))
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all, 10))))
    const place = (value: number): number =>
      TOP + height * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low))
    return { ticks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)), place }
  }
  const top = niceTop(Math.max(...all, 1))
  return {
    ticks: [0, top / 4, top / 2, (3 * top) / 4, top],
    place: (value) => TOP + height * (1 - Math.min(value, top) / top),
  }
}

/** The next of 1, 2, 4 or 8 times a power of ten. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 8, 10].find((factor) => factor * power >= value) ?? 10)
}

function tickLine(value: number, at: number, { unit }: TimePlot): string {
  const text = `${value >= 1 ? value.toLocaleString('en') : String(value)}${unit === '' ? '' : ` ${unit}`}`
  return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="tick" x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${text}</text>`
}

function phaseBands({ seconds, phases }: TimePlot, x: (at: number) => number): string {
  const starts = phases.flatMap((phase, at) => (phase === phases[at - 1] ? [] : [{ phase, at }]))
  return starts
    .map(({ phase, at }, index) => {
      const from = x(at === 0 ? 0 : (seconds[at - 1] ?? 0))
      const next = starts[index + 1]
      const to = next === undefined ? WIDTH - RIGHT : x(seconds[next.at - 1] ?? 0)
      const band = phase === 'failure' ? 'failed' : index % 2 === 0 ? 'even' : 'odd'
      const label = to - from < 40 ? '' : escapeHtml(phase)
      return `<rect class="${band}" x="${from}" width="${to - from}" y="${TOP}" height="${HEIGHT - TOP - BOTTOM}"/><text class="tick" x="${from + 3}" y="${HEIGHT - 6}">${label}</text>`
    })
    .join('')
}

function polyline(style: string, xs: readonly number[], ys: readonly number[]): string {
  const points = xs.map((x, index) => `${x.toFixed(1)},${(ys[index] ?? 0).toFixed(1)}`)
  return `<polyline class="${style}" points="${points.join(' ')}"/>`
}
