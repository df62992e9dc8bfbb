/** Reads that are answered from memory, on a file that another connection writes, with and without this process being told. */

import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { SeededRandom } from '../host/random.ts'
import { AnswerBudget, Answers, MISSES_BEFORE, SAMPLE } from './answers.ts'
import { FilePosition } from './file-position.ts'
import { HeldSnapshot } from './held-snapshot.ts'
import { Statement } from './statement.ts'
import type { Parameter } from './values.ts'

/** The timer of the snapshot that is opened last: goes off, where it is set, when the test says so. */
function captureTimer(t: TestContext): { fire: () => void } {
  let whenDue: (() => void) | null = null
  let isSet = false
  const set = (): object => {
    isSet = true
    return timer
  }
  const timer = { unref: set, refresh: set }
  t.mock.method(globalThis, 'setTimeout', (fire: () => void) => {
    whenDue = fire
    return set()
  })
  const fire = (): void => {
    if (!isSet) return
    isSet = false
    whenDue?.()
  }
  return { fire }
}

interface World {
  readonly writer: DatabaseSync
  readonly position: FilePosition
  readonly budget: AnswerBudget
  readonly snapshot: HeldSnapshot
  readonly file: string
  readonly prepare: (sql: string) => Statement
  /** Writes, and tells this process. */
  readonly write: (sql: string) => void
}

