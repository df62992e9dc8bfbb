/** Members get the next version of the program one after another, while clients go on. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { SECOND } from '../event-queue.ts'
import { MemoryDisk } from '../../src/host/memory-disk.ts'
import {
  FOLDER,
  contentOf,
  entry,
  newJournal,
  openJournal,
} from '../../src/journal/testing/journal-fixture.ts'
import { CALM } from './network-faults.ts'
import { NO_FAULTS, NO_OPERATORS, type SystemOptions } from './options.ts'
import { READING, TODAY, WRITING, fromDisk, toDisk } from './release.ts'
import { runSystem } from './run.ts'

/** No faults but the upgrade itself, so that whatever goes wrong is its doing. */
function upgraded(isInTwoSteps: boolean): (options: SystemOptions) => SystemOptions {
  return (options) => ({
    ...options,
    machines: 3,
    workloads: ['registers', 'once'],
    clientsPerWorkload: 2,
    faultsForUs: 6 * SECOND,
    weather: CALM,
    faults: NO_FAULTS,
    operators: { ...NO_OPERATORS, upgrade: { atUs: 1 * SECOND, isInTwoSteps } },
    journal: { segmentSizeBytes: 16 * 1024, segmentCountTarget: 1 },
  })
}

/** What the run has told, in order. */
async function told(seed: number, isInTwoSteps: boolean): Promise<string[]> {
  const result = await runSystem({ seed, recording: true, adjust: upgraded(isInTwoSteps) })
  assert.equal(result.failure, null)
  return result.trace.lines.map(({ text }) => text)
}

test('in two steps nobody meets what it can not read; going back is refused, and going on again is not', async () => {
  const lines = await told(1, true)
  assert.equal(lines.filter((line) => /operator: upgrade to (reading|writing)/.test(line)).length, 6)
  assert.ok(lines.some((line) => /^did not start: .* has format version 2/.test(line)))
  assert.ok(!lines.some((line) => line.includes('A log entry has version')))
})

test('at once, nothing is lost either: who is too old waits until it is upgraded, too', async () => {
  const lines = await told(1, false)
  assert.equal(lines.filter((line) => line.includes('operator: upgrade to writing')).length, 3)
})

test('a segment of the next version is another file to this one and the same journal to the next', async () => {
  const { disk, journal } = await newJournal()
  await journal.group(1).write({ entries: [entry(1), entry(2)] })
  await journal.close()
  const next = new MemoryDisk()
  await next.createFolder(FOLDER)
  for (const path of disk.paths()) {
    const bytes = toDisk(WRITING, path, 0, disk.bytesOf(path))
    next.plant(path, bytes)
    assert.deepEqual(fromDisk(READING, path, 0, new Uint8Array(bytes)), disk.bytesOf(path))
    assert.deepEqual(fromDisk(TODAY, path, 0, new Uint8Array(bytes)), new Uint8Array(bytes))
  }
  await assert.rejects(openJournal(next), { code: 'FORMAT_TOO_NEW' })
  const again = await openJournal(disk)
  assert.deepEqual(await contentOf(again.group(1)), { 1: 'data 1', 2: 'data 2' })
})
