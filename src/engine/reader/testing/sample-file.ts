/** A database file in a temporary folder, with a connection that writes to it as the engine would. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface SampleFile extends Disposable {
  readonly path: string
  readonly writer: DatabaseSync
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE large (id INTEGER PRIMARY KEY, code TEXT UNIQUE, kind INTEGER, note TEXT);
  CREATE INDEX large_kind ON large (kind);
  CREATE TABLE small (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE keyed (a TEXT, b TEXT, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE VIEW seen AS SELECT id, code FROM large;
  CREATE TABLE _harmony_state ("index" INTEGER);
  INSERT INTO _harmony_state VALUES (1);
`
const ROWS = `
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO large SELECT i, 'c' || i, i % 7, 'note ' || i FROM n;
  INSERT INTO small VALUES (1, 'one'), (2, 'two'), (3, 'three');
  INSERT INTO keyed VALUES ('x', 'y', 'z');
`

export function sampleFile(): SampleFile {
  const folder = mkdtempSync(join(tmpdir(), 'harmonydb-reader-'))
  const path = join(folder, 'data.sqlite')
  const writer = new DatabaseSync(path)
  writer.exec(SCHEMA)
  writer.exec(ROWS)
  return {
    path,
    writer,
    [Symbol.dispose]() {
      writer.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sets what the engine would set when it has applied an entry. */
export function setApplied(file: SampleFile, index: bigint): void {
  file.writer.prepare('UPDATE _harmony_state SET "index" = ?').run(index)
}
