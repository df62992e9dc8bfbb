import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import { MemoryDisk } from '../host/memory-disk.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import type { DatabaseRow } from './catalog-reader.ts'
import { Databases } from './databases.ts'
import type { RoutedDatabase } from './routing/routed-database.ts'

const ROW: DatabaseRow = { group: 3, name: 'shop', state: 'open', initialVoters: [1], initialLearners: [] }

interface Fixture {
  readonly databases: Databases
  /** What opening a replica throws; null where it succeeds. */
  readonly opening: { failure: HarmonyError | null }
}

function fixture(): Fixture {
  const opening: Fixture['opening'] = { failure: null }
  const databases = new Databases({
    disk: new MemoryDisk(),
    folder: '/databases',
    open: ({ group }) => {
      if (opening.failure !== null) throw opening.failure
      return { group } as DatabaseGroup
    },
    route: () => ({}) as RoutedDatabase,
    onOpen: () => {},
    onClose: () => {},
    onFailure: () => {},
  })
  return { databases, opening }
}

test('a database that the catalog does not have is not found', async () => {
  const { databases } = fixture()
  await databases.reconcile([ROW])
  assert.throws(() => databases.find('shops', [ROW]), { code: 'DATABASE_NOT_FOUND' })
})

test('one whose replica went to other members is there, and they are to be asked', async () => {
  const { databases } = fixture()
  await databases.reconcile([ROW])
  assert.equal(databases.find('shop', [ROW]).row, ROW)
  databases.removed(ROW.group, false)
  assert.throws(() => databases.find('shop', [ROW]), {
    code: 'NOT_LEADER',
    message: /moved to other members/,
  })
})

test('one that could not be opened tells why, and is there when it can', async () => {
  const { databases, opening } = fixture()
  opening.failure = new HarmonyError('DATA_CORRUPT', 'The journal is damaged.')
  await databases.reconcile([ROW])
  assert.throws(() => databases.find('shop', [ROW]), { code: 'DATA_CORRUPT' })
  opening.failure = null
  await databases.reconcile([ROW])
  assert.equal(databases.find('shop', [ROW]).row, ROW)
})
