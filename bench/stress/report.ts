/** The report of a stress run as one HTML page without dependencies, for wide and narrow, light and dark screens. */

import { commandOf } from './options.ts'
import { escapeHtml } from '../../src/base/html.ts'
import { timePlot, type TimePlot } from './plots.ts'
import type { ProcessUsage } from './processes.ts'
import type { LatencyRow, StressResult } from './result.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #60646c; --line: #e0e1e6; --page: #fcfcfd; --first: #0d74ce; --second: #c2410c; --even: #f2f3f5; --failed: #fdeceb; --good: #18794e; --bad: #b42318 }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --soft: #b0b4ba; --line: #2e3135; --page: #111113; --first: #70b8ff; --second: #ffa057; --even: #18191b; --failed: #3b1219; --good: #3dd68c; --bad: #ff9592 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 900px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-top: 1px solid var(--line); padding-top: 1rem }
.soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: .8rem 1.2rem; margin: 1rem 0 } dt { color: var(--soft); font-size: 13px } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums }
figure { margin: .6rem 0; overflow-x: auto } svg { width: 100%; min-width: 560px; height: auto; font: 13px system-ui, sans-serif } svg text { fill: var(--text) } svg .tick { fill: var(--soft); font-size: 11px } svg .head { font-weight: 600 } svg tspan { font-weight: 400 }
svg .first-text { fill: var(--first) } svg .second-text { fill: var(--second) }
.grid { stroke: var(--line) } polyline { fill: none; stroke-width: 1.6 } polyline.first { stroke: var(--first) } polyline.second { stroke: var(--second) }
rect.even { fill: var(--even) } rect.odd { fill: none } rect.failed { fill: var(--failed) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap } th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line) } th { color: var(--soft); font-weight: 600 } .left { text-align: left }`

export function renderReport(result: StressResult): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>HarmonyDB: stress test</title><style>${STYLE}</style>
<h1>HarmonyDB: ${number(result.options.users)} users</h1>
${introduction(result)}
${verdict(result)}
${keyFigures(result)}
<h2>Over time</h2>
${plots(result)}
<h2>A member is killed</h2>
${failureText(result)}
<h2>Latency, from when each act was due</h2>
${latencyTable(result.latencies)}
<h2>Every process</h2>
${usageTable(result)}
<h2>How it is made</h2>
${method(result)}
</html>
`
}

function introduction({ options, machine, startedAt, version, loadProcesses }: StressResult): string {
  return `<p class="soft">HarmonyDB ${escapeHtml(version)}, ${options.members} members, each with ${options.gateways} gateway processes; ${loadProcesses} load processes. All of them,
members and clients alike, on one machine: ${machine.cores} cores (${escapeHtml(machine.model)}), ${(machine.memoryBytes / GIB).toFixed(0)} GiB, Linux ${escapeHtml(machine.kernel)}, Node.js ${escapeHtml(machine.node)}. ${startedAt.slice(0, 16).replace('T', ' ')} UTC.</p>`
}

function verdict({ problems }: StressResult): string {
  if (problems.length === 0)
    return '<p class="good">Everyone was connected and nobody was dropped while all members ran; no errors; nothing that was acknowledged is lost, nothing is there twice, and the members that are left have the same.</p>'
  return `<ul class="bad">${problems.map((problem) => `<li>${escapeHtml(problem)}</li>`).join('')}</ul>`
}

function keyFigures(result: StressResult): string {
  const { options, connectSeconds, phases, failure, writes, latencies } = result
  const steady = phases.find(({ phase }) => phase === 'steady')
  const find = (operation: string): LatencyRow | undefined =>
    latencies.find((row) => row.phase === 'steady' && row.protocol === 'all' && row.operation === operation)
  const p = (row: LatencyRow | undefined): string =>
    row === undefined ? '–' : `${ms(row.p50Ms)} / ${ms(row.p99Ms)}`
  const idleMib = idleGrowthBytes(result) / MIB
  return `<dl>${[
    ['connected at the same time', number(options.users)],
    ['to connect all of them', `${connectSeconds.toFixed(0)} s`],
    [
      'acts a second: meant / done',
      `${number(steady?.intendedPerSecond ?? 0)} / ${number(steady?.donePerSecond ?? 0)}`,
    ],
    ['reads, p50 / p99', p(find('reads'))],
    ['writes, p50 / p99', p(find('writes'))],
    ['memory of a connection', `${((idleMib * 1024) / options.users).toFixed(1)} KiB`],
    ['connections lost with the member', number(failure.connectionsLost)],
    ['all connected again after', seconds(failure.reconnectedSeconds)],
    ['full rate, p99 under 1 s, after', seconds(failure.recoveredSeconds)],
    ['acknowledged writes / lost', `${number(writes.acknowledged)} / ${number(writes.lost)}`],
  ]
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
    .join('')}</dl>`
}

/** Of the members' processes, by all that connected. */
function idleGrowthBytes({ usage }: StressResult): number {
  const sum = (all: readonly ProcessUsage[]): number =>
    all.filter(({ name }) => name.startsWith('member')).reduce((bytes, one) => bytes + one.privateBytes, 0)
  return sum(usage.idle) - sum(usage.before)
}

