/**
 * The tables that hold all buckets of a database, made with its first one. Ordinary tables: SQL may read and change them, and they are
 * replicated as any other.
 *
 * | table        | holds                                                                                                                |
 * | ------------ | -------------------------------------------------------------------------------------------------------------------- |
 * | `kv_buckets` | buckets by parent and name; row 1 is the root, which has no entries. An id is never used again                        |
 * | `kv_entries` | `key` as bytes; `value` as TEXT or BLOB; `expires_at` in ms of log time, NULL for never                               |
 * | `kv_changes` | the last `CHANGES_KEPT` changes of buckets that somebody watches, in log order; the newest row is never deleted        |
 *
 * Changes are recorded by triggers, so that those made by SQL and those of the sweep are among them. Deleting a bucket takes its entries (a trigger, before
 * the bucket goes, so that they are recorded) and the buckets inside (a foreign key) along.
 *
 * The trigger that trims deletes one row by its number: a `DELETE … WHERE sequence <= …` would be a loop, and a statement that could change many rows is run
 * twice by the engine (its DESIGN.md, "Bounded capture").
 */

/** For all buckets of a database together. */
export const CHANGES_KEPT = 10_000

export const ROOT_ID = 1

/** The time of the entry that the statement is in, in ms: the engine overrides the date functions. */
export const ENTRY_TIME = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)"

/** The time of the last entry that this state of the file has: log time. For reads; statements that write must not look at it. */
export const LOG_TIME = '(SELECT time_ms FROM _harmony_state)'

const isRecorded = (row: 'NEW' | 'OLD'): string =>
  `(SELECT recorded_from FROM kv_buckets WHERE id = ${row}.bucket) IS NOT NULL`

const record = (row: 'NEW' | 'OLD', kind: string, value: string): string =>
  `INSERT INTO kv_changes (bucket, key, kind, value, time_ms) VALUES (${row}.bucket, ${row}.key, ${kind}, ${value}, ${ENTRY_TIME})`

const deleteKind = `CASE WHEN OLD.expires_at <= ${ENTRY_TIME} THEN 'expire' ELSE 'delete' END`

export const CREATE_STATEMENTS: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS kv_buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES kv_buckets (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0,
    recorded_from INTEGER,
    UNIQUE (parent, name)
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS kv_entries (
    bucket INTEGER NOT NULL,
    key BLOB NOT NULL,
    value ANY NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (bucket, key)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS kv_entries_expiry ON kv_entries (expires_at) WHERE expires_at IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS kv_changes (
    sequence INTEGER PRIMARY KEY,
    bucket INTEGER NOT NULL,
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    value ANY,
    time_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE TRIGGER IF NOT EXISTS kv_entries_inserted AFTER INSERT ON kv_entries WHEN ${isRecorded('NEW')}
    BEGIN ${record('NEW', "'put'", 'NEW.value')}; END`,
  `CREATE TRIGGER IF NOT EXISTS kv_entries_updated AFTER UPDATE ON kv_entries WHEN ${isRecorded('NEW')}
    BEGIN ${record('NEW', "'put'", 'NEW.value')}; END`,
  `CREATE TRIGGER IF NOT EXISTS kv_entries_deleted AFTER DELETE ON kv_entries WHEN ${isRecorded('OLD')}
    BEGIN ${record('OLD', deleteKind, 'NULL')}; END`,
  `CREATE TRIGGER IF NOT EXISTS kv_buckets_deleted BEFORE DELETE ON kv_buckets
    BEGIN DELETE FROM kv_entries WHERE bucket = OLD.id; END`,
  `CREATE TRIGGER IF NOT EXISTS kv_changes_trimmed AFTER INSERT ON kv_changes
    BEGIN DELETE FROM kv_changes WHERE sequence = NEW.sequence - ${CHANGES_KEPT}; END`,
  `INSERT INTO kv_buckets (id, parent, name) VALUES (${ROOT_ID}, NULL, '') ON CONFLICT DO NOTHING`,
]
