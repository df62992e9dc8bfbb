/** When the files of a database may be deleted, and when they only look as if. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { Timer } from '../host/clock.ts'
import { SystemClock } from '../host/clock.ts'
import { MemoryDisk } from '../host/memory-disk.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import type { DatabaseRow } from './catalog-reader.ts'
import { Databases } from './databases.ts'
import { Orphans } from './orphans.ts'

const FOLDER = '/databases'

/** Timers fire when the test says so. */
class HeldClock extends SystemClock {
  readonly actions: (() => void)[] = []

  override after(_delayMs: number, action: () => void): Timer {
    this.actions.push(action)
    return { cancel: () => {} }
  }
}

function rowOf(group: number): DatabaseRow {
  return { group, name: `shop-${group}`, state: 'open', initialVoters: [1], initialLearners: [] }
}

function fixture(untilCurrent: () => Promise<void>) {
  const state = { rows: [rowOf(1)] as readonly DatabaseRow[] }
  const disk = new MemoryDisk()
  for (const group of [1, 2]) disk.plant(`${FOLDER}/shop-${group}.${group}.sqlite`, new Uint8Array(1))
  const dropped: number[] = []
  const databases = new Databases({
    disk,
    folder: FOLDER,
    open: ({ group, name }) => {
      const drop = async (): Promise<void> => void dropped.push(group)
      return { drop, group, dataFile: `${FOLDER}/${name}.${group}.sqlite` } as unknown as DatabaseGroup
    },
    route: () => {
      throw new Error('nothing is opened')
    },
    onOpen: () => {},
    onClose: () => {},
    onFailure: (_, error) => {
      throw error
    },
  })
  const clock = new HeldClock()
  const rows = (): readonly DatabaseRow[] => state.rows
  const orphans = new Orphans({
    databases,
    clock,
    log: () => {},
    rows,
    untilCurrent,
    inTurn: (work) => work(),
  })
  return { state, disk, dropped, clock, orphans }
}

test('the files of a database that the catalog does not have are deleted with its log, and no others', async () => {
  const { orphans, dropped, disk } = fixture(async () => {})
  await orphans.delete()
  assert.deepEqual(dropped, [2])
  assert.deepEqual(disk.paths(), [`${FOLDER}/shop-1.1.sqlite`])
})

test('a power cut that took a new row back from the catalog here does not take the database', async () => {
  const { orphans, dropped, state } = fixture(async () => {
    state.rows = [rowOf(1), rowOf(2)]
  })
  await orphans.delete()
  assert.deepEqual(dropped, [])
})

test('nothing is deleted while nobody can tell what the catalog is; later it is tried again', async () => {
  let isReachable = false
  const { orphans, dropped, clock } = fixture(async () => {
    if (!isReachable) throw new Error('no leader')
  })
  await orphans.delete()
  assert.deepEqual(dropped, [])
  isReachable = true
  clock.actions[0]?.()
  await orphans.delete()
  assert.deepEqual(dropped, [2])
})
