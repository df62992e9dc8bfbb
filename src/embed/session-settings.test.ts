import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { open } from './open.ts'
import { refuseControl, refuseSetting } from './session-settings.ts'

test('a setting that other statements would meet is refused, one that is so already is not', () => {
  for (const sql of ['PRAGMA foreign_keys = OFF', 'pragma foreign_keys(0);', 'PRAGMA defer_foreign_keys=1'])
    assert.throws(() => refuseSetting(sql), { code: 'STATEMENT_REFUSED', message: /foreignKeys: false/ }, sql)
  for (const sql of ['PRAGMA foreign_keys = ON', 'PRAGMA foreign_keys', 'PRAGMA table_info(t)', 'SELECT 1'])
    refuseSetting(sql)
})

test('what would begin or end a transaction is refused where it would begin or end none', () => {
  for (const sql of [
    'BEGIN',
    'begin immediate;',
    'COMMIT',
    'END',
    '/* x */ ROLLBACK',
    'SAVEPOINT a',
    'RELEASE a',
  ])
    assert.throws(
      () => refuseSetting(sql),
      { code: 'STATEMENT_REFUSED', message: /transaction\(work\)/ },
      sql,
    )
  for (const sql of ['BEGIN', 'COMMIT;', 'ROLLBACK TRANSACTION'])
    assert.throws(() => refuseControl(sql), { code: 'STATEMENT_REFUSED', message: /return or throw/ }, sql)
  for (const sql of ['SAVEPOINT a', 'RELEASE a', 'ROLLBACK TO a', 'SELECT 1']) refuseControl(sql)
})

test('a transaction that says COMMIT itself is rolled back', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-settings-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using db = await open(folder)
  await db.execute('CREATE TABLE t (x)')
  const committing = db.transaction(async (tx) => {
    await tx.execute('INSERT INTO t VALUES (1)')
    await tx.execute('COMMIT')
  })
  await assert.rejects(committing, { code: 'STATEMENT_REFUSED' })
  await assert.rejects(db.execute('BEGIN'), { code: 'STATEMENT_REFUSED' })
  await assert.rejects(db.batch(['INSERT INTO t VALUES (1)', 'COMMIT']), { code: 'STATEMENT_REFUSED' })
  assert.deepEqual(db.prepare('SELECT * FROM t').all(), [])
})

test('a table is rebuilt without losing what refers to it, with foreign keys off for this one transaction', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'harmonydb-settings-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using db = await open(folder)
  await db.batch([
    'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
    'CREATE TABLE child (parent REFERENCES parent ON DELETE CASCADE)',
    'INSERT INTO parent VALUES (1)',
    'INSERT INTO child VALUES (1)',
  ])
  await assert.rejects(db.execute('PRAGMA foreign_keys = OFF'), { code: 'STATEMENT_REFUSED' })
  await assert.rejects(db.batch(['PRAGMA foreign_keys = OFF']), { code: 'STATEMENT_REFUSED' })
  await db.transaction(
    async (tx) => {
      await tx.execute('CREATE TABLE rebuilt (id INTEGER PRIMARY KEY, name TEXT)')
      await tx.execute('INSERT INTO rebuilt (id) SELECT id FROM parent')
      await tx.execute('DROP TABLE parent')
      await tx.execute('ALTER TABLE rebuilt RENAME TO parent')
      assert.deepEqual(await tx.all('PRAGMA foreign_key_check'), [])
    },
    { foreignKeys: false },
  )
  assert.equal(db.prepare<{ n: number }>('SELECT count(*) AS n FROM child').get()?.n, 1)
  // Nothing of it is left.
  const orphan = 'INSERT INTO child VALUES (99)'
  await assert.rejects(db.execute(orphan), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
  await assert.rejects(
    db.transaction((tx) => tx.execute(orphan)),
    { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' },
  )
})
