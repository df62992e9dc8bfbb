/** Metrics as data, and the text format that Prometheus scrapes (exposition format 0.0.4). */

import { LATENCY_BUCKETS_MS, type HistogramData } from '../base/histogram.ts'

export type Labels = Readonly<Record<string, string>>

export type MetricFamily =
  | {
      readonly type: 'counter' | 'gauge'
      /** `harmonydb_…`, with the unit (`_seconds`, `_bytes`) and, for counters, `_total` at its end. */
      readonly name: string
      readonly help: string
      readonly samples: readonly { readonly labels?: Labels; readonly value: number }[]
    }
  | {
      readonly type: 'histogram'
      /** Ends with `_seconds`; the data is in milliseconds. */
      readonly name: string
      readonly help: string
      readonly samples: readonly { readonly labels?: Labels; readonly data: HistogramData }[]
    }

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function renderMetrics(families: readonly MetricFamily[]): string {
  return families.map(renderFamily).join('')
}

function renderFamily(family: MetricFamily): string {
  const head = `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`
  if (family.type === 'histogram') {
    return (
      head +
      family.samples.map(({ labels, data }) => renderHistogram(family.name, labels ?? {}, data)).join('')
    )
  }
  return head + family.samples.map(({ labels, value }) => line(family.name, labels ?? {}, value)).join('')
}

/** Buckets are cumulative in the text, and not in the data. */
function renderHistogram(name: string, labels: Labels, data: HistogramData): string {
  let cumulative = 0
  const buckets = LATENCY_BUCKETS_MS.map((boundMs, at) => {
    cumulative += data.counts[at] ?? 0
    return line(`${name}_bucket`, { ...labels, le: formatNumber(boundMs / 1000) }, cumulative)
  })
  return [
    ...buckets,
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, data.count),
    line(`${name}_sum`, labels, data.sumMs / 1000),
    line(`${name}_count`, labels, data.count),
  ].join('')
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${formatNumber(value)}\n`
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  // Bounds such as 0.05 ms in seconds would show the rounding of binary fractions.
  return String(Number(value.toPrecision(15)))
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
