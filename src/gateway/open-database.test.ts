/** How fresh a read is on a member that lags behind: which index it waits for, and whom it asks. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { HarmonyError } from '../base/errors.ts'
import { GATEWAY_DEFAULTS } from './configuration.ts'
import type { DatabaseCore } from './core.ts'
import { OpenDatabase } from './open-database.ts'
import type { DatabaseReader } from './reader.ts'
import type { Consistency } from './session.ts'

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

/** A member whose clock, replica and way to the leader are a test's. */
class Follower {
  nowMs = 1_000
  applied = 3n
  /** What `readIndexNow` tells. */
  known: bigint | null = null
  readIndexes = 0
  /** Settles the read indexes that were asked for and not answered, oldest first. */
  readonly answers: PromiseWithResolvers<bigint>[] = []
  readonly #waiting: { readonly index: bigint; readonly resolve: () => void }[] = []
  readonly database: OpenDatabase

  constructor() {
    const appliedIndex = (): bigint => this.applied
    const core: Partial<DatabaseCore> = {
      name: 'follower',
      get appliedIndex() {
        return appliedIndex()
      },
      readIndexNow: () => this.known,
      readIndex: () => {
        this.readIndexes++
        const answer = Promise.withResolvers<bigint>()
        this.answers.push(answer)
        return answer.promise
      },
      waitApplied: async (index) => {
        if (this.applied >= index) return
        await new Promise<void>((resolve) => this.#waiting.push({ index, resolve }))
      },
    }
    this.database = new OpenDatabase(
      core as DatabaseCore,
      {} as DatabaseReader,
      GATEWAY_DEFAULTS,
      () => this.nowMs,
    )
  }

  apply(index: bigint): void {
    this.applied = index
    for (const waiting of this.#waiting) if (waiting.index <= index) waiting.resolve()
  }

  answer(index: bigint): void {
    this.answers.shift()?.resolve(index)
  }

  /** Confirmed now: everything acknowledged so far is here. */
  async confirm(): Promise<void> {
    const fresh = this.database.fresh({ level: 'linearizable' }, 0n)
    this.answer(this.applied)
    await fresh
  }

  stale(maxStalenessMs?: number): Promise<bigint> {
    const level = { level: 'stale' } as const
    return this.database.fresh(maxStalenessMs === undefined ? level : { ...level, maxStalenessMs }, 0n)
  }
}

/** What a promise is by now. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await new Promise((resolve) => setImmediate(resolve))
  return state
}

test('stale without a bound asks nobody, ever', async () => {
  const follower = new Follower()
  assert.equal(await follower.stale(), 3n)
  follower.nowMs += 1e9
  assert.equal(await follower.stale(), 3n)
  assert.equal(follower.readIndexes, 0)
})

test('stale with a bound asks nobody while the last confirmation is young enough', async () => {
  const follower = new Follower()
  await follower.confirm()
  follower.nowMs += 500
  assert.equal(await follower.stale(500), 3n)
  assert.equal(follower.readIndexes, 1)
})

test('stale with a bound: a member that was never confirmed, or not for longer, confirms before it answers', async () => {
  const follower = new Follower()
  const first = follower.stale(60_000)
  assert.equal(await stateOf(first), 'pending')
  follower.answer(3n)
  assert.equal(await first, 3n)
  follower.nowMs += 60_001
  const second = follower.stale(60_000)
  assert.equal(await stateOf(second), 'pending')
  follower.answer(5n)
  assert.equal(await stateOf(second), 'pending', 'what is confirmed must be applied, too')
  follower.apply(5n)
  assert.equal(await second, 5n)
})

test('stale with a bound on a member that is cut off: an error, and never what was true too long ago', async () => {
  const follower = new Follower()
  await follower.confirm()
  for (const age of [100, 400]) {
    follower.nowMs += age
    const read = follower.stale(499)
    if (age === 100) assert.equal(await read, 3n)
    else {
      follower.answers.shift()?.reject(new HarmonyError('NOT_LEADER', 'No leader.'))
      await assert.rejects(read, { code: 'NOT_LEADER' })
    }
  }
})

test('stale with a bound: the age is counted from when the leader was asked, not from when it answered', async () => {
  const follower = new Follower()
  const slow = follower.database.fresh({ level: 'linearizable' }, 0n)
  follower.nowMs += 400
  follower.answer(3n)
  await slow
  follower.nowMs += 200
  assert.equal(await stateOf(follower.stale(500)), 'pending')
  assert.equal(follower.readIndexes, 2)
})

test('stale with a bound: what is committed and not applied here confirms nothing', async () => {
  const follower = new Follower()
  const linearizable = follower.database.fresh({ level: 'linearizable' }, 0n)
  follower.answer(9n)
  assert.equal(await stateOf(linearizable), 'pending')
  const stale = follower.stale(60_000)
  assert.equal(await stateOf(stale), 'pending', 'the file may be older than the bound by far')
  follower.apply(9n)
  assert.equal(await linearizable, 9n)
})

test('stale with a bound: many reads share one question; a read does not join one that is too old for it', async () => {
  const follower = new Follower()
  const reads = Array.from({ length: 100 }, () => follower.stale(500))
  follower.nowMs += 400
  reads.push(follower.stale(500))
  assert.equal(follower.readIndexes, 1)
  follower.nowMs += 200
  const late = follower.stale(500)
  assert.equal(follower.readIndexes, 2)
  follower.answer(3n)
  assert.equal((await Promise.all(reads)).length, 101)
  assert.equal(await stateOf(late), 'pending')
})

test('a confirmation that comes late does not undo a newer one', async () => {
  const follower = new Follower()
  const old = follower.database.fresh({ level: 'linearizable' }, 0n)
  follower.nowMs += 1_000
  const young = follower.database.fresh({ level: 'linearizable' }, 0n)
  follower.answers[1]?.resolve(3n)
  await young
  follower.answers[0]?.resolve(3n)
  await old
  follower.nowMs += 400
  assert.equal(await follower.stale(500), 3n)
  assert.equal(follower.readIndexes, 2)
})

test('at once: what needs no waiting is read at once, at every level', async () => {
  const follower = new Follower()
  const { database } = follower
  const now = (consistency: Consistency, sessionIndex = 0n): bigint | null =>
    database.freshNow(consistency, sessionIndex)
  assert.equal(now({ level: 'stale' }), null, 'nobody has asked the core yet')
  await follower.stale()
  assert.equal(now({ level: 'stale' }), 3n)
  assert.equal(now({ level: 'session' }, 3n), 3n)
  assert.equal(now({ level: 'session' }, 4n), null)
  assert.equal(now({ level: 'session', index: 4n }, 3n), null)
  assert.equal(now({ level: 'linearizable' }), null)
  assert.equal(now({ level: 'stale', maxStalenessMs: 300 }), null, 'never confirmed')
  await follower.confirm()
  assert.equal(now({ level: 'stale', maxStalenessMs: 300 }), 3n)
  follower.nowMs += 301
  assert.equal(now({ level: 'stale', maxStalenessMs: 300 }), null)
  follower.nowMs += 500
  assert.equal(now({ level: 'stale' }), null, 'the core is asked once in a while')
  follower.known = 3n
  assert.equal(now({ level: 'linearizable' }), 3n)
  follower.known = 4n
  assert.equal(now({ level: 'linearizable' }), null, 'known and not applied')
})
