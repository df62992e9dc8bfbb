import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStat, usageBetween, usageOf } from './usage.ts'

test('a line of /proc/PID/stat, whose name may hold anything', () => {
  const stat = '42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 11 0 5'
  assert.deepEqual(parseStat(stat), { parent: 7, ticks: 120, endedChildrenTicks: 7 })
})

test('work of this process is seen, where the system tells', () => {
  const self = [{ name: 'test', pid: process.pid }]
  const before = usageOf(self)
  const end = process.cpuUsage().user + 300_000
  while (process.cpuUsage().user < end);
  const after = usageOf(self)
  if (before === null || after === null) return assert.notEqual(process.platform, 'linux')
  const [used] = usageBetween(before, after)
  assert.ok((used?.processorSeconds ?? 0) > 0.2, `${used?.processorSeconds} s of 0.3 s`)
  assert.ok((used?.memoryBytes ?? 0) > 2 ** 20)
})
