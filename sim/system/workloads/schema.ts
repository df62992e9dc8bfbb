/**
 * Everything that statements can do to a database and that replicas must do alike: tables that come and go, columns and
 * indexes added under load, triggers, cascades, full text, hidden rowids, chance and time in defaults and in WHERE. Nothing is expected of single
 * answers; the comparison of all replicas' content is the check.
 */

import { run } from '../client.ts'
import type { Client } from '../client.ts'
import type { Random } from '../../random.ts'
import { Workload } from './workload.ts'

type Statement = (random: Random, table: string) => string

const STATEMENTS: readonly Statement[] = [
  (_, table) =>
    `CREATE TABLE IF NOT EXISTS ${table} (a TEXT DEFAULT (hex(randomblob(3))), b REAL DEFAULT (random()), c DEFAULT CURRENT_TIMESTAMP)`,
  (_, table) =>
    `CREATE TABLE IF NOT EXISTS ${table}_parent (id INTEGER PRIMARY KEY AUTOINCREMENT, n, m GENERATED ALWAYS AS (n * 2))`,
  (_, table) =>
    `CREATE TABLE IF NOT EXISTS ${table}_child (parent REFERENCES ${table}_parent ON DELETE CASCADE, k, PRIMARY KEY (parent, k)) WITHOUT ROWID`,
  (_, table) => `CREATE VIRTUAL TABLE IF NOT EXISTS ${table}_text USING fts5(body)`,
  (random, table) => `ALTER TABLE ${table} ADD COLUMN d${random.integer(1, 99)} DEFAULT 'x'`,
  (random, table) => `CREATE INDEX IF NOT EXISTS ${table}_i${random.integer(1, 3)} ON ${table} (b, a)`,
  (random, table) => `DROP INDEX IF EXISTS ${table}_i${random.integer(1, 3)}`,
  (_, table) => `DROP TABLE IF EXISTS ${table}`,
  (_, table) => `INSERT INTO ${table} DEFAULT VALUES`,
  (_, table) => `INSERT INTO ${table} (a) VALUES (NULL), (hex(randomblob(2))), ('same'), ('same')`,
  (_, table) => `INSERT INTO ${table} (rowid, a) VALUES (abs(random() % 1000), 'by rowid')`,
  (random, table) =>
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} ORDER BY random() LIMIT ${random.integer(1, 4)})`,
  (random, table) =>
    `UPDATE ${table} SET b = b + random() % 10 WHERE rowid % 3 = ${random.integer(0, 2)} RETURNING *`,
  (random, table) => `INSERT INTO ${table}_parent (n) VALUES (${random.integer(1, 9)})`,
  (random, table) =>
    `INSERT OR REPLACE INTO ${table}_child SELECT id, ${random.integer(1, 5)} FROM ${table}_parent`,
  (_, table) => `DELETE FROM ${table}_parent WHERE id = (SELECT min(id) FROM ${table}_parent)`,
  (random, table) => `INSERT INTO ${table}_text VALUES ('word${random.integer(1, 20)} and ' || random())`,
  (random, table) => `DELETE FROM ${table}_text WHERE ${table}_text MATCH 'word${random.integer(1, 20)}'`,
  (
    _,
    table,
  ) => `CREATE TRIGGER IF NOT EXISTS ${table}_t AFTER INSERT ON ${table} WHEN (SELECT count(*) FROM ${table}) > 20
    BEGIN DELETE FROM ${table} WHERE rowid = (SELECT min(rowid) FROM ${table}); END`,
  (_, table) => `PRAGMA user_version = ${table.length}`,
]

export class Schema extends Workload {
  readonly name = 'schema'

  protected async serve(client: Client): Promise<void> {
    await client.repeat(() => this.#operate(client))
  }

  async #operate(client: Client): Promise<void> {
    const { random } = client
    const table = `s${random.integer(1, 3)}`
    const count = random.pick([1, 1, 2, 5])
    const statements = Array.from({ length: count }, () => random.pick(STATEMENTS)(random, table))
    const answer = await client.ask(async (session) => {
      if (statements.length > 1) await run(session, 'BEGIN')
      for (const sql of statements) await run(session, sql)
      if (statements.length > 1) await run(session, 'COMMIT')
    })
    this.counts[answer.kind]++
  }
}
