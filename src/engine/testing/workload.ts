/** Random SQL from one seed: everything that promise P4 names, and whatever is known to be hard to replicate. */

import type { Random } from '../../host/random.ts'
import type { SqlStatement, SqlValue } from '../../base/value.ts'
import { statement } from './test-leader.ts'

export const WORKLOAD_SCHEMA: readonly string[] = [
  `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, chance DEFAULT (random()), made DEFAULT CURRENT_TIMESTAMP,
     day DEFAULT (date('now', '+1 day')), loud AS (upper(name)) VIRTUAL, size AS (length(name)) STORED, parent INTEGER)`,
  'CREATE INDEX item_made ON item (made, size)',
  'CREATE INDEX item_day ON item (date(day)) WHERE name IS NOT NULL',
  `CREATE TABLE counter (id INTEGER PRIMARY KEY AUTOINCREMENT, value, token BLOB DEFAULT (randomblob(8)))`,
  'CREATE TABLE loose (a, b)',
  'CREATE TABLE word (word TEXT PRIMARY KEY, hits INTEGER NOT NULL DEFAULT 1)',
  'CREATE TABLE pair (a TEXT, b INTEGER, note, PRIMARY KEY (a, b)) WITHOUT ROWID',
  'CREATE TABLE audit (what, who INTEGER, at DEFAULT (unixepoch()), seen DEFAULT (changes()), last DEFAULT (last_insert_rowid()))',
  'CREATE TABLE parent (id INTEGER PRIMARY KEY, name)',
  'CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) ON DELETE CASCADE ON UPDATE SET NULL)',
  'CREATE TABLE late (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)',
  'CREATE VIRTUAL TABLE document USING fts5(body, title UNINDEXED)',
  'CREATE VIRTUAL TABLE vocabulary USING fts5vocab(document, row)',
  'CREATE VIRTUAL TABLE place USING rtree(id, x0, x1, y0, y1)',
  'CREATE VIEW both AS SELECT name, hits FROM item LEFT JOIN word ON word = name',
  `CREATE TRIGGER item_insert AFTER INSERT ON item BEGIN
     INSERT INTO audit (what, who) VALUES ('insert', new.id);
     INSERT INTO document (rowid, body, title) VALUES (new.id, new.name, 'item');
   END`,
  `CREATE TRIGGER item_delete AFTER DELETE ON item BEGIN
     INSERT INTO audit (what, who) SELECT 'delete', old.id;
     DELETE FROM document WHERE rowid = old.id;
   END`,
  `CREATE TRIGGER item_guard BEFORE UPDATE ON item WHEN new.chance % 7 = 0 BEGIN SELECT RAISE(IGNORE); END`,
  `CREATE TRIGGER counter_guard BEFORE INSERT ON counter BEGIN
     SELECT CASE new.value WHEN 'abort' THEN RAISE(ABORT, 'aborted') WHEN 'fail' THEN RAISE(FAIL, 'failed')
       WHEN 'rollback' THEN RAISE(ROLLBACK, 'rolled back') WHEN 'ignore' THEN RAISE(IGNORE) END;
   END`,
  `CREATE TRIGGER both_insert INSTEAD OF INSERT ON both BEGIN
     INSERT INTO item (name) VALUES (new.name) ON CONFLICT (name) DO UPDATE SET parent = random() % 100;
     INSERT INTO word (word, hits) VALUES (new.name, new.hits) ON CONFLICT DO NOTHING;
   END`,
]

type Make = (random: Random) => SqlStatement

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)] as T
}

function name(random: Random): string {
  return `${pick(random, ['ash', 'birch', 'cedar', 'dogwood', 'elm'])} ${random.integer(12)}`
}

function small(random: Random): bigint {
  return BigInt(random.integer(40))
}

function value(random: Random): SqlValue {
  return pick<SqlValue>(random, [
    null,
    small(random),
    random.float(),
    name(random),
    random.bytes(3),
    '',
    2n ** 62n,
  ])
}