function createFile(file: string, rows: number): DatabaseSync {
  const writer = new DatabaseSync(file)
  writer.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT, b BLOB);
    CREATE UNIQUE INDEX ts ON t (s);
    WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < ${rows})
    INSERT INTO t SELECT i, i * 10, 'text ' || i, NULL FROM i`)
  return writer
}

function open(t: TestContext, budget: AnswerBudget = new AnswerBudget()): World {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-answers-'))
  const file = join(folder, 'a.sqlite')
  const writer = createFile(file, 100)
  const position = new FilePosition()
  const snapshot = new HeldSnapshot(file, position, budget)
  t.after(() => {
    snapshot.close()
    if (writer.isOpen) writer.close()
    rmSync(folder, { recursive: true })
  })
  const write = (sql: string): void => {
    writer.exec(sql)
    position.noteApplied()
  }
  return { writer, position, budget, snapshot, file, write, prepare: (sql) => new Statement(snapshot, sql) }
}

/** Reads until what is asked for is remembered, where it can be. */
function learn(read: Statement, ...parameters: readonly Parameter[]): void {
  for (let count = 0; count < MISSES_BEFORE + 2 * SAMPLE; count++) read.get(...parameters)
}

/** Whether it is answered without SQLite. */
function isRemembered(read: Statement, ...parameters: readonly Parameter[]): boolean {
  const { misses } = read
  read.get(...parameters)
  return misses > 0 && read.misses === misses
}

const BY_ID = 'SELECT id, n FROM t WHERE id = ?'

test('what was asked for before is answered without SQLite: a row, and that there is none', (t) => {
  const read = open(t).prepare(BY_ID)
  for (const [id, row] of [
    [7, { id: 7, n: 70 }],
    [700, undefined],
  ] as const) {
    learn(read, id)
    assert.ok(isRemembered(read, id))
    assert.deepEqual(read.get(id), row)
  }
})

test('a write is seen by the next read, whatever was remembered', (t) => {
  const { prepare, write } = open(t)
  const [read, byText] = [prepare(BY_ID), prepare('SELECT n FROM t WHERE s = ?')]
  for (let round = 1; round <= 3; round++) {
    for (const id of [1, 2, 999]) learn(read, id)
    learn(byText, 'text 1')
    assert.ok(isRemembered(read, 1) && isRemembered(read, 999) && isRemembered(byText, 'text 1'))
    write(`UPDATE t SET n = ${-round} WHERE id = 1; INSERT INTO t VALUES (999, ${round}, 'new', NULL)`)
    assert.deepEqual(read.get(1), { id: 1, n: -round })
    assert.deepEqual(read.get(2), { id: 2, n: 20 })
    assert.deepEqual(read.get(999), { id: 999, n: round })
    assert.deepEqual(byText.get('text 1'), { n: -round })
    learn(read, 999)
    write('DELETE FROM t WHERE id = 999')
    assert.equal(read.get(999), undefined)
  }
})

test('inside of hold the state stays, and after it the newest is read', (t) => {
  const { prepare, write, snapshot } = open(t)
  const read = prepare(BY_ID)
  snapshot.hold(() => {
    learn(read, 1)
    write('UPDATE t SET n = 0 WHERE id <= 2')
    learn(read, 2)
    assert.deepEqual(
      [read.get(1), read.get(2)],
      [
        { id: 1, n: 10 },
        { id: 2, n: 20 },
      ],
    )
  })
  assert.deepEqual(
    [read.get(1), read.get(2)],
    [
      { id: 1, n: 0 },
      { id: 2, n: 0 },
    ],
  )
})

test('what is remembered outlives the renewal of a state that is the same', (t) => {
  const timer = captureTimer(t)
  const { prepare, position } = open(t)
  const read = prepare(BY_ID)
  learn(read, 1)
  for (let second = 0; second < 3; second++) {
    timer.fire()
    assert.ok(isRemembered(read, 1), 'let go by the timer')
  }
  position.noteApplied()
  assert.ok(isRemembered(read, 1), 'told of what changed nothing')
})

test('a state that was let go is not taken for a later one of which nobody has told', (t) => {
  const timer = captureTimer(t)
  const { prepare, writer } = open(t)
  const read = prepare(BY_ID)
  for (let round = 1; round <= 3; round++) {
    learn(read, 1)
    writer.exec(`UPDATE t SET n = ${-round} WHERE id = 1`)
    timer.fire()
    assert.deepEqual(read.get(1), { id: 1, n: -round })
  }
})

test('what nobody reads for a while is given back', (t) => {
  const timer = captureTimer(t)
  const { prepare, budget } = open(t)
  const read = prepare(BY_ID)
  learn(read, 1)
  timer.fire()
  assert.ok(budget.sizeBytes > 0)
  timer.fire()
  assert.equal(budget.sizeBytes, 0)
  assert.deepEqual(read.get(1), { id: 1, n: 10 })
})

test('closing gives everything back, and nothing is answered afterwards', (t) => {
  const { prepare, budget, snapshot } = open(t)
  const read = prepare(BY_ID)
  learn(read, 1)
  snapshot.close()
  assert.equal(budget.sizeBytes, 0)
  assert.throws(() => read.get(1), { code: 'SHUTTING_DOWN' })
})

test('after a change of the schema rows have its columns', (t) => {
  const { prepare, write } = open(t)
  const read = prepare('SELECT * FROM t WHERE id = ?')
  learn(read, 1)
  write("ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'x'")
  assert.deepEqual(read.get(1), { id: 1, n: 10, s: 'text 1', b: null, more: 'x' })
  learn(read, 1)
  write('DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, other)')
  assert.equal(read.get(1), undefined)
  write('INSERT INTO t VALUES (1, 2)')
  assert.deepEqual(read.get(1), { id: 1, other: 2 })
})

test('after the file was replaced nothing of the earlier one is told', (t) => {
  // The versions that connections count may be equal by chance: with one of these numbers of writes they are.
  for (let writes = 0; writes < 4; writes++) {
    const { prepare, position, file, writer, snapshot, write } = open(t)
    const read = prepare(BY_ID)
    // As a bucket has them, which is not compiled anew.
    const answers = new Answers(snapshot.answers)
    for (let count = 0; count < writes; count++) {
      write('UPDATE t SET s = s')
      snapshot.use()
    }
    for (let count = 0; count < MISSES_BEFORE + SAMPLE; count++) answers.note('key', ['value'], 0)
    assert.ok(answers.find('key') !== undefined)
    learn(read, 50)
    learn(read, 1)
    writer.close()
    const other = createFile(`${file}-new`, 10)
    other.exec('UPDATE t SET n = -1')
    other.close()
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
    renameSync(`${file}-new`, file)
    position.noteReplaced()
    assert.deepEqual(read.get(1), { id: 1, n: -1 })
    assert.equal(read.get(50), undefined)
    assert.equal(answers.find('key'), undefined)
  }
})

test('everyone gets a row of their own and may change it', (t) => {
  const read = open(t).prepare(BY_ID)
  learn(read, 1)
  const row = read.get(1) as Record<string, unknown>
  row['n'] = 'changed'
  delete row['id']
  assert.deepEqual(read.get(1), { id: 1, n: 10 })
  assert.ok(isRemembered(read, 1))
})

test('bytes are read again each time, because they may be changed', (t) => {
  const { prepare, write } = open(t)
  write("UPDATE t SET b = x'0102' WHERE id = 1")
  const read = prepare('SELECT b FROM t WHERE id = ?')
  learn(read, 1)
  const bytes = read.get(1)?.['b']
  assert.ok(bytes instanceof Uint8Array)
  bytes.fill(9)
  assert.deepEqual(read.get(1), { b: new Uint8Array([1, 2]) })
  assert.ok(!isRemembered(read, 1))
})

test('what draws lots or looks at the clock is asked anew', (t) => {
  const { prepare } = open(t)
  for (const sql of [
    'SELECT random() AS v FROM t WHERE id = ?',
    "SELECT strftime('%f', 'now') || random() AS v FROM t WHERE id = ?",
    'SELECT n AS v FROM t WHERE id >= ? ORDER BY random()',
    'SELECT (SELECT random()) AS v FROM t WHERE id = ?',
  ]) {
    const read = prepare(sql)
    learn(read, 1)
    assert.ok(!isRemembered(read, 1), sql)
    assert.equal(read.misses, 0)
  }
  const draw = prepare('SELECT random() AS v FROM t WHERE id = ?')
  learn(draw, 1)
  assert.ok(new Set(Array.from({ length: 20 }, () => draw.get(1)?.['v'])).size > 1)
})

test('integers beyond 2^53 are exact', (t) => {
  const { prepare, write } = open(t)
  write('UPDATE t SET n = 9007199254740993 WHERE id = 1')
  const read = prepare(BY_ID)
  learn(read, 2)
  learn(read, 1)
  learn(read, 3)
  assert.ok([1, 2, 3].every((id) => isRemembered(read, id)))
  const rows = [1, 2, 3].map((id) => read.get(id)?.['n'])
  assert.deepEqual(rows, [9007199254740993n, 20, 30])
})

test('a parameter has the answer of its own, not of one that JavaScript takes for equal', (t) => {
  const { prepare } = open(t)
  const values: readonly Parameter[] = [
    1,
    '1',
    1n,
    true,
    1.5,
    '1.5',
    0,
    -0,
    0n,
    false,
    '',
    NaN,
    null,
    2 ** 53,
    -1,
  ]
  for (const sql of ['SELECT ?1 AS v, id FROM t WHERE id = 1', BY_ID, 'SELECT id FROM t WHERE s = ?']) {
    const read = prepare(sql)
    for (const value of values) learn(read, value)
    for (const value of [...values, ...values.toReversed()])
      assert.deepEqual(read.get(value), read.all(value)[0], `${sql} with ${typeof value} ${String(value)}`)
  }
  assert.throws(() => prepare(BY_ID).get(undefined as unknown as Parameter), { code: 'ARGS_INVALID' })
})

test('statements share one budget, and a state without writes does not fill it beyond', (t) => {
  const budget = new AnswerBudget(10_000)
  const { prepare } = open(t, budget)
  const reads = [prepare(BY_ID), prepare('SELECT s FROM t WHERE id = ?')]
  for (let round = 0; round < 20; round++)
    for (const read of reads)
      for (let id = 1; id <= 100; id++) {
        read.get(id)
        assert.ok(budget.sizeBytes <= 10_000)
      }
  assert.ok(budget.sizeBytes > 9_000)
})

test('property: whatever is written, told, held or let go, get tells what is in the state', (t) => {
  const timer = captureTimer(t)
  for (let seed = 1; seed <= 8; seed++) {
    const { prepare, writer, position, snapshot } = open(
      t,
      new AnswerBudget(seed % 2 === 0 ? 4_000 : 1_000_000),
    )
    const random = new SeededRandom(BigInt(seed))
    const reads = [
      prepare(BY_ID),
      prepare('SELECT n, s FROM t WHERE id = ?'),
      prepare('SELECT id, n FROM t WHERE s = ?'),
    ]
    for (const read of reads) learn(read, 1)
    const compare = (): void => {
      for (let count = random.integer(60); count > 0; count--) {
        const id = 1 + random.integer(40)
        for (const [at, read] of reads.entries()) {
          const parameter = at === 2 ? `text ${id}` : id
          assert.deepEqual(read.get(parameter), read.all(parameter)[0], `seed ${seed}`)
        }
      }
    }
    const steps = [
      () => writer.exec(`UPDATE t SET n = ${random.integer(1000)} WHERE id <= ${random.integer(40)}`),
      () => writer.exec(`DELETE FROM t WHERE id = ${random.integer(40)}`),
      () =>
        writer.exec(
          `INSERT OR IGNORE INTO t VALUES (${1 + random.integer(40)}, 0, 'text ' || ${random.integer(40)}, NULL)`,
        ),
      () => position.noteApplied(),
      () => timer.fire(),
      () => writer.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
      () => learn(reads[random.integer(2)] as Statement, 1 + random.integer(40)),
    ]
    for (let step = 0; step < 60; step++) {
      steps[random.integer(steps.length)]?.()
      // `get` and `all` at one state: what is written by others may be told of in between.
      snapshot.hold(compare)
      compare()
    }
  }
})
