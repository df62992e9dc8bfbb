/** Batches: conditions, atomic ones, and that a transaction sent whole can't be told from one run step by step. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import type { BatchCondition, BatchStep, Session } from '../../src/gateway/session.ts'
import { eventsOf, openHarness, rowsOf, run, sql } from './harness.ts'

function step(text: string, condition: BatchCondition | null = null): BatchStep {
  return { statement: sql(text), condition }
}

const ok = (at: number): BatchCondition => ({ type: 'ok', step: at })
const not = (condition: BatchCondition): BatchCondition => ({ type: 'not', condition })
const IN_TRANSACTION = not({ type: 'is_autocommit' })

/** As libSQL clients send it; `isV3` adds what they add in Hrana 3. */
function transactionSteps(
  texts: readonly string[],
  isV3 = false,
  begin = 'BEGIN IMMEDIATE',
  first = 0,
): BatchStep[] {
  const after = (at: number): BatchCondition =>
    isV3 ? { type: 'and', conditions: [ok(first + at), IN_TRANSACTION] } : ok(first + at)
  const commit = texts.length + 1
  return [
    step(begin),
    ...texts.map((text, at) => step(text, after(at))),
    step('COMMIT', after(commit - 1)),
    step('ROLLBACK', not(ok(first + commit))),
  ]
}

/** The same conditions in a form that nobody recognises, so that the steps run one by one. */
function disguised(steps: readonly BatchStep[]): BatchStep[] {
  return steps.map((each) =>
    each.condition === null ? each : { ...each, condition: { type: 'or', conditions: [each.condition] } },
  )
}

const SCHEMA = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)',
  "INSERT INTO t VALUES (10, 'ten')",
  'CREATE TABLE child (parent INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)',
]

const TRANSACTIONS: readonly (readonly [what: string, texts: readonly string[]])[] = [
  ['writes', ["INSERT INTO t (v) VALUES ('a')", "UPDATE t SET v = 'b' WHERE v = 'a'"]],
  ['writes that return rows', ["INSERT INTO t (v) VALUES ('a'), ('b') RETURNING id, v"]],
  [
    'reads between writes',
    ["INSERT INTO t (v) VALUES ('a')", 'SELECT * FROM t ORDER BY id', 'DELETE FROM t'],
  ],
  ['reads alone', ['SELECT * FROM t', 'SELECT count(*) AS n FROM t']],
  ['a table that it creates itself', ['CREATE TABLE n (x)', 'INSERT INTO n VALUES (1)', 'SELECT x FROM n']],
  [
    'a failing constraint',
    ["INSERT INTO t (v) VALUES ('a')", "INSERT INTO t (v) VALUES ('ten')", 'SELECT 1'],
  ],
  ['an unknown table', ["INSERT INTO t (v) VALUES ('a')", 'SELECT * FROM nowhere', 'SELECT 1']],
  ['a syntax error', ["INSERT INTO t (v) VALUES ('a')", 'SELEKT', 'SELECT 1']],
  ['a COMMIT that fails', ['INSERT INTO child VALUES (99)', "INSERT INTO t (v) VALUES ('a')"]],
  ['session functions', ["INSERT INTO t (v) VALUES ('a')", 'SELECT last_insert_rowid(), changes()']],
]

async function outcomeOf(session: Session, steps: readonly BatchStep[]): Promise<unknown> {
  const events = await eventsOf(session, steps)
  const rows = await rowsOf(session, 'SELECT * FROM t ORDER BY id')
  const functions = await rowsOf(session, 'SELECT last_insert_rowid(), changes()')
  return { events, rows, functions, isAutocommit: session.isAutocommit }
}