const WRITES: readonly Make[] = [
  (r) => statement('INSERT INTO item (name) VALUES (?)', name(r)),
  (r) => statement('INSERT OR IGNORE INTO item (name, parent) VALUES (?, last_insert_rowid())', name(r)),
  (r) => statement('INSERT OR REPLACE INTO item (id, name) VALUES (?, ?) RETURNING *', small(r), name(r)),
  (r) => statement('INSERT INTO item (name) VALUES (?), (?), (?)', name(r), name(r), name(r)),
  (r) => statement('INSERT OR FAIL INTO item (name) VALUES (?), (?), (?)', name(r), name(r), name(r)),
  (r) => statement('INSERT OR ROLLBACK INTO item (name) VALUES (?)', name(r)),
  (r) => statement('UPDATE item SET parent = random() % 9, chance = chance + 1 WHERE id = ?', small(r)),
  (r) => statement('UPDATE OR IGNORE item SET name = ? WHERE id > ?', name(r), small(r)),
  (r) =>
    statement(
      'UPDATE item SET parent = (SELECT count(*) FROM audit) WHERE name LIKE ?',
      `${name(r).slice(0, 2)}%`,
    ),
  (r) => statement('DELETE FROM item WHERE id = ? RETURNING id, name', small(r)),
  (r) =>
    statement(
      'DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY random() LIMIT ?)',
      BigInt(r.integer(3)),
    ),
  (r) => statement('INSERT INTO counter (value) VALUES (?) RETURNING id, token', value(r)),
  (r) =>
    statement(
      'INSERT INTO counter (value) VALUES (?)',
      pick(r, ['abort', 'fail', 'rollback', 'ignore', 'fine']),
    ),
  (r) =>
    statement(
      'INSERT INTO counter (value) VALUES (1), (2), (?), (3)',
      pick(r, ['abort', 'fail', 'rollback', 'ignore']),
    ),
  () => statement('INSERT INTO counter (value) SELECT changes() + last_insert_rowid()'),
  (r) => statement('DELETE FROM counter WHERE id % 5 = ?', BigInt(r.integer(5))),
  (r) =>
    statement('INSERT INTO loose (a, b) VALUES (?, random()), (?, hex(randomblob(4)))', value(r), value(r)),
  (r) => statement('UPDATE loose SET b = random() WHERE rowid % 3 = ?', BigInt(r.integer(3))),
  () => statement('DELETE FROM loose WHERE rowid IN (SELECT rowid FROM loose ORDER BY random() LIMIT 2)'),
  (r) =>
    statement('INSERT INTO word (word) VALUES (?) ON CONFLICT (word) DO UPDATE SET hits = hits + 1', name(r)),
  () => statement('INSERT INTO word (word, hits) VALUES (NULL, random())'),
  () => statement('UPDATE word SET hits = hits + abs(random() % 10) WHERE word IS NULL'),
  (r) => statement('INSERT OR REPLACE INTO pair VALUES (?, ?, ?)', name(r), small(r), value(r)),
  (r) => statement('UPDATE pair SET b = b + ? WHERE a = ?', 1n, name(r)),
  (r) => statement('DELETE FROM pair WHERE b > ?', small(r)),
  (r) => statement('INSERT INTO both (name, hits) VALUES (?, ?)', name(r), small(r)),
  (r) => statement('INSERT INTO parent VALUES (?, ?)', small(r), name(r)),
  (r) => statement('INSERT INTO child (parent) VALUES (?)', small(r)),
  (r) => statement('INSERT INTO late (parent) VALUES (?)', small(r)),
  (r) => statement('DELETE FROM parent WHERE id = ?', small(r)),
  (r) => statement('UPDATE parent SET id = id + 50 WHERE id = ?', small(r)),
  (r) => statement('UPDATE document SET body = body || ? WHERE rowid = ?', ` ${name(r)}`, small(r)),
  (r) => statement('DELETE FROM document WHERE document MATCH ?', pick(r, ['ash', 'elm', 'none'])),
  () => statement("INSERT INTO document (document) VALUES ('optimize')"),
  (r) =>
    statement(
      'INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?, ?)',
      small(r),
      r.float(),
      1.5,
      r.float(),
      2.5,
    ),
  (r) => statement('DELETE FROM place WHERE id > ?', small(r)),
  (r) =>
    statement(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO loose (a, b) SELECT i, random() FROM n',
      BigInt(1 + r.integer(60)),
    ),
  () => statement('DELETE FROM loose WHERE a > 20'),
  () => statement('DELETE FROM audit'),
  () => statement("UPDATE audit SET at = datetime('now', '-' || who || ' minutes') WHERE what = 'delete'"),
  () => statement("UPDATE sqlite_sequence SET seq = seq + 3 WHERE name = 'counter'"),
  (r) => statement(`PRAGMA user_version = ${r.integer(1000)}`),
  () => statement('ANALYZE'),
  () => statement('REINDEX item_made'),
]

