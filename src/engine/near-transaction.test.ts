/** Interactive transactions on the near connection, and how they move to the far one: nobody can tell where they ran. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { SessionContext } from '../base/transaction.ts'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import { SeededRandom } from '../host/random.ts'
import type { EntryStamp, StatementOutcome } from './engine.ts'
import { NearBegins } from './near-transaction.ts'
import { INSERT, open, run, type Split, warm } from './testing/split-fixture.ts'
import { newReplica, nextStamp, RESULT_BYTES_MAX, statement } from './testing/test-leader.ts'

const SCHEMA = [
  'CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL DEFAULT 0)',
  'CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, account REFERENCES account (id), what UNIQUE, chance DEFAULT (random()))',
]

function randomStatement(random: SeededRandom): SqlStatement {
  const n = BigInt(random.integer(12))
  const all = [
    statement('INSERT INTO account (id) VALUES (?)', n),
    statement('UPDATE account SET balance = balance + 1 WHERE id = ?', n),
    statement('SELECT balance FROM account WHERE id = ?', n),
    statement('INSERT INTO history (account, what) VALUES (?, ?)', n, `event ${random.integer(60)}`),
    statement('INSERT INTO history (account) VALUES (?) RETURNING id, chance', n),
    statement('SELECT last_insert_rowid(), changes()'),
    statement('DELETE FROM history WHERE id = ?', n),
  ]
  const slow = [
    statement('UPDATE account SET balance = balance + 1'),
    statement('SELECT count(*) FROM history, account'),
    statement('INSERT INTO nowhere VALUES (1)'),
  ]
  const from = random.integer(12) === 0 ? slow : all
  return from[random.integer(from.length)] as SqlStatement
}

interface Run {
  readonly outcomes: readonly StatementOutcome[]
  readonly context: SessionContext | null
  readonly isNear: boolean
}

/** One transaction from BEGIN to its end. */
async function transact(
  split: Split,
  statements: readonly SqlStatement[],
  context: SessionContext,
  stamp: EntryStamp,
  end: 'commit' | 'rollback',
): Promise<Run> {
  const { engine, far, log } = split
  assert.deepEqual(await engine.begin({ context, stamp, idempotencyKey: null }), { kind: 'begun' })
  const outcomes: StatementOutcome[] = []
  for (const one of statements) outcomes.push(await engine.execute(one, RESULT_BYTES_MAX))
  if (end === 'rollback') {
    await engine.rollback()
    return { outcomes, context: null, isNear: false }
  }
  const prepared = await engine.prepareCommit()
  if (prepared.kind === 'settled') return { outcomes, context: prepared.context, isNear: false }
  const index = engine.applied.index + 1n
  log.push({ term: 1n, index, payload: prepared.payload })
  const committed = (await engine.commit(1n, index)).outcomes[0]
  assert.equal(committed?.kind, 'committed')
  return { outcomes, context: committed.context, isNear: far.applied.index < index }
}

test(
  'wherever a transaction runs, and wherever it moves to, it does the same',
  { timeout: 300_000 },
  async (context) => {
    for (const seed of [1n, 2n, 3n]) {
      const random = new SeededRandom(seed)
      const [split, alone] = [await open(context), await open(context)]
      for (const text of SCHEMA) for (const engine of [split, alone]) await run(engine, text)
      let session: SessionContext = INITIAL_CONTEXT
      let nearCount = 0
      for (let count = 0; count < 250; count++) {
        const statements = Array.from({ length: 1 + random.integer(5) }, () => randomStatement(random))
        const end = random.integer(6) === 0 ? 'rollback' : 'commit'
        const stamp = nextStamp()
        alone.places = 0
        const told = await transact(split, statements, session, stamp, end)
        const expected = await transact(alone, statements, session, stamp, end)
        assert.deepEqual(told.outcomes, expected.outcomes)
        assert.deepEqual(told.context, expected.context)
        assert.deepEqual(split.engine.applied, alone.engine.applied, 'the digests of both')
        if (told.isNear) nearCount++
        session = told.context ?? session
      }
      assert.ok(nearCount > 20, `${nearCount} ran near`)
      const replica = newReplica(split.folder)
      replica.replay(split.log)
      assert.deepEqual(replica.applied, split.engine.applied)
      assert.deepEqual(replica.contentDigest(), await split.engine.contentDigest())
      replica.close()
    }
  },
)

test('a transaction that has become long moves, with all that it has done', async (context) => {
  const split = await open(context)
  await warm(split)
  await run(split, INSERT, 'c')
  const statements = Array.from({ length: 300 }, (_, at) => statement(INSERT, `value ${at}`))
  const { isNear } = await transact(split, statements, INITIAL_CONTEXT, nextStamp(), 'commit')
  assert.equal(isNear, false)
  const count = await split.engine.begin({
    context: INITIAL_CONTEXT,
    stamp: nextStamp(),
    idempotencyKey: null,
  })
  assert.equal(count.kind, 'begun')
  const outcome = await split.engine.execute(statement('SELECT count(*) FROM t'), RESULT_BYTES_MAX)
  assert.deepEqual(outcome.kind === 'ok' && outcome.result.rows, [[303n]])
  await split.engine.rollback()
})

test('Describe of a text that is not known moves it, too, and sees what it has made', async (context) => {
  const split = await open(context)
  await warm(split)
  await run(split, INSERT, 'c')
  await split.engine.begin({ context: INITIAL_CONTEXT, stamp: nextStamp(), idempotencyKey: null })
  await split.engine.execute(statement(INSERT, 'near'), RESULT_BYTES_MAX)
  const described = await split.engine.describe('SELECT v AS told FROM t')
  assert.equal(described.kind === 'ok' && described.description.columns[0]?.name, 'told')
  const read = await split.engine.execute(statement("SELECT v FROM t WHERE v = 'near'"), RESULT_BYTES_MAX)
  assert.deepEqual(read.kind === 'ok' && read.result.rows, [['near']])
  await split.engine.rollback()
  assert.equal(await run(split, INSERT, 'behind it'), 'near')
})

test('where transactions have to move, they begin far, and near is tried less and less often', () => {
  const begins = new NearBegins()
  const pauses: number[] = []
  for (let round = 0; round < 5; round++) {
    let pause = 0
    while (!begins.isWorthATry()) pause++
    pauses.push(pause)
    begins.moved()
  }
  assert.deepEqual(pauses, [0, 1, 2, 4, 8])
  while (!begins.isWorthATry());
  begins.stayed()
  assert.equal(begins.isWorthATry(), true)
})
