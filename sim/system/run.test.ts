import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SECOND } from '../event-queue.ts'
import type { SystemOptions } from './options.ts'
import { CALM } from './network-faults.ts'
import { runSystem } from './run.ts'

/** A short run, with a few faults of each kind. */
function short(machines: number, workloads: SystemOptions['workloads'], postgresShare = 0.5) {
  return (options: SystemOptions): SystemOptions => ({
    ...options,
    machines,
    workloads,
    faultsForUs: 2 * SECOND,
    clientsPerWorkload: 2,
    postgresShare,
    weather: { ...CALM, breakEveryUs: 1 * SECOND },
    faults: { ...options.faults, killEveryUs: 1 * SECOND, powerCutEveryUs: 0, stopEveryUs: 0 },
  })
}

test('the same seed is the same run, to the last event', async () => {
  const request = {
    seed: 17,
    recording: false,
    adjust: short(3, ['registers', 'transfers', 'lists', 'once', 'schema']),
  }
  const first = await runSystem(request)
  const second = await runSystem({ ...request, recording: true })
  assert.equal(first.failure, null)
  assert.equal(second.hash, first.hash)
  assert.equal(second.events, first.events)
  assert.notEqual((await runSystem({ ...request, seed: 18 })).hash, first.hash)
})

for (const [protocol, postgresShare] of [
  ['none', 0],
  ['PostgreSQL', 1],
] as const) {
  test(`clients are served by every workload, and everything holds: protocol ${protocol}`, async () => {
    const workloads = ['registers', 'transfers', 'lists', 'once', 'library', 'schema', 'databases'] as const
    const adjust = short(1, workloads, postgresShare)
    const result = await runSystem({ seed: 5, recording: false, adjust })
    assert.equal(result.failure, null)
    for (const [name, counts] of Object.entries(result.counts)) assert.ok(counts.ok > 0, name)
  })
}
