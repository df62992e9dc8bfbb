import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoundResult } from '../load/loader.ts'
import { reportPage } from './page.ts'
import { bar, Progress } from './progress.ts'
import { baselineOf, median, medianRound, ratioOf, type Measurement, type Report } from './results.ts'
import { reportText } from './terminal.ts'

function round(perSecond: number, p99Ms = 1): RoundResult {
  return {
    operations: perSecond,
    perSecond,
    p50Ms: 0.5,
    p99Ms,
    p999Ms: 2,
    maxMs: 3,
    retries: 0,
    unanswered: 0,
    servers: [{ name: 'server', processorSeconds: perSecond / 1e5, memoryBytes: 2 ** 26 }],
    client: { name: 'load process', processorSeconds: perSecond / 2e5, memoryBytes: 2 ** 25 },
  }
}

const OWN: Measurement = { target: '1-ws', clients: 16, rounds: [round(200), round(900), round(400)] }
const PEER: Measurement = { target: 'postgres', clients: 16, rounds: [round(100), round(300), round(400)] }

const REPORT: Report = {
  format: 1,
  takenAt: '2026-01-02T03:04:05.678Z',
  machine: { processors: 2, processor: 'a <processor>', memoryBytes: 2 ** 34, node: 'v26' },
  settings: { seconds: 1, warmUpSeconds: 0.25, rounds: 3, scale: 1, ratePerSecond: null },
  targets: [
    { name: '1-ws', title: 'HarmonyDB', isOurs: true, durability: 'fdatasync' },
    { name: 'postgres', title: 'PostgreSQL', isOurs: false, durability: 'fsync & more' },
  ],
  leftOut: [{ target: 'etcd-3', reason: 'not installed' }],
  workloads: [
    {
      name: 'w',
      title: 'Writes',
      summary: 'Some.',
      groups: [{ clients: 16, measurements: [OWN, PEER] }],
      problems: [{ target: '1-ws', text: 'a sum is <wrong>' }],
    },
  ],
}

test('the median of an even number of values is between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.ok(Number.isNaN(median([])))
  assert.equal(medianRound(OWN.rounds)?.perSecond, 400)
})

test('a ratio is the median of the ratios of neighbouring rounds, not the ratio of medians', () => {
  assert.equal(ratioOf(OWN, PEER, false), 2)
  const slow = { ...PEER, rounds: PEER.rounds.map(({ perSecond }) => round(perSecond, 4)) }
  assert.equal(ratioOf(OWN, slow, true), 4)
})

test('ratios are to the first peer, to whom was named, or to the first if there is no peer', () => {
  const group = { clients: 16, measurements: [OWN, PEER] }
  assert.equal(baselineOf(group, REPORT.targets, null)?.target, 'postgres')
  assert.equal(baselineOf(group, REPORT.targets, '1-ws')?.target, '1-ws')
  assert.equal(baselineOf({ clients: 16, measurements: [OWN] }, REPORT.targets, null)?.target, '1-ws')
})

test('the text has ratio, durability, what was left out and what is wrong', () => {
  const text = reportText(REPORT, null)
  assert.match(text, /2\.00 × {2}HarmonyDB +16 +400 +0\.50 +1\.00 +2\.00 +10\.0 +5\.0 +64/)
  assert.match(text, /PostgreSQL: fsync & more/)
  assert.match(text, /left out: etcd-3: not installed/)
  assert.match(text, /! 1-ws: a sum is <wrong>/)
})

test('the page has the same, escaped, and needs nothing from elsewhere', () => {
  const page = reportPage(REPORT, null)
  assert.match(page, /a &lt;processor&gt;/)
  assert.match(page, /a sum is &lt;wrong&gt;/)
  assert.match(page, /prefers-color-scheme: dark/)
  assert.equal(page.match(/<svg/g)?.length, 2)
  assert.match(page, /2\.00×/)
  assert.doesNotMatch(page, /https?:|NaN|undefined/)
})

test('at a fixed rate, text and page tell what was not answered, and the ratio is that of latencies', () => {
  const missed = { ...OWN, rounds: OWN.rounds.map((one) => ({ ...one, unanswered: 7 })) }
  const [workload] = REPORT.workloads
  const report: Report = {
    ...REPORT,
    settings: { ...REPORT.settings, ratePerSecond: 500 },
    workloads:
      workload === undefined
        ? []
        : [{ ...workload, groups: [{ clients: 16, measurements: [missed, PEER] }] }],
  }
  const text = reportText(report, null)
  assert.match(text, /500 operations arrive each second, latency from the intended start/)
  assert.match(text, /ratio: how many times smaller than the p99 of PostgreSQL/)
  for (const form of [text, reportPage(report, null)])
    assert.match(form, /HarmonyDB: 21 operations unanswered: it can(&#39;|')t do this rate/)
})

test('progress is shown on a terminal, and nowhere else', () => {
  const written: string[] = []
  const terminal = new Progress({ isTTY: true, columns: 40, write: (text) => written.push(text) })
  terminal.expect(99)
  terminal.step('first', 50)
  terminal.step('second', 50)
  terminal.end()
  assert.match(written[1] ?? '', /█{12}░{12} {2}50%/)
  assert.equal(bar(2), `${'█'.repeat(24)} 100%`)
  const none: string[] = []
  new Progress({ write: (text) => none.push(text) }).step('x', 1)
  assert.deepEqual(none, [])
})
