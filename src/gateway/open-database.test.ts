/** How fresh a read is on a member that lags behind: which index it waits for, and whom it asks. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { GATEWAY_DEFAULTS } from './configuration.ts'
import type { DatabaseCore } from './core.ts'
import { OpenDatabase } from './open-database.ts'
import type { DatabaseReader } from './reader.ts'

/** A follower: the group is at `committed`, its file at `applied`, which follows when somebody waits for it. */
function lagging(applied: bigint, committed: bigint): { database: OpenDatabase; asked: string[] } {
  const asked: string[] = []
  let index = applied
  const core: Partial<DatabaseCore> = {
    name: 'lagging',
    get appliedIndex() {
      return index
    },
    readIndex: async () => {
      asked.push('readIndex')
      return committed
    },
    waitApplied: async (wanted) => {
      asked.push(`waitApplied ${wanted}`)
      if (wanted > index) index = wanted
    },
  }
  const reader = {} as DatabaseReader
  return { database: new OpenDatabase(core as DatabaseCore, reader, GATEWAY_DEFAULTS), asked }
}

test('linearizable: asks for the read index and waits until it is applied; it is the default', async () => {
  for (const consistency of [undefined, { level: 'linearizable' } as const]) {
    const { database, asked } = lagging(3n, 5n)
    assert.equal(await database.fresh(consistency, 1n), 5n)
    assert.deepEqual(asked, ['readIndex', 'waitApplied 5'])
  }
})

test('linearizable: where the read index is applied already, nothing is waited for', async () => {
  const { database, asked } = lagging(5n, 5n)
  assert.equal(await database.fresh(undefined, 5n), 5n)
  assert.deepEqual(asked, ['readIndex'])
})

/** The index at which a read of level `session` is made on a member that has 3 of 9. */
async function sessionReadIndex(sessionIndex: bigint, index?: bigint): Promise<bigint> {
  const { database, asked } = lagging(3n, 9n)
  const token = index === undefined ? {} : { index }
  const applied = await database.fresh({ level: 'session', ...token }, sessionIndex)
  assert.ok(!asked.includes('readIndex'), 'no leader is asked')
  return applied
}

test('session: waits for the later of what the session has seen and the token that the client brings', async () => {
  assert.equal(await sessionReadIndex(2n), 3n)
  assert.equal(await sessionReadIndex(4n), 4n)
  assert.equal(await sessionReadIndex(4n, 7n), 7n)
  assert.equal(await sessionReadIndex(7n, 4n), 7n)
})

test('stale: asks nobody, unless the bound on its age has passed since the last confirmed read', async () => {
  const { database, asked } = lagging(3n, 5n)
  assert.equal(await database.fresh({ level: 'stale' }, 4n), 3n)
  assert.ok(!asked.includes('readIndex'))
  assert.equal(
    await database.fresh({ level: 'stale', maxStalenessMs: 60_000 }, 4n),
    5n,
    'never confirmed yet',
  )
  asked.length = 0
  assert.equal(await database.fresh({ level: 'stale', maxStalenessMs: 60_000 }, 4n), 5n)
  assert.ok(!asked.includes('readIndex'), 'confirmed a moment ago')
  await database.fresh({ level: 'stale', maxStalenessMs: -1 }, 4n)
  assert.ok(asked.includes('readIndex'))
})
