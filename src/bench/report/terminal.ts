/** The report as text. */

import {
  baselineOf,
  clientMicros,
  medianRound,
  memoryBytes,
  processorMicros,
  ratioOf,
  type Group,
  type Measurement,
  type Report,
  type ReportedWorkload,
} from './results.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30
const NONE = '–'

export const FIGURE_HEADS: readonly string[] = [
  'ratio',
  'target',
  'clients',
  'per s',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'CPU µs',
  'client µs',
  'MB',
]

export function reportText(report: Report, baseline: string | null): string {
  const { machine, settings } = report
  const rate =
    settings.ratePerSecond === null
      ? 'closed loop'
      : `${settings.ratePerSecond} operations arrive each second, latency from the intended start`
  return [
    `${machine.processors} × ${machine.processor}, ${Math.round(machine.memoryBytes / GIB)} GiB, Node.js ${machine.node}; the clients run on the same machine.`,
    `${settings.rounds} rounds of ${settings.seconds} s each, all targets in turn, after ${settings.warmUpSeconds} s of warm-up; ${rate}.`,
    '',
    'When is a write acknowledged?',
    ...report.targets.map(({ title, durability }) => `  ${title}: ${durability}`),
    ...report.leftOut.map(({ target, reason }) => `  left out: ${target}: ${reason}`),
    ...report.workloads.flatMap((workload) => ['', ...workloadLines(workload, report, baseline)]),
  ].join('\n')
}

function workloadLines(
  { title, summary, groups, problems }: ReportedWorkload,
  report: Report,
  baseline: string | null,
): readonly string[] {
  return [
    title,
    `  ${summary}`,
    ...groups.flatMap((group) => groupLines(group, report, baseline)),
    ...problems.map(({ target, text }) => `  ! ${target}: ${text}`),
  ]
}

function groupLines(group: Group, report: Report, named: string | null): readonly string[] {
  const baseline = baselineOf(group, report.targets, named)
  const isFixedRate = report.settings.ratePerSecond !== null
  const titleOf = (name: string): string => report.targets.find((one) => one.name === name)?.title ?? name
  const measured = group.measurements.filter(({ rounds }) => rounds.length > 0)
  if (baseline === null) return ['  nothing was measured']
  const rows = measured.map((measurement) => [
    `${ratioOf(measurement, baseline, isFixedRate).toFixed(2)} ×`,
    titleOf(measurement.target),
    String(measurement.clients),
    ...figuresOf(measurement),
  ])
  const what = isFixedRate ? 'how many times smaller than the p99' : 'how many times the rate'
  const notes = [
    `ratio: ${what} of ${titleOf(baseline.target)}; CPU: of the system's processes, an operation; client: of the load process`,
    ...remarks(measured, titleOf),
  ]
  return [...alignColumns([FIGURE_HEADS, ...rows]), ...notes.map((note) => `  ${note}`)]
}

/** All columns of FIGURE_HEADS but the first three. */
export function figuresOf(measurement: Measurement): readonly string[] {
  const round = medianRound(measurement.rounds)
  const number = (value: number, digits: number): string =>
    Number.isFinite(value) ? value.toFixed(digits) : NONE
  return [
    round === null ? NONE : Math.round(round.perSecond).toLocaleString('en'),
    number(round?.p50Ms ?? Number.NaN, 2),
    number(round?.p99Ms ?? Number.NaN, 2),
    number(round?.p999Ms ?? Number.NaN, 2),
    number(processorMicros(measurement), 1),
    number(clientMicros(measurement), 1),
    number(memoryBytes(measurement) / MIB, 0),
  ]
}

/** What the figures alone would hide. */
export function remarks(
  measured: readonly Measurement[],
  titleOf: (name: string) => string,
): readonly string[] {
  return measured.flatMap(({ target, rounds }) => {
    const sum = (field: 'retries' | 'unanswered'): number =>
      rounds.reduce((total, round) => total + round[field], 0)
    const lines: string[] = []
    if (sum('retries') > 0)
      lines.push(`${titleOf(target)}: ${sum('retries')} transactions run again after a conflict`)
    if (sum('unanswered') > 0)
      lines.push(`${titleOf(target)}: ${sum('unanswered')} operations unanswered: it can't do this rate`)
    return lines
  })
}

/** The second column to the left, all others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map(
    (row) =>
      `  ${row
        .map((text, column) =>
          column === 1 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
        )
        .join('  ')}`,
  )
}
