/** What happened in some minutes of a run, drawn: faults above, operations in the middle, who led below. One path for each kind of thing keeps it small. */

import { escapeHtml } from '../../src/base/html.ts'
import type { Band, LeaderChange } from './report.ts'
import type { Moment } from './recorder.ts'

export interface Stretch {
  readonly fromMs: number
  readonly toMs: number
  readonly moments: readonly Moment[]
  readonly bands: readonly (Band & { readonly number: number })[]
  /** The one before the stretch included. */
  readonly leaders: readonly LeaderChange[]
}

const WIDTH = 1_000
const BUCKETS = 250
const TOP = 18
const HEIGHT = 110
const LANE = 16
const TICK_MS = 30_000
/** Of the line of the slowest answers: 1 ms at the bottom, 10 s at the top. */
const DECADES = 4

export function timelineSvg(stretch: Stretch): string {
  const x = (ms: number): number => {
    const part = (ms - stretch.fromMs) / (stretch.toMs - stretch.fromMs)
    return Math.round(Math.min(Math.max(part, 0), 1) * WIDTH * 10) / 10
  }
  const parts = [faults(stretch, x), operations(stretch), leaders(stretch, x), ticks(stretch, x)]
  const bottom = TOP + HEIGHT + LANE + 18
  return `<svg viewBox="0 0 ${WIDTH} ${bottom}" role="img" aria-label="${clock(stretch.fromMs)} to ${clock(stretch.toMs)}">${parts.join('')}</svg>`
}

type Scale = (ms: number) => number

function faults({ bands }: Stretch, x: Scale): string {
  return bands
    .map(({ number, what, fromMs, healedMs, wholeMs }) => {
      const [from, healed, whole] = [x(fromMs), x(healedMs), x(wholeMs)]
      const rectangle = (kind: string, left: number, right: number): string =>
        `<rect class="${kind}" x="${left}" y="0" width="${(right - left).toFixed(1)}" height="${TOP + HEIGHT}"/>`
      return (
        `<g><title>${number}: ${escapeHtml(what)}</title>${rectangle('fault', from, healed)}${rectangle('recovery', healed, whole)}` +
        `<text x="${from + 2}" y="13">${number}</text></g>`
      )
    })
    .join('')
}

/** Stacked counts per moment, and the slowest answer. */
function operations({ moments, fromMs, toMs }: Stretch): string {
  const bucketMs = (toMs - fromMs) / BUCKETS
  const buckets = Array.from({ length: BUCKETS }, () => ({ ok: 0, fail: 0, info: 0, slowestMs: 0 }))
  for (const { atMs, tookMs, outcome } of moments) {
    const bucket = buckets[Math.floor((atMs - fromMs) / bucketMs)]
    if (bucket === undefined) continue
    bucket[outcome]++
    bucket.slowestMs = Math.max(bucket.slowestMs, tookMs)
  }
  const most = Math.max(1, ...buckets.map(({ ok, fail, info }) => ok + fail + info))
  const width = WIDTH / BUCKETS
  const bottom = TOP + HEIGHT
  const bars = (['ok', 'fail', 'info'] as const).map((outcome) => {
    const path = buckets.map((bucket, at) => {
      const below = outcome === 'ok' ? 0 : outcome === 'fail' ? bucket.ok : bucket.ok + bucket.fail
      const tall = round((bucket[outcome] / most) * HEIGHT)
      return tall === 0
        ? ''
        : `M${at * width} ${round(bottom - (below / most) * HEIGHT)}v-${tall}h${width}v${tall}z`
    })
    return `<path class="${outcome}" d="${path.join('')}"/>`
  })
  const line = buckets.map(({ slowestMs }, at) => {
    const height = Math.min(1, Math.log10(Math.max(1, slowestMs)) / DECADES) * HEIGHT
    return `${round(at * width + width / 2)},${round(bottom - height)}`
  })
  return `${bars.join('')}<polyline class="slowest" points="${line.join(' ')}"/>`
}

function leaders({ leaders: changes, toMs }: Stretch, x: Scale): string {
  return changes
    .map(({ atMs, member, term }, at) => {
      const [left, right] = [x(atMs), x(changes[at + 1]?.atMs ?? toMs)]
      const y = TOP + HEIGHT + 2
      const label = right - left > 22 ? `<text x="${left + 3}" y="${y + 12}">m${member}</text>` : ''
      return `<g><title>m${member} leads in term ${term}</title><rect class="m${member}" x="${left}" y="${y}" width="${round(right - left)}" height="${LANE}"/>${label}</g>`
    })
    .join('')
}

function ticks({ fromMs, toMs }: Stretch, x: Scale): string {
  const count = Math.floor((toMs - fromMs) / TICK_MS) + 1
  return Array.from({ length: count }, (_, at) => fromMs + at * TICK_MS)
    .filter((ms) => x(ms) < WIDTH - 20)
    .map((ms) => `<text class="tick" x="${x(ms)}" y="${TOP + HEIGHT + LANE + 15}">${clock(ms)}</text>`)
    .join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** `12:05`, from the start of the run. */
export function clock(ms: number): string {
  const all = Math.round(ms / 1000)
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`
}