for (const isV3 of [false, true])
  for (const [what, texts] of TRANSACTIONS)
    test(`sent whole or step by step, the same comes back: ${what}${isV3 ? ' (Hrana 3)' : ''}`, async () => {
      const steps = transactionSteps(texts, isV3)
      const outcomes: unknown[] = []
      for (const variant of [steps, disguised(steps)]) {
        await using harness = await openHarness()
        const session = await harness.session()
        await run(session, ...SCHEMA)
        const before = harness.member.replica('default')?.stats().transactions ?? 0
        outcomes.push(await outcomeOf(session, variant))
        const begun = (harness.member.replica('default')?.stats().transactions ?? 0) - before
        const isWhole = variant === steps && what !== 'reads alone'
        assert.equal(begun > 0, !isWhole, isWhole ? 'sent whole' : 'held the writer step by step')
      }
      assert.deepEqual(outcomes[0], outcomes[1])
    })

test('a migration: foreign keys off, a transaction, foreign keys on, in one batch', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE p (id INTEGER PRIMARY KEY)', 'CREATE TABLE c (p REFERENCES p (id))')
  const steps = [
    step('PRAGMA foreign_keys=off'),
    ...transactionSteps(['INSERT INTO c VALUES (5)', 'INSERT INTO c VALUES (6)'], false, 'BEGIN', 1),
    step('PRAGMA foreign_keys=on'),
  ]
  const events = await eventsOf(session, steps)
  assert.deepEqual(
    events.filter((event) => (event as string[])[0] === 'error'),
    [],
  )
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM c'), [[2n]])
  await assert.rejects(session.execute(sql('INSERT INTO c VALUES (7)')), {
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  })
})

test('conditions: ok, error (also of a skipped step), not, and, or, is_autocommit', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  const ran = async (condition: BatchCondition): Promise<boolean> => {
    const steps = [step('SELECT 1'), step('SELEKT'), step('SELECT 2', ok(1)), step('SELECT 3', condition)]
    return (await eventsOf(session, steps)).some((event) => (event as unknown[])[1] === 3)
  }
  assert.equal(await ran(ok(0)), true)
  assert.equal(await ran({ type: 'error', step: 0 }), false)
  assert.equal(await ran({ type: 'error', step: 1 }), true)
  assert.equal(await ran({ type: 'error', step: 2 }), true, 'as the reference server does')
  assert.equal(await ran(not(ok(2))), true)
  assert.equal(await ran({ type: 'and', conditions: [ok(0), ok(1)] }), false)
  assert.equal(await ran({ type: 'or', conditions: [ok(0), ok(1)] }), true)
  assert.equal(await ran({ type: 'is_autocommit' }), true)
  assert.equal(await ran(IN_TRANSACTION), false)
})

test('a condition that names its own step or a later one fails the whole batch', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  for (const condition of [ok(1), ok(7), not(ok(1)), ok(-1)])
    await assert.rejects(eventsOf(session, [step('CREATE TABLE t (x)'), step('SELECT 1', condition)]), {
      code: 'REQUEST_INVALID',
    })
  assert.deepEqual(await rowsOf(session, "SELECT count(*) FROM sqlite_schema WHERE name = 't'"), [[0n]])
})

test('executeAtomic: all or nothing, in one entry', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, ...SCHEMA)
  const before = session.lastIndex
  const results = await session.executeAtomic([
    sql("INSERT INTO t (v) VALUES ('a') RETURNING id"),
    sql('SELECT count(*) FROM t'),
  ])
  assert.deepEqual(
    results.map(({ rows }) => rows),
    [[[11n]], [[2n]]],
  )
  assert.equal(session.lastIndex, before + 1n)
  await assert.rejects(
    session.executeAtomic([sql("INSERT INTO t (v) VALUES ('b')"), sql("INSERT INTO t (v) VALUES ('ten')")]),
    { code: 'SQLITE_CONSTRAINT_UNIQUE' },
  )
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[2n]])
  await assert.rejects(session.executeAtomic([sql('BEGIN')]), { code: 'STATEMENT_REFUSED' })
  await run(session, 'BEGIN')
  await assert.rejects(session.executeAtomic([sql('SELECT 1')]), { code: 'TRANSACTION_ACTIVE' })
})

