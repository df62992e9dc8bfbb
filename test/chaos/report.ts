/** A run as one HTML page: what happened when, to whom, what the clients noticed, and the verdicts. No scripts, nothing from elsewhere. */

import type { Moment } from './recorder.ts'

/** A fault, from its beginning until the cluster was whole again. */
export interface Band {
  readonly name: string
  readonly what: string
  readonly fromMs: number
  readonly healedMs: number
  readonly wholeMs: number
}

export interface LeaderChange {
  readonly atMs: number
  readonly member: number
  readonly term: number
}

export interface Report {
  readonly seed: number
  readonly minutes: number
  readonly moments: readonly Moment[]
  readonly bands: readonly Band[]
  readonly leaders: readonly LeaderChange[]
  readonly verdicts: readonly string[]
  readonly failures: readonly string[]
}

const WIDTH = 1_000
/** Longer runs are shown in rows of so much. */
const ROW_MS = 5 * 60_000
const BUCKETS = 300
const HEIGHT = 120

export function reportHtml(report: Report): string {
  const { seed, minutes, moments, failures, verdicts } = report
  const isFine = failures.length === 0
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HarmonyDB under faults, seed ${seed}</title>
<style>${STYLE}</style>
<main>
<h1>HarmonyDB under faults</h1>
<p class="${isFine ? 'good' : 'bad'}">${isFine ? 'Nothing acknowledged was lost, and no answer was impossible.' : 'Something went wrong.'}</p>
<p>${minutes} minutes, seed ${seed}: ${moments.length.toLocaleString('en')} operations by clients of every protocol, ${report.bands.length} faults, ${report.leaders.length} leaders.</p>
${failures.map((failure) => `<pre class="bad">${escape(failure)}</pre>`).join('\n')}
<h2>What happened</h2>
<p class="legend"><i class="ok"></i> done <i class="fail"></i> certainly not done <i class="info"></i> unknown <i class="fault"></i> fault <i class="recovery"></i> healed, not yet whole. The line is the slowest answer of each moment, up to 10 s.</p>
${rows(report).join('\n')}
<h2>Faults</h2>
${faultTable(report.bands)}
<h2>Answers</h2>
${answerTable(moments)}
<h2>Verdicts</h2>
${verdicts.map((verdict) => `<pre>${escape(verdict)}</pre>`).join('\n')}
</main>
</html>
`
}

function rows(report: Report): string[] {
  const endMs = Math.max(
    1,
    ...report.moments.map(({ atMs, tookMs }) => atMs + tookMs).slice(-1),
    ...report.bands.map(({ wholeMs }) => wholeMs),
  )
  const count = Math.ceil(endMs / ROW_MS)
  return Array.from({ length: count }, (_, row) => {
    const fromMs = row * ROW_MS
    return timeline(report, fromMs, Math.min(fromMs + ROW_MS, count === 1 ? endMs : fromMs + ROW_MS))
  })
}

function timeline({ moments, bands, leaders }: Report, fromMs: number, toMs: number): string {
  const x = (ms: number): number =>
    Math.round(((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * WIDTH * 10) / 10
  const shown = moments.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
  const inside = bands.filter((band) => band.wholeMs >= fromMs && band.fromMs < toMs)
  const faults = inside.map(
    ({ what, fromMs: begin, healedMs, wholeMs }) =>
      `<g><title>${escape(what)}</title><rect class="fault" x="${x(begin)}" y="0" width="${x(healedMs) - x(begin) + 1}" height="${HEIGHT + 34}"/>` +
      `<rect class="recovery" x="${x(healedMs)}" y="0" width="${x(wholeMs) - x(healedMs)}" height="${HEIGHT + 34}"/></g>`,
  )
  const marks = leaders
    .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
    .map(
      ({ atMs, member, term }) =>
        `<g><title>term ${term}</title><text x="${x(atMs)}" y="${HEIGHT + 30}">▸m${member}</text></g>`,
    )
  const ticks = Array.from(
    { length: Math.floor((toMs - fromMs) / 30_000) + 1 },
    (_, at) => fromMs + at * 30_000,
  )
  const labels = ticks.map((ms) => `<text class="tick" x="${x(ms)}" y="${HEIGHT + 48}">${clock(ms)}</text>`)
  return `<div class="scroll"><svg viewBox="0 0 ${WIDTH} ${HEIGHT + 52}" role="img">${faults.join('')}${bars(shown, fromMs, toMs)}${marks.join('')}${labels.join('')}</svg></div>`
}

/** Stacked counts per moment, and the slowest answer. */
function bars(moments: readonly Moment[], fromMs: number, toMs: number): string {
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
  const stacks = buckets.map((bucket, at) => {
    let y = HEIGHT
    return (['ok', 'fail', 'info'] as const)
      .map((outcome) => {
        const height = (bucket[outcome] / most) * HEIGHT
        y -= height
        const [left, top] = [(at * width).toFixed(1), y.toFixed(1)]
        return height === 0
          ? ''
          : `<rect class="${outcome}" x="${left}" y="${top}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`
      })
      .join('')
  })
  // Logarithmic: 1 ms at the bottom, 10 s at the top.
  const line = buckets.map(({ slowestMs }, at) => {
    const height = Math.min(1, Math.log10(Math.max(1, slowestMs)) / 4) * HEIGHT
    return `${(at * width).toFixed(1)},${(HEIGHT - height).toFixed(1)}`
  })
  return `${stacks.join('')}<polyline class="slowest" points="${line.join(' ')}"/>`
}

