/** A run as one HTML page: what happened when, to whom, what the clients noticed, and the verdicts. No scripts, nothing from elsewhere. */

import { cpus, release, totalmem } from 'node:os'
import type { Moment } from './recorder.ts'
import { STYLE } from './report-style.ts'
import { answerTable, faultList, faultTable } from './report-tables.ts'
import type { Stretch } from './timeline.ts'
import { escapeHtml } from '../../src/base/html.ts'
import { timelineSvg } from './timeline.ts'

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
  readonly startedAt: Date
  /** In which faults came. */
  readonly minutes: number
  /** Of the sources; empty where nobody knows. */
  readonly commit: string
  /** Operations a second that the clients aimed at. */
  readonly rate: number
  readonly moments: readonly Moment[]
  readonly bands: readonly Band[]
  readonly leaders: readonly LeaderChange[]
  readonly verdicts: readonly string[]
  readonly failures: readonly string[]
}

/** Longer runs are shown in rows of so much. */
const ROW_MS = 5 * 60_000

export function reportHtml(report: Report): string {
  const { moments, failures, verdicts, bands } = report
  const isFine = failures.length === 0
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HarmonyDB under faults: ${report.minutes} minutes, seed ${report.seed}</title>
<style>${STYLE}</style>
<main>
<h1>HarmonyDB under faults</h1>
<p class="verdict ${isFine ? 'good' : 'bad'}">${isFine ? 'Nothing acknowledged was lost, and no answer was impossible.' : 'Something went wrong.'}</p>
${failures.map((failure) => `<pre class="bad">${escapeHtml(failure)}</pre>`).join('\n')}
${facts(report)}
<h2>What happened</h2>
<p class="legend"><span><i class="ok"></i>done</span> <span><i class="fail"></i>certainly not done</span> <span><i class="info"></i>outcome unknown</span> <span><i class="fault"></i>a fault, with its number</span> <span><i class="recovery"></i>healed, not yet whole</span></p>
<p class="small">The bars count operations. The line is the slowest answer of each moment, from 1 ms at the bottom to 10 s at the top, logarithmic. Below it is who led.</p>
${stretches(report)
  .map((stretch) => `<div class="scroll">${timelineSvg(stretch)}</div>`)
  .join('\n')}
<h2>Faults</h2>
${faultTable(bands)}
<details><summary>All ${bands.length} of them, in order</summary>${faultList(bands)}</details>
<h2>Answers</h2>
${answerTable(moments)}
<h2>Verdicts</h2>
${verdicts.map((verdict) => `<pre>${escapeHtml(verdict)}</pre>`).join('\n')}
</main>
</html>
`
}

function facts({ seed, startedAt, minutes, commit, rate, moments, bands, leaders }: Report): string {
  const count = (outcome: string): string =>
    moments.filter((one) => one.outcome === outcome).length.toLocaleString('en')
  const processors = cpus()
  const lines: readonly (readonly [string, string])[] = [
    ['started', `${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
    ['faults came for', `${minutes} minutes: ${bands.length} of them, one after another`],
    [
      'operations',
      `${moments.length.toLocaleString('en')} (the clients aim at ${rate} a second): ${count('ok')} done, ${count('fail')} certainly not done, ${count('info')} unknown`,
    ],
    ['leaders', `${leaders.length}, one after another`],
    ['members', '4 processes of one machine, the last one inside an application; 3 of them vote'],
    ['commit', commit === '' ? 'unknown' : commit],
    ['seed', `${seed}`],
    [
      'machine',
      `${processors.length} × ${processors[0]?.model.trim() ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().replace(/-.*/, '')}, Node.js ${process.versions.node}`,
    ],
  ]
  return `<dl>${lines.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>`
}

function stretches({ moments, bands, leaders }: Report): Stretch[] {
  // Not what is read at the end, at once and everywhere.
  const endMs = bands.at(-1)?.wholeMs ?? Math.max(1, moments.at(-1)?.atMs ?? 0)
  const rowMs = Math.min(ROW_MS, endMs)
  const numbered = bands.map((band, at) => ({ ...band, number: at + 1 }))
  return Array.from({ length: Math.ceil(endMs / rowMs) }, (_, row) => {
    const [fromMs, toMs] = [row * rowMs, (row + 1) * rowMs]
    const before = leaders.findLast(({ atMs }) => atMs < fromMs)
    const inside = leaders.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
    return {
      fromMs,
      toMs,
      moments: moments.filter(({ atMs }) => atMs >= fromMs && atMs < Math.min(toMs, endMs)),
      bands: numbered.filter((band) => band.wholeMs >= fromMs && band.fromMs < toMs),
      leaders: before === undefined ? inside : [before, ...inside],
    }
  })
}