test('executeAtomic of reads sees one state and leaves the writer alone', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, ...SCHEMA)
  const before = session.lastIndex
  const [all, count] = await session.executeAtomic([sql('SELECT * FROM t'), sql('SELECT count(*) FROM t')])
  assert.deepEqual([all?.rows, count?.rows], [[[10n, 'ten']], [[1n]]])
  assert.equal(session.lastIndex, before)
  assert.equal(session.isAutocommit, true)
})

/** How often the event loop turns, which lets others do their work, while `work` goes on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let next = setImmediate(function turn() {
    turns++
    next = setImmediate(turn)
  })
  await work()
  clearImmediate(next)
  return turns
}

test('thousands of quick statements in one call let others do their work in between', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'SELECT 1')
  const texts = Array.from({ length: 10_000 }, () => 'SELECT 1')
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    batch: () =>
      eventsOf(
        session,
        texts.map((text) => step(text)),
      ),
    atomic: () => session.executeAtomic(texts.map((text) => sql(text))),
    script: () => session.sequence(texts.join(';')),
  }
  for (const [name, work] of Object.entries(works)) {
    const turns = await turnsDuring(work)
    assert.ok(turns >= 3, `${name}: the event loop turned ${turns} times`)
  }
})

test('a call of too many statements is refused before any of them has run', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (x)')
  const texts = Array.from({ length: 10_001 }, () => 'INSERT INTO t VALUES (1)')
  const refusal = { code: 'REQUEST_INVALID', message: /10000 statements/ }
  await assert.rejects(session.executeAtomic(texts.map((text) => sql(text))), refusal)
  await assert.rejects(session.sequence(texts.join(';')), refusal)
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[0n]])
})

test('a script runs up to its first error', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await session.sequence("CREATE TABLE s (x); INSERT INTO s VALUES (';'); -- done\n")
  const failing = session.sequence('INSERT INTO s VALUES (2); SELEKT; INSERT INTO s VALUES (3)')
  await assert.rejects(failing, { message: /SELEKT/ })
  assert.deepEqual(await rowsOf(session, 'SELECT x FROM s'), [[';'], [2n]])
})

test('describe tells parameters, columns, EXPLAIN and read-only, and runs nothing', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, ...SCHEMA)
  assert.deepEqual(await session.describe('INSERT INTO t VALUES (:id, ?) RETURNING v'), {
    parameters: [':id', null],
    columns: [{ name: 'v', declaredType: 'TEXT' }],
    isExplain: false,
    isReadOnly: false,
  })
  assert.equal((await session.describe('COMMIT')).isReadOnly, true)
  await assert.rejects(session.describe('SELECT 1; SELECT 2'), { code: 'SQL_MANY_STATEMENTS' })
})

test('foreign_keys belongs to the session and can not be changed inside a transaction', async () => {
  await using harness = await openHarness()
  const [one, other] = [await harness.session(), await harness.session()]
  await run(one, 'CREATE TABLE p (id INTEGER PRIMARY KEY)', 'CREATE TABLE c (p REFERENCES p (id))')
  const orphan = 'INSERT INTO c VALUES (5)'
  assert.deepEqual(await rowsOf(one, 'PRAGMA foreign_keys'), [[1n]])
  await assert.rejects(one.execute(sql(orphan)), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
  await run(one, 'BEGIN', 'PRAGMA foreign_keys = OFF')
  assert.deepEqual(await rowsOf(one, 'PRAGMA foreign_keys'), [[1n]])
  await run(one, 'ROLLBACK', 'PRAGMA foreign_keys = OFF', orphan, 'BEGIN', orphan, 'COMMIT')
  assert.deepEqual(await rowsOf(one, 'PRAGMA foreign_keys'), [[0n]])
  assert.deepEqual(await rowsOf(other, 'PRAGMA foreign_keys'), [[1n]])
  await assert.rejects(other.execute(sql(orphan)), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
})

test('defer_foreign_keys holds for one transaction', async () => {
  await using harness = await openHarness()
  const one = await harness.session()
  await run(one, 'CREATE TABLE p (id INTEGER PRIMARY KEY)', 'CREATE TABLE c (p REFERENCES p (id))')
  const [orphan, parent] = ['INSERT INTO c VALUES (5)', 'INSERT INTO p VALUES (5)']
  await run(one, 'BEGIN', 'PRAGMA defer_foreign_keys = ON')
  assert.deepEqual(await rowsOf(one, 'PRAGMA defer_foreign_keys'), [[1n]])
  await run(one, orphan, parent, 'COMMIT', 'DELETE FROM c', 'DELETE FROM p')
  assert.deepEqual(await rowsOf(one, 'PRAGMA defer_foreign_keys'), [[0n]])
  await run(
    one,
    'PRAGMA defer_foreign_keys = ON',
    'BEGIN',
    orphan,
    parent,
    'COMMIT',
    'DELETE FROM c',
    'DELETE FROM p',
  )
  await run(one, 'BEGIN')
  await assert.rejects(one.execute(sql(orphan)), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
})

const THOUSAND = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)'

/** How each step ended: how many rows it gave, or the code of its error. */
async function endsOf(
  session: Session,
  steps: readonly BatchStep[],
  rowsBytesMax: number,
): Promise<string[]> {
  const ends: string[] = []
  let rows = 0
  for await (const event of session.batch(steps, { rowsBytesMax })) {
    if (event.type === 'step_begin') rows = 0
    else if (event.type === 'rows') rows += event.rows.length
    else if (event.type === 'step_end') ends.push(`${event.step}: ${rows}`)
    else ends.push(`${event.step}: ${(event.error as Error & { code: string }).code}`)
  }
  return ends
}