function faultTable(bands: readonly Band[]): string {
  const byName = [...Map.groupBy(bands, ({ name }) => name)]
  const lines = byName.map(([name, all]) => {
    const recoveries = all
      .map(({ healedMs, wholeMs }) => wholeMs - healedMs)
      .toSorted((left, right) => left - right)
    const median = recoveries[Math.floor(recoveries.length / 2)] ?? 0
    return [name, String(all.length), seconds(median), seconds(recoveries.at(-1) ?? 0)]
  })
  return table(['fault', 'times', 'until whole again, median', 'longest'], lines)
}

function answerTable(moments: readonly Moment[]): string {
  const byWhat = [...Map.groupBy(moments, ({ what }) => what)].toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  )
  const lines = byWhat.map(([what, all]) => {
    const took = all
      .filter(({ outcome }) => outcome === 'ok')
      .map(({ tookMs }) => tookMs)
      .toSorted((left, right) => left - right)
    const at = (part: number): string => `${(took[Math.floor(took.length * part)] ?? 0).toFixed(1)} ms`
    const count = (outcome: string): string =>
      all.filter((one) => one.outcome === outcome).length.toLocaleString('en')
    return [
      what,
      count('ok'),
      count('fail'),
      count('info'),
      at(0.5),
      at(0.99),
      `${((took.at(-1) ?? 0) / 1000).toFixed(1)} s`,
    ]
  })
  const reasons = [
    ...Map.groupBy(
      moments.filter(({ outcome }) => outcome !== 'ok'),
      ({ outcome, reason }) => `${outcome} ${shorten(reason)}`,
    ),
  ]
    .toSorted(([, left], [, right]) => right.length - left.length)
    .slice(0, 20)
    .map(([reason, all]) => [escape(reason), String(all.length)])
  return `${table(['operation', 'done', 'not done', 'unknown', 'p50', 'p99', 'longest'], lines)}<h3>Why not</h3>${table(['answer', 'times'], reasons)}`
}

/** Numbers differ from one message to the next. */
function shorten(reason: string): string {
  return reason.replace(/\d+/g, 'N').slice(0, 120)
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<div class="scroll"><table>${row(head, 'th')}${lines.map((line) => row(line, 'td')).join('')}</table></div>`
}

function clock(ms: number): string {
  const all = Math.round(ms / 1000)
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1c2024, #e8eaed); --page: light-dark(#fcfcfd, #16181b); --line: light-dark(#d9dce1, #34383e);
  --ok: light-dark(#3b8f6a, #4fae84); --fail: light-dark(#d08a1d, #e0a13a); --info: light-dark(#a83d72, #d4689c); --fault: light-dark(#d6453a26, #ff6b5e33); --recovery: light-dark(#d6453a0f, #ff6b5e17) }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; margin: 0 0 .5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } h3 { font-size: .95rem; margin: 1rem 0 .3rem }
.good { color: var(--ok); font-weight: 600 } .bad { color: light-dark(#b3261e, #ff8a80); font-weight: 600 }
.scroll { overflow-x: auto; margin: .3rem 0 } svg { display: block; min-width: 46rem; width: 100% } svg text { fill: var(--text); font-size: 11px } svg .tick { opacity: .6 }
.ok { fill: var(--ok); background: var(--ok) } .fail { fill: var(--fail); background: var(--fail) } .info { fill: var(--info); background: var(--info) }
.fault { fill: var(--fault); background: var(--fault) } .recovery { fill: var(--recovery); background: var(--recovery) }
.slowest { fill: none; stroke: var(--text); stroke-width: 1; opacity: .55 }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin: 0 .25rem 0 .75rem; vertical-align: -1px; border: 1px solid var(--line) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line) }
td:not(:first-child), th:not(:first-child) { text-align: right }
pre { background: light-dark(#f1f3f5, #1f2226); padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 13px }
`
