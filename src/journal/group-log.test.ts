import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Entry } from '../raft/entry.ts'
import { entry, newJournal, openJournal, textOf } from './testing/journal-fixture.ts'

function membership(index: number, term: number): Entry {
  return { ...entry(index, `configuration ${index}`, term), kind: 'membership' }
}

/** Terms, and the texts of the membership entries. */
function outlineOf(log: ReturnType<Awaited<ReturnType<typeof newJournal>>['journal']['group']>): unknown {
  const { terms, memberships } = log.outline()
  return {
    terms: terms.map(({ index, term }) => `${index}.${term}`),
    memberships: memberships.map(textOf),
  }
}

test('the outline of a log is the same whether it was written or recovered, truncated, compacted or copied', async () => {
  const { disk, journal } = await newJournal({ segmentCountTarget: 2 })
  const log = journal.group(1)
  await log.write({
    entries: [entry(1), membership(2, 1), entry(3, 'x', 2), membership(4, 2), entry(5, 'x', 2)],
  })
  assert.deepEqual(outlineOf(log), {
    terms: ['1.1', '3.2'],
    memberships: ['configuration 2', 'configuration 4'],
  })
  // Another leader takes 4 and 5 back.
  await log.write({ entries: [entry(4, 'x', 3), membership(5, 3)] })
  const truncated = { terms: ['1.1', '3.2', '4.3'], memberships: ['configuration 2', 'configuration 5'] }
  assert.deepEqual(outlineOf(log), truncated)
  assert.deepEqual(outlineOf((await openJournal(disk)).group(1)), truncated)
  await log.compact({ index: 3, term: 2, configuration: new Uint8Array() })
  const compacted = { terms: ['4.3'], memberships: ['configuration 5'] }
  assert.deepEqual(outlineOf(log), compacted)
  // Another group makes so many segments that the old ones are copied and given back.
  const busy = journal.group(2)
  for (let index = 1; index <= 60; index++) {
    await busy.write({ entries: [entry(index)] })
    await busy.compact({ index, term: 1, configuration: new Uint8Array() })
  }
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
  assert.ok(journal.stats().copiedBytes > 0)
  assert.deepEqual(outlineOf(log), compacted)
  await journal.close()
  assert.deepEqual(outlineOf((await openJournal(disk)).group(1)), compacted)
})

test('the next command is found among entries of the group itself', async () => {
  const { journal } = await newJournal()
  const log = journal.group(1)
  await log.write({ entries: [membership(1, 1), entry(2), membership(3, 1), entry(4)] })
  assert.equal(log.nextCommand(1, 4), 2)
  assert.equal(log.nextCommand(3, 4), 4)
  assert.equal(log.nextCommand(3, 3), null)
  assert.equal(log.nextCommand(5, 9), null)
})

test('the start of a tail obeys both of its bounds', async () => {
  const { journal } = await newJournal({ segmentSizeBytes: 64 * 512 })
  const log = journal.group(1)
  for (let index = 1; index <= 10; index++) await log.write({ entries: [entry(index, 'x'.repeat(100))] })
  assert.equal(log.tailStart(3, 1_000_000), 8)
  assert.equal(log.tailStart(100, 1_000_000), 1)
  const byBytes = log.tailStart(100, 500)
  assert.ok(byBytes > 5 && byBytes < 10, `${byBytes}`)
  await log.compact({ index: 9, term: 1, configuration: new Uint8Array() })
  assert.equal(log.tailStart(100, 1_000_000), 10)
})

test('a refused write is counted for those that lost something by it, and for nobody else', async () => {
  const { disk, journal } = await newJournal()
  const [loser, bystander] = [journal.group(1), journal.group(2)]
  await Promise.all([loser.write({ entries: [entry(1)] }), bystander.write({ entries: [entry(1)] })])
  disk.capacityBytes = 0
  let refused = 0
  for (let index = 2; refused === 0; index++) {
    await loser.write({ entries: [entry(index, 'x'.repeat(500))] }).catch(() => refused++)
  }
  assert.equal(loser.rejectionCount, 1)
  assert.equal(bystander.rejectionCount, 0)
})
