import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStat, processorSeconds } from './processor-time.ts'

test('parseStat() reads times behind a name that holds spaces and parentheses', () => {
  const stat = '42 (a) b (c)) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0'
  assert.deepEqual(parseStat(stat), { parent: 7, ticks: 200, endedChildrenTicks: 50 })
})

test('processorSeconds() grows with work', { skip: process.platform !== 'linux' }, () => {
  const before = processorSeconds(process.pid) ?? Number.NaN
  const until = process.cpuUsage().user + 50_000
  while (process.cpuUsage().user < until) Math.sqrt(until)
  assert.ok((processorSeconds(process.pid) ?? 0) > before)
})