const SCHEMA_CHANGES: readonly Make[] = [
  (r) =>
    statement(
      `CREATE TABLE IF NOT EXISTS extra${r.integer(3)} (id INTEGER PRIMARY KEY, v DEFAULT (random()))`,
    ),
  (r) => statement(`CREATE TABLE IF NOT EXISTS copy${r.integer(3)} AS SELECT *, random() AS luck FROM item`),
  (r) => statement(`DROP TABLE IF EXISTS extra${r.integer(3)}`),
  (r) => statement(`DROP TABLE IF EXISTS copy${r.integer(3)}`),
  (r) => statement(`ALTER TABLE loose ADD COLUMN c${r.integer(4)} DEFAULT 7`),
  (r) => statement(`ALTER TABLE loose DROP COLUMN c${r.integer(4)}`),
  (r) => statement(`CREATE INDEX IF NOT EXISTS loose_${r.integer(2)} ON loose (b, a)`),
  (r) => statement(`DROP INDEX IF EXISTS loose_${r.integer(2)}`),
  (r) => statement(`INSERT INTO extra${r.integer(3)} (id) VALUES (NULL), (NULL)`),
  () => statement('CREATE VIRTUAL TABLE IF NOT EXISTS note USING fts5(body)'),
  () => statement('DROP TABLE IF EXISTS note'),
  (r) => statement('INSERT INTO note VALUES (?), (?)', name(r), name(r)),
  (r) =>
    statement(
      `CREATE TRIGGER IF NOT EXISTS word_insert AFTER INSERT ON word BEGIN DELETE FROM loose WHERE a = ${r.integer(9)}; END`,
    ),
  () => statement('DROP TRIGGER IF EXISTS word_insert'),
  () => statement('ALTER TABLE parent RENAME COLUMN name TO label'),
  () => statement('ALTER TABLE parent RENAME COLUMN label TO name'),
]

const READS: readonly Make[] = [
  () => statement('SELECT last_insert_rowid(), changes(), random()'),
  (r) => statement('SELECT * FROM item WHERE id = ?', small(r)),
  () => statement("SELECT count(*) FROM document WHERE document MATCH 'ash'"),
  () => statement('SELECT * FROM vocabulary'),
  () => statement('EXPLAIN DELETE FROM item'),
]

const SAVEPOINTS = [
  'SAVEPOINT s1',
  'SAVEPOINT s2',
  'RELEASE s1',
  'ROLLBACK TO s1',
  'ROLLBACK TO s2',
  'RELEASE s2',
]

export function randomStatement(random: Random, isInteractive: boolean): SqlStatement {
  const choice = random.integer(100)
  if (choice < 8) return pick(random, READS)(random)
  if (choice < 14) return pick(random, SCHEMA_CHANGES)(random)
  if (isInteractive && choice < 30) return statement(pick(random, SAVEPOINTS))
  return pick(random, WRITES)(random)
}
