import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Latencies } from './latencies.ts'
import { commandOf, readOptions, USAGE } from './options.ts'
import { renderReport } from './report.ts'
import { runStress } from './run.ts'

test('percentiles are at most two percent too large', () => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1000; ms++) latencies.record(ms)
  const other = new Latencies()
  other.add(latencies.counts)
  assert.equal(other.count, 1000)
  for (const percent of [50, 90, 99]) {
    const found = other.percentile(percent) / (percent * 10)
    assert.ok(found >= 1 && found <= 1.021, `${percent}: ${found}`)
  }
  assert.equal(new Latencies().percentile(99), 0)
})

test('the defaults are those that --help tells', () => {
  const told = [...USAGE.matchAll(/^ {2}--[\w-]+ [A-Z]+ +(\d+)\b/gm)].map(([, number]) => Number(number))
  const numbers = Object.values(readOptions([])).filter((value) => value !== null)
  assert.equal(told.length, 10)
  assert.deepEqual(told, numbers)
})

test('the command that a report gives asks for the same run', () => {
  const asked =
    '--users 200 --members 3 --pause 2.5 --connect-rate 200 --warm-up 0 --steady 2 --failure 8 --seed 7'
  const options = readOptions(asked.split(' '))
  assert.equal(commandOf(options), `npm run stress -- ${asked} --report stress`)
  assert.equal(commandOf(readOptions([])), 'npm run stress -- --report stress')
})

test('two hundred users on three members: one is killed, they go on, and nothing is lost', async () => {
  const small = '--users 200 --members 3 --gateways 1 --pause 2 --threads 20 --connect-rate 200'
  const options = readOptions(`${small} --warm-up 1 --steady 2 --failure 8`.split(' '))
  const result = await runStress(options, () => undefined)
  const { writes, phases, failure, errors } = result
  assert.deepEqual(errors, [])
  assert.equal(
    phases.filter(({ phase }) => phase !== 'failure').reduce((sum, { dropped }) => sum + dropped, 0),
    0,
  )
  assert.ok(failure.connectionsLost > 0)
  assert.ok(writes.acknowledged > 0)
  assert.deepEqual([writes.lost, writes.duplicates, writes.invented, writes.wrongCounters], [0, 0, 0, 0])
  assert.equal(new Set(writes.postsByMember).size, 1)
  assert.match(renderReport(result), /<polyline class="first"/)
})
