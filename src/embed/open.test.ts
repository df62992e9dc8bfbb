import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarmonyDB } from './open.ts'
import { open } from './open.ts'

async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'harmonydb-embed-'))
}

describe('a database in process', () => {
  let folder: string
  let db: HarmonyDB

  before(async () => {
    folder = await temporaryFolder()
    db = await open(folder)
    await db.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, score INTEGER)')
    await db.execute('CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL)')
  })

  after(async () => {
    await db.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a synchronous read sees a write as soon as it is answered', async () => {
    const read = db.prepare<{ name: string }>('SELECT name FROM users WHERE id = ?')
    for (let id = 1; id <= 50; id++) {
      await db.execute('INSERT INTO users (id, name) VALUES (?, ?)', [id, `user ${id}`])
      assert.equal(read.get(id)?.name, `user ${id}`)
    }
  })

  test('integers beyond 2^53 are exact, in both directions, everywhere', async () => {
    const big = 2n ** 62n + 1n
    await db.execute('INSERT INTO users (id, name, score) VALUES (1000, :name, :score)', {
      name: 'big',
      score: big,
    })
    const read = db.prepare<{ score: bigint; id: number }>('SELECT id, score FROM users WHERE score = :score')
    assert.deepEqual({ ...read.get({ score: big }) }, { id: 1000, score: big })
    assert.deepEqual(
      read.all({ score: big }).map((row) => row.score),
      [big],
    )
    assert.deepEqual(
      [...read.iterate({ score: big })].map((row) => row.score),
      [big],
    )
    const { rows } = await db.execute('SELECT score FROM users WHERE id = ?', [1000])
    assert.deepEqual(rows, [{ score: big }])
  })

  test('a statement that met such an integer gives numbers and bigints as before', async () => {
    const read = db.prepare<{ v: number | bigint }>(
      'SELECT column1 AS v FROM (VALUES (1), (9007199254740993), (2)) LIMIT ?',
    )
    assert.deepEqual(
      read.all(3).map(({ v }) => v),
      [1, 9007199254740993n, 2],
    )
    assert.deepEqual(read.get(1), { v: 1 })
  })

  test('a whole number stays one where it is not looked up as such', async () => {
    const read = db.prepare(
      "SELECT typeof(?1) AS type, ?1 || '' AS text, id FROM users WHERE id > ?1 LIMIT 1",
    )
    assert.deepEqual(read.get(5), { type: 'integer', text: '5', id: 6 })
    const named = db.prepare('SELECT :a AS a, $b AS b')
    assert.deepEqual(named.get({ a: 1, b: 2 }), { a: 1, b: 2 })
    assert.deepEqual(db.prepare('SELECT :a AS a').get(7), { a: 7 })
  })

  test('snapshot gives several reads one state, whatever is written meanwhile', async () => {
    const count = db.prepare<{ n: number }>('SELECT count(*) AS n FROM users')
    let write: Promise<unknown> = Promise.resolve()
    const before = count.get()?.n
    db.snapshot(() => {
      write = db.execute("INSERT INTO users (name) VALUES ('late')")
      const endMs = performance.now() + 300
      while (performance.now() < endMs) assert.equal(count.get()?.n, before)
    })
    await write
    assert.equal(count.get()?.n, (before ?? 0) + 1)
  })

  test('a loop over rows keeps its state and does not hold back other reads', async () => {
    const names = db.prepare<{ id: number }>('SELECT id FROM users ORDER BY id').iterate()
    assert.equal(names.next().value?.id, 1)
    await db.execute('DELETE FROM users WHERE id = 2')
    assert.equal(db.prepare('SELECT 1 FROM users WHERE id = 2').get(), undefined)
    assert.equal(names.next().value?.id, 2)
    names.return()
  })

  test('loops over rows inside of one another, left early or not, each have their own state', async () => {
    const ids = db.prepare<{ id: number }>('SELECT id FROM users WHERE id <= 6 ORDER BY id')
    const seen: number[][] = []
    for (const { id } of ids.iterate()) {
      for (const inner of ids.iterate()) {
        if (inner.id > id) break
        seen.push([id, inner.id])
      }
    }
    const expected = ids.all().flatMap(({ id }) => ids.all().map((inner) => [id, inner.id]))
    assert.deepEqual(
      seen,
      expected.filter(([id = 0, inner = 0]) => inner <= id),
    )
    await db.execute("INSERT INTO users (id, name) VALUES (-1, 'first')")
    assert.equal([...ids.iterate()][0]?.id, -1, 'a connection that is used again sees the newest state')
    await db.execute('DELETE FROM users WHERE id = -1')
    assert.notEqual([...ids.iterate()][0]?.id, -1)
  })

  test('transactions that meet are run again until each had its turn', async () => {
    await db.execute("INSERT INTO counters VALUES ('hits', 0)")
    await Promise.all(
      Array.from({ length: 12 }, () =>
        db.transaction(async (tx) => {
          const row = await tx.get<{ n: number }>("SELECT n FROM counters WHERE name = 'hits'")
          await tx.execute("UPDATE counters SET n = ? WHERE name = 'hits'", [(row?.n ?? 0) + 1])
        }),
      ),
    )
    assert.equal(db.prepare<{ n: number }>("SELECT n FROM counters WHERE name = 'hits'").get()?.n, 12)
  })

  test('a transaction whose function rejects has done nothing', async () => {
    const failure = new Error('changed my mind')
    const attempt = db.transaction(async (tx) => {
      await tx.execute("INSERT INTO counters VALUES ('never', 1)")
      throw failure
    })
    await assert.rejects(attempt, failure)
    assert.equal(db.prepare("SELECT 1 FROM counters WHERE name = 'never'").get(), undefined)
  })

  test('a savepoint undoes its own part', async () => {
    await db.transaction(async (tx) => {
      await tx.execute("INSERT INTO counters VALUES ('kept', 1)")
      const nested = tx.savepoint(async () => {
        await tx.execute("INSERT INTO counters VALUES ('undone', 1)")
        throw new Error('no')
      })
      await assert.rejects(nested)
    })
    const names = db
      .prepare<{ name: string }>("SELECT name FROM counters WHERE name IN ('kept', 'undone')")
      .all()
    assert.deepEqual(
      names.map(({ name }) => name),
      ['kept'],
    )
  })

  test('a batch is all or nothing', async () => {
    const batch = db.batch([
      "INSERT INTO counters VALUES ('a', 1)",
      "INSERT INTO counters VALUES ('hits', 1)",
    ])
    await assert.rejects(batch, { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
    assert.equal(db.prepare("SELECT 1 FROM counters WHERE name = 'a'").get(), undefined)
  })

  test('an aborted statement stops, and rejects with the reason of the signal', async () => {
    const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
    const abort = new AbortController()
    const reading = db.execute(endless, [], { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('too slow')), 100)
    await assert.rejects(reading, /too slow/)
    assert.equal((await db.execute('SELECT 1 AS one')).rows[0]?.['one'], 1)
  })

  test('a write by prepare, several statements and nonsense are refused with a code', () => {
    assert.throws(() => db.prepare('DELETE FROM users'), { code: 'READ_ONLY', message: /db\.execute\(\)/ })
    assert.throws(() => db.prepare('SELECT 1; SELECT 2'), { code: 'SQL_MANY_STATEMENTS' })
    assert.throws(() => db.prepare('SELEC 1'), { code: 'SQL_PARSE_ERROR' })
    assert.throws(() => db.prepare(' -- nothing'), { code: 'SQL_NO_STATEMENT' })
    assert.throws(() => db.prepare('SELECT ?').get(), { code: 'ARGS_INVALID' })
  })

  test('a statement follows a changed schema', async () => {
    const all = db.prepare('SELECT * FROM counters WHERE name = ?')
    await db.execute('ALTER TABLE counters ADD COLUMN note TEXT')
    assert.ok('note' in (all.get('hits') ?? {}))
  })

  test('other databases of the member', async () => {
    const other = await db.createDatabase('other')
    await other.execute('CREATE TABLE t (x)')
    assert.deepEqual(
      (await db.databases()).map(({ name }) => name),
      ['default', 'other'],
    )
    await db.dropDatabase('other')
    await assert.rejects(db.database('other'), { code: 'DATABASE_NOT_FOUND' })
  })

  test('a moment after the last write all of it is in the file itself, where reads are quickest', async () => {
    await db.execute("INSERT INTO counters (name, n) VALUES ('resting', 1)")
    db.prepare('SELECT count(*) FROM counters').get()
    using watcher = new DatabaseSync(join(folder, 'databases', 'default.1.sqlite'))
    const wal = watcher.prepare('PRAGMA wal_checkpoint(NOOP)')
    const isMoved = (): boolean => {
      const { log, checkpointed } = wal.get() as { log: number; checkpointed: number }
      return log === checkpointed
    }
    const deadlineMs = performance.now() + 60_000
    while (!isMoved() && performance.now() < deadlineMs) await sleep(50)
    assert.ok(isMoved())
  })

  test('a folder in use is refused', async () => {
    await assert.rejects(open(folder), { code: 'DATA_LOCKED' })
  })
})

test('what was written is there after close and open, and a closed database says so', async () => {
  const folder = await temporaryFolder()
  {
    await using db = await open(folder)
    await db.execute('CREATE TABLE t (x)')
    await db.execute('INSERT INTO t VALUES (1)')
  }
  const db = await open(folder)
  assert.equal(db.prepare<{ x: number }>('SELECT x FROM t').get()?.x, 1)
  const read = db.prepare('SELECT x FROM t')
  await db.close()
  await db.close()
  assert.throws(() => read.get(), { code: 'SHUTTING_DOWN' })
  await assert.rejects(db.execute('SELECT 1'), { code: 'SHUTTING_DOWN' })
  await rm(folder, { recursive: true, force: true })
})

test('nothing keeps the process alive after close', async () => {
  const folder = await temporaryFolder()
  const program = `import { open } from ${JSON.stringify(new URL('./open.ts', import.meta.url).href)}
    const db = await open(${JSON.stringify(folder)})
    await db.execute('CREATE TABLE t (x)')
    db.prepare('SELECT * FROM t').all()
    await db.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(250_000) })) as [number]
  assert.equal(code, 0)
  await rm(folder, { recursive: true, force: true })
})

test('rows as lists keep columns of the same name apart, everywhere', async () => {
  const folder = await temporaryFolder()
  await using db = await open(folder)
  const sql = 'SELECT 1 AS x, 9007199254740993 AS x, ? AS y'
  const expected = [[1, 9_007_199_254_740_993n, 'y']]
  assert.deepEqual(db.prepare(sql).values('y'), expected)
  assert.deepEqual((await db.execute(sql, ['y'], { rowsAs: 'arrays' })).rows, expected)
  assert.deepEqual(
    (await db.batch([{ sql, parameters: ['y'] }], { rowsAs: 'arrays' })).map(({ rows }) => rows),
    [expected],
  )
  await db.transaction(async (tx) => {
    assert.deepEqual((await tx.execute(sql, ['y'], { rowsAs: 'arrays' })).rows, expected)
  })
  await rm(folder, { recursive: true, force: true })
})
