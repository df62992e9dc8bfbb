/** Batches on the near connection: sessions that share it, and requests that come while one runs. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { TransactionRequest } from '../base/transaction.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import { SeededRandom } from '../host/random.ts'
import type { MoreRequests } from './engine.ts'
import { INSERT, open, run, submit, TABLE, warm } from './testing/split-fixture.ts'
import { nextStamp, request, statement } from './testing/test-leader.ts'

test(
  'sessions that share a near connection each hear what SQLite alone would tell them',
  { timeout: 300_000 },
  async (context) => {
    for (const seed of [11n, 12n, 13n]) {
      const random = new SeededRandom(seed)
      const [split, alone] = [await open(context), await open(context)]
      const sessions = Array.from({ length: 5 }, () => INITIAL_CONTEXT)
      for (const text of SESSIONS_SCHEMA) for (const engine of [split, alone]) await run(engine, text)
      let [nearCount, joinedCount] = [0, 0]
      for (let batch = 0; batch < 400; batch++) {
        const asked = Array.from({ length: 1 + random.integer(5) }, () => random.integer(sessions.length))
        const takers = [...new Set(asked)]
        const requests = takers.map((session) =>
          request(
            Array.from({ length: random.integer(4) === 0 ? 2 : 1 }, () => sessionStatement(random)),
            {
              context: sessions[session] ?? INITIAL_CONTEXT,
            },
          ),
        )
        const stamp = nextStamp()
        // Without its near connection the other one runs everything as it always did.
        alone.places = 0
        const first = 1 + random.integer(requests.length)
        const told = await submit(split, requests.slice(0, first), stamp, oneByOne(requests.slice(first)))
        // What came later and could not run near stays behind.
        const taken = requests.slice(0, told.outcomes.length)
        assert.deepEqual(told.outcomes, (await submit(alone, taken, stamp)).outcomes)
        if (taken.length > first) joinedCount++
        assert.deepEqual(split.engine.applied, alone.engine.applied, 'the digests of both')
        if (told.by === 'near') nearCount++
        for (const [at, session] of takers.entries()) {
          const outcome = told.outcomes[at]
          if (outcome?.kind === 'committed') sessions[session] = outcome.context
        }
      }
      assert.ok(nearCount > 200 && joinedCount > 100, `${nearCount} ran near, others joined ${joinedCount}`)
      assert.equal(alone.engine.isNearOpen, false)
    }
  },
)

const SESSIONS_SCHEMA = [
  'CREATE TABLE plain (id INTEGER PRIMARY KEY, a UNIQUE, b DEFAULT 1)',
  'CREATE TABLE sequence (id INTEGER PRIMARY KEY AUTOINCREMENT, a NOT NULL)',
  'CREATE TABLE keyed (id INTEGER PRIMARY KEY, a) WITHOUT ROWID',
]

function sessionStatement(random: SeededRandom): ReturnType<typeof statement> {
  const n = BigInt(random.integer(30))
  const all = [
    statement('INSERT INTO plain (a) VALUES (?)', n),
    statement('INSERT INTO plain (id, a) VALUES (?, ?), (?, ?)', n, n, n + 1n, n + 2n),
    statement('INSERT OR IGNORE INTO plain (a) VALUES (?), (?)', n, n + 1n),
    statement('REPLACE INTO plain (id, a) VALUES (?, ?)', n, n),
    statement('INSERT INTO plain (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = b + 1', n),
    statement('INSERT INTO plain (a) VALUES (?) ON CONFLICT DO NOTHING', n),
    statement('INSERT INTO plain (a, b) VALUES (?, last_insert_rowid())', n),
    statement('INSERT INTO sequence (a) VALUES (?)', n % 5n === 0n ? null : n),
    statement('INSERT INTO sequence (a) VALUES (?) RETURNING id', n),
    statement('INSERT INTO keyed VALUES (?, ?)', n, n),
    statement('UPDATE plain SET b = b + 1 WHERE id = ?', n),
    statement('DELETE FROM plain WHERE id = ?', n),
    statement('DELETE FROM keyed WHERE id = ? RETURNING a', n),
    statement('SELECT last_insert_rowid(), changes()'),
  ]
  return all[random.integer(all.length)] as ReturnType<typeof statement>
}

/** Each comes in a turn of the event loop of its own. */
function oneByOne(requests: readonly TransactionRequest[]): MoreRequests {
  const left = [...requests]
  return async () => {
    await new Promise((resolve) => setImmediate(resolve))
    const next = left.shift()
    return next === undefined ? null : [next]
  }
}

test('who comes while a batch runs near joins it; what has to run far stays behind, and nobody is asked again', async (context) => {
  const split = await open(context)
  await warm(split)
  await run(split, INSERT, 'c')
  const asked: string[] = []
  const waiting = ['x', 'CREATE TABLE other (id INTEGER PRIMARY KEY)', 'never asked']
  const more: MoreRequests = async () => {
    const next = waiting.shift() ?? ''
    asked.push(next)
    return [request([next.startsWith('CREATE') ? next : statement(INSERT, next)])]
  }
  const { by, outcomes } = await submit(split, [request([statement(INSERT, 'first')])], nextStamp(), more)
  assert.equal(by, 'near')
  assert.equal(outcomes.length, 2)
  assert.deepEqual(asked, ['x', 'CREATE TABLE other (id INTEGER PRIMARY KEY)'])
})

test('where a batch has to run far, it goes there with all who come meanwhile', async (context) => {
  const split = await open(context)
  await run(split, TABLE)
  const later = ['b', 'c'].map((value) => request([statement(INSERT, value)]))
  const first = request([statement(INSERT, 'a')])
  const { by, outcomes } = await submit(split, [first], nextStamp(), oneByOne(later))
  assert.equal(by, 'far')
  assert.equal(outcomes.length, 3)
})

test('an engine that is closed while a batch waits for others has done nothing of it', async (context) => {
  const split = await open(context)
  await warm(split)
  await run(split, INSERT, 'c')
  const more: MoreRequests = async () => {
    await split.engine.close()
    return [request([statement(INSERT, 'late')])]
  }
  const batch = split.engine.executeBatch([request([statement(INSERT, 'x')])], nextStamp(), more)
  await assert.rejects(batch, { code: 'SHUTTING_DOWN' })
  const file = new DatabaseSync(split.dataFile)
  const values = file.prepare('SELECT v FROM t').all()
  assert.deepEqual(
    values.map(({ v }) => v),
    ['a', 'b', 'c'],
  )
  file.close()
})
