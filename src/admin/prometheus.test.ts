import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LatencyHistogram } from '../base/histogram.ts'
import { httpMetrics } from './http-metrics.ts'
import { startProcessMetrics } from './process-metrics.ts'
import { renderMetrics } from './prometheus.ts'

test('counters and gauges have help, type and labels', () => {
  const text = renderMetrics([
    {
      type: 'counter',
      name: 'harmonydb_x_total',
      help: 'Two\nlines',
      samples: [{ labels: { db: 'a"b\\c\nd' }, value: 3 }],
    },
    { type: 'gauge', name: 'harmonydb_y', help: 'Y.', samples: [{ value: 0.5 }] },
  ])
  assert.equal(
    text,
    '# HELP harmonydb_x_total Two\\nlines\n# TYPE harmonydb_x_total counter\n' +
      'harmonydb_x_total{db="a\\"b\\\\c\\nd"} 3\n' +
      '# HELP harmonydb_y Y.\n# TYPE harmonydb_y gauge\nharmonydb_y 0.5\n',
  )
})

test('a histogram is cumulative, in seconds, and ends with +Inf', () => {
  const histogram = new LatencyHistogram()
  for (const durationMs of [0.01, 0.07, 0.07, 1_000_000]) histogram.record(durationMs)
  const text = renderMetrics([
    {
      type: 'histogram',
      name: 'harmonydb_h_seconds',
      help: 'H.',
      samples: [{ labels: { a: 'b' }, data: histogram.data() }],
    },
  ])
  const lines = text.split('\n')
  assert.ok(lines.includes('harmonydb_h_seconds_bucket{a="b",le="0.00005"} 1'), text)
  assert.ok(lines.includes('harmonydb_h_seconds_bucket{a="b",le="0.0001"} 3'))
  assert.ok(lines.includes('harmonydb_h_seconds_bucket{a="b",le="+Inf"} 4'))
  assert.ok(lines.includes('harmonydb_h_seconds_count{a="b"} 4'))
  assert.ok(lines.includes('harmonydb_h_seconds_sum{a="b"} 1000.00015'))
})

test('every metric follows the naming rules', () => {
  const families = [
    ...startProcessMetrics('1.2.3')(),
    ...httpMetrics({
      connectionsOpen: 1,
      connectionsTotal: 2,
      connectionsRefusedTotal: 0,
      requestsActive: 1,
      requestsAbandonedTotal: 0,
      upgradesTotal: 0,
      routes: [],
    }),
  ]
  for (const { name, type, help } of families) {
    assert.match(name, /^harmonydb_[a-z0-9_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(help, /^[A-Z].*\.$/, name)
  }
  assert.equal(new Set(families.map(({ name }) => name)).size, families.length)
})