function plots({ moments }: StressResult): string {
  const time = {
    seconds: moments.map(({ atSeconds }) => atSeconds),
    phases: moments.map(({ phase }) => phase),
  }
  const all: readonly Omit<TimePlot, 'seconds' | 'phases'>[] = [
    {
      title: 'Connections',
      unit: '',
      lines: [
        { label: 'connected users', style: 'first', values: moments.map(({ connected }) => connected) },
      ],
    },
    {
      title: 'Acts a second',
      unit: '',
      lines: [
        { label: 'answered', style: 'first', values: moments.map(({ donePerSecond }) => donePerSecond) },
      ],
    },
    {
      title: 'Latency',
      unit: 'ms',
      isLogarithmic: true,
      lines: [
        { label: 'p50', style: 'first', values: moments.map(({ p50Ms }) => p50Ms) },
        { label: 'p99', style: 'second', values: moments.map(({ p99Ms }) => p99Ms) },
      ],
    },
    {
      title: 'Cores in use',
      unit: '',
      lines: [
        { label: 'members', style: 'first', values: moments.map(({ memberCpu }) => memberCpu) },
        { label: 'load processes', style: 'second', values: moments.map(({ loadCpu }) => loadCpu) },
      ],
    },
    {
      title: 'Memory of all members',
      unit: 'MiB',
      lines: [
        { label: 'private', style: 'first', values: moments.map(({ memberBytes }) => memberBytes / MIB) },
      ],
    },
  ]
  return all.map((plot) => timePlot({ ...plot, ...time })).join('\n')
}

function failureText({ failure, writes, phases, options }: StressResult): string {
  const phase = phases.find((one) => one.phase === 'failure')
  return `<p>kill -9 of ${escapeHtml(failure.killed)}, under full load. ${number(failure.connectionsLost)} connections ended with it; their users went to the other members by
themselves. All ${number(options.users)} were connected again ${seconds(failure.reconnectedSeconds)} after the kill, and served at the full rate with a p99 under a second
${seconds(failure.recoveredSeconds)} after it. Over the ${number(phase?.seconds ?? 0)} s from the kill on ${number(phase?.donePerSecond ?? 0)} acts a second were answered.</p>
<p>Every write has a name of its own, which is looked for at the end: ${number(writes.acknowledged)} were acknowledged and ${number(writes.lost)} of these are missing; ${number(writes.duplicates)} are there twice; ${number(writes.invented)} are there
that nobody wrote. Of ${number(writes.unknown)} writes nobody was told what became of them, because the connection or the leader ended before the answer; ${number(writes.unknownApplied)} of these are there. The members that are left
have ${writes.postsByMember.map(number).join(', ')} posts; ${number(writes.wrongCounters)} counters, kept by a trigger, are wrong.</p>`
}

function latencyTable(rows: readonly LatencyRow[]): string {
  const head = ['phase', 'protocol', 'operation', 'count', 'p50', 'p90', 'p99', 'p99.9']
  const body = rows
    .filter(({ phase }) => phase === 'steady' || phase === 'failure')
    .map((row) => [
      row.phase,
      row.protocol,
      row.operation,
      number(row.count),
      ms(row.p50Ms),
      ms(row.p90Ms),
      ms(row.p99Ms),
      ms(row.p999Ms),
    ])
  return table(head, body, 3)
}

/** CPU in the steady phase. */
function usageTable({ usage, phases }: StressResult): string {
  const took = phases.find(({ phase }) => phase === 'steady')?.seconds ?? 1
  const find = (all: readonly ProcessUsage[], pid: number): ProcessUsage | undefined =>
    all.find((one) => one.pid === pid)
  const mib = (bytes: number | undefined): string => (bytes === undefined ? '–' : (bytes / MIB).toFixed(0))
  const body = usage.steadyEnd.map((end) => {
    const start = find(usage.steadyStart, end.pid)
    return [
      end.name,
      mib(find(usage.before, end.pid)?.privateBytes),
      mib(find(usage.idle, end.pid)?.privateBytes),
      mib(end.privateBytes),
      mib(end.residentBytes),
      ((end.cpuSeconds - (start?.cpuSeconds ?? 0)) / took).toFixed(2),
    ]
  })
  const head = ['process', 'MiB before', 'all connected', 'end of steady', 'resident then', 'cores, steady']
  return `<p class="soft">Private memory, unless it says resident, which counts mapped files, too.</p>${table(head, body, 1)}`
}

function method({ options, machine }: StressResult): string {
  return `<p>Half of the users speak the PostgreSQL protocol (Parse, Bind, Describe, Execute, Sync), half Hrana over WebSocket, from clients of the least size, because a hundred
thousand objects of a driver would not fit beside the members; the bytes are those that drivers send. A process may open ${escapeHtml(machine.openFilesMax)} files here, which is why members and load need several
processes. Users act by chance every ${options.pauseSeconds} s on average, whether they were answered or not (a fixed arrival rate; latency counts from when an act was due): 25% list threads, 40% read one, 30% read
one post, 5% write a post, which also counts in its thread by a trigger. Reads are linearizable. Writes are on the disks of a majority when they are acknowledged.</p>
<p>Repeat it: <code>${commandOf(options)}</code></p>`
}

function table(head: readonly string[], body: readonly (readonly string[])[], leftColumns: number): string {
  const cells = (row: readonly string[], tag: string): string =>
    row
      .map((text, at) => `<${tag}${at < leftColumns ? ' class="left"' : ''}>${escapeHtml(text)}</${tag}>`)
      .join('')
  return `<div class="scroll"><table><tr>${cells(head, 'th')}</tr>${body.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n')}</table></div>`
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function ms(value: number): string {
  return value >= 100 ? `${number(value)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} ms`
}

function seconds(value: number | null): string {
  return value === null ? 'not within the run' : `${value.toFixed(1)} s`
}