test('rows of what is done are told, whatever their size; steps behind them do not run', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (i)')
  const insert = `${THOUSAND} INSERT INTO t SELECT i FROM n RETURNING i`
  for (const transaction of [transactionSteps([insert]), disguised(transactionSteps([insert]))]) {
    assert.deepEqual(await endsOf(session, transaction, 1000), ['0: 0', '1: 1000', '2: 0'])
    assert.equal(session.isAutocommit, true)
  }
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[2000n]])
  const lone = [step(insert), step('DELETE FROM t'), step('SELECT 1')]
  assert.deepEqual(await endsOf(session, lone, 1000), [
    '0: 1000',
    '1: RESPONSE_TOO_LARGE',
    '2: RESPONSE_TOO_LARGE',
  ])
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[3000n]])
})

test('a transaction whose rows are too many is rolled back, step by step too', async () => {
  await using harness = await openHarness()
  const session = await harness.session()
  await run(session, 'CREATE TABLE t (i)')
  const steps = disguised(
    transactionSteps(["INSERT INTO t VALUES ('a')", `${THOUSAND} SELECT i FROM n`, 'SELECT 1']),
  )
  const reading = disguised(
    transactionSteps([`${THOUSAND} SELECT i FROM n`, 'DELETE FROM t'], false, 'BEGIN'),
  )
  const read = await endsOf(session, reading, 1000)
  assert.deepEqual(read, ['0: 0', '1: RESPONSE_TOO_LARGE', '4: 0'])
  assert.equal(session.isAutocommit, true)
  // Reads of a transaction that has written are the writer's: they come whole, and fill the limit for what is behind them.
  assert.deepEqual(await endsOf(session, steps, 1000), [
    '0: 0',
    '1: 0',
    '2: 1000',
    '3: RESPONSE_TOO_LARGE',
    '5: 0',
  ])
  assert.deepEqual(await rowsOf(session, 'SELECT count(*) FROM t'), [[0n]])
})
