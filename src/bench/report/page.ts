/** The report as one HTML page without dependencies: plots, figures, every process. Light and dark. */

import { escapeHtml } from '../../base/html.ts'
import { latencyPlot, ratioPlot } from './plots.ts'
import {
  baselineOf,
  medianRound,
  processorMicros,
  ratioOf,
  type Group,
  type Measurement,
  type Report,
  type ReportedWorkload,
} from './results.ts'
import { FIGURE_HEADS, figuresOf, remarks } from './terminal.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #60646c; --line: #e0e1e6; --page: #fcfcfd; --ours: #0d74ce; --peer: #8b8d98; --mark: #1c2024; --bad: #b42318 }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --soft: #b0b4ba; --line: #2e3135; --page: #111113; --ours: #70b8ff; --peer: #797b86; --mark: #edeef0; --bad: #ff9592 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 960px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem } h3 { font-size: 1rem; margin-bottom: .3rem }
p.soft, td.soft, figcaption { color: var(--soft) } .bad { color: var(--bad) }
figure { margin: .5rem 0 1rem } svg { width: 100%; height: auto; font: 13px system-ui, sans-serif } svg text { fill: var(--text) } svg .tick { fill: var(--soft); font-size: 11px }
.grid { stroke: var(--line) } .one { stroke: var(--soft); stroke-dasharray: 3 3 } .mark { stroke: var(--mark); stroke-width: 1.5; opacity: .55 }
.ours { fill: var(--ours) } .peer { fill: var(--peer) } .range { stroke-width: 2; opacity: .5 } .ours-line { stroke: var(--ours) } .peer-line { stroke: var(--peer) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line) } th { font-weight: 600; color: var(--soft) } th:nth-child(2), td:nth-child(2), .left th, .left td { text-align: left }
details { margin: .5rem 0 } summary { cursor: pointer; color: var(--soft) }`

export function reportPage(report: Report, baseline: string | null): string {
  const { machine, settings } = report
  const machineText = `${machine.processors} × ${machine.processor}, ${Math.round(machine.memoryBytes / GIB)} GiB, Node.js ${machine.node}; the clients run on the same machine.`
  const load =
    settings.ratePerSecond === null
      ? 'Closed loop: each client sends its next operation when the last one is answered.'
      : `${settings.ratePerSecond} operations arrive each second; latency counts from when each was meant to start.`
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HarmonyDB: benchmark</title><style>${STYLE}</style>
<h1>HarmonyDB: benchmark</h1>
<p class="soft">${escapeHtml(machineText)} ${report.takenAt.slice(0, 16).replace('T', ' ')} UTC.<br>
${settings.rounds} rounds of ${settings.seconds} s each, all targets in turn, after ${settings.warmUpSeconds} s of warm-up. ${load}<br>
Read the ratios: figures of different runs or machines can't be compared.</p>
${durabilityTable(report)}
${report.workloads.map((workload) => workloadSection(workload, report, baseline)).join('\n')}
</html>
`
}

function cells(row: readonly string[], tag: 'td' | 'th'): string {
  return `<tr>${row.map((text) => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`
}

function table(rows: readonly (readonly string[])[], isLeft = false): string {
  const [head = [], ...body] = rows
  return `<div class="scroll"><table${isLeft ? ' class="left"' : ''}>${cells(head, 'th')}${body.map((row) => cells(row, 'td')).join('')}</table></div>`
}

function durabilityTable({ targets, leftOut }: Report): string {
  const rows = targets.map(({ title, durability }) => [title, durability])
  const missing = leftOut.map(({ target, reason }) => `${target}: ${reason}`).join('; ')
  return (
    table([['target', 'when a write is acknowledged'], ...rows], true) +
    (missing === '' ? '' : `<p class="soft">Left out: ${escapeHtml(missing)}.</p>`)
  )
}

function workloadSection(workload: ReportedWorkload, report: Report, baseline: string | null): string {
  const groups = workload.groups.map((group) => groupSection(group, report, baseline))
  const problems = workload.problems.map(
    ({ target, text }) => `<p class="bad">${escapeHtml(`${target}: ${text}`)}</p>`,
  )
  return `<h2>${escapeHtml(workload.title)}</h2><p class="soft">${escapeHtml(workload.summary)}</p>${groups.join('')}${problems.join('')}`
}

function groupSection(group: Group, report: Report, named: string | null): string {
  const baseline = baselineOf(group, report.targets, named)
  if (baseline === null) return '<p>Nothing was measured.</p>'
  const measured = group.measurements.filter(({ rounds }) => rounds.length > 0)
  const isFixedRate = report.settings.ratePerSecond !== null
  const described = (measurement: Measurement): { readonly label: string; readonly isOurs: boolean } => {
    const target = report.targets.find(({ name }) => name === measurement.target)
    return { label: target?.title ?? measurement.target, isOurs: target?.isOurs === true }
  }
  const bars = measured.map((measurement) => ({
    ...described(measurement),
    ratio: ratioOf(measurement, baseline, isFixedRate),
    rounds: measurement.rounds.map((round, at) =>
      ratioOf(
        { ...measurement, rounds: [round] },
        { ...baseline, rounds: baseline.rounds.slice(at, at + 1) },
        isFixedRate,
      ),
    ),
  }))
  const latencies = measured.flatMap((measurement) => {
    const round = medianRound(measurement.rounds)
    return round === null ? [] : [{ ...described(measurement), ...round }]
  })
  const base = described(baseline).label
  const rows = measured.map((one, at) => [
    `${bars[at]?.ratio.toFixed(2)} ×`,
    described(one).label,
    String(one.clients),
    ...figuresOf(one),
  ])
  const notes = remarks(measured, (name) => report.targets.find((one) => one.name === name)?.title ?? name)
  const what = isFixedRate
    ? `How many times smaller than the p99 of ${base}`
    : `How many times the rate of ${base}`
  return `<h3>${group.clients} ${group.clients === 1 ? 'client' : 'clients'}</h3>
<figure>${ratioPlot(bars, what)}<figcaption>${escapeHtml(what)}; a mark for each round.</figcaption></figure>
<figure>${latencyPlot(latencies, 'Latency')}<figcaption>Latency: p50, p99 and p99.9, from the largest dot to the smallest; logarithmic.</figcaption></figure>
${table([FIGURE_HEADS, ...rows])}${notes.map((note) => `<p class="soft">${escapeHtml(note)}.</p>`).join('')}
<details><summary>Every process</summary>${processTable(measured, (one) => described(one).label)}</details>`
}

/** Of the last round. */
function processTable(
  measured: readonly Measurement[],
  labelOf: (measurement: Measurement) => string,
): string {
  const rows = measured.flatMap((measurement) => {
    const round = measurement.rounds.at(-1)
    if (round === undefined) return []
    const processes = [...(round.servers ?? []), ...(round.client === null ? [] : [round.client])]
    return processes.map(({ name, processorSeconds, memoryBytes }) => [
      labelOf(measurement),
      name,
      `${processorSeconds.toFixed(2)} s`,
      `${((processorSeconds / round.operations) * 1e6).toFixed(1)} µs`,
      `${(memoryBytes / MIB).toFixed(0)} MB`,
    ])
  })
  const total = measured.map((one) => processorMicros(one)).some(Number.isFinite)
  return total
    ? table([['target', 'process', 'processor time', 'an operation', 'memory'], ...rows], true)
    : '<p>This machine does not tell.</p>'
}
