/** The tables. All of it is ordinary SQLite, triggers included; every member has the same. */

import type { Database } from 'harmonydb'
import { sureWrite } from './sure-write.ts'

const TABLES = [
  `CREATE TABLE IF NOT EXISTS users (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE COLLATE NOCASE,
     password TEXT NOT NULL,
     created_at INTEGER NOT NULL DEFAULT (unixepoch())
   ) STRICT`,
  `CREATE TABLE IF NOT EXISTS sessions (
     token_hash BLOB PRIMARY KEY,
     user_id INTEGER NOT NULL REFERENCES users,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS threads (
     id INTEGER PRIMARY KEY,
     title TEXT NOT NULL,
     author_id INTEGER NOT NULL REFERENCES users,
     created_at INTEGER NOT NULL DEFAULT (unixepoch()),
     post_count INTEGER NOT NULL DEFAULT 0,
     last_post_id INTEGER NOT NULL DEFAULT 0
   ) STRICT`,
  'CREATE INDEX IF NOT EXISTS threads_by_activity ON threads (last_post_id)',
  // AUTOINCREMENT: a number is never used again, so that the last one that a browser has seen is a safe place to go on from.
  `CREATE TABLE IF NOT EXISTS posts (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     thread_id INTEGER NOT NULL REFERENCES threads,
     author_id INTEGER NOT NULL REFERENCES users,
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL DEFAULT (unixepoch())
   ) STRICT`,
  'CREATE INDEX IF NOT EXISTS posts_by_thread ON posts (thread_id)',
  `CREATE TRIGGER IF NOT EXISTS posts_counted AFTER INSERT ON posts BEGIN
     UPDATE threads SET post_count = post_count + 1, last_post_id = new.id WHERE id = new.thread_id;
   END`,
  // How many browsers each process has, as it last said.
  `CREATE TABLE IF NOT EXISTS presence (
     process TEXT PRIMARY KEY,
     online INTEGER NOT NULL,
     seen_at INTEGER NOT NULL DEFAULT (unixepoch())
   ) STRICT, WITHOUT ROWID`,
]

/** Safe to run by all processes at once, and at every start. */
export async function createTables(db: Database): Promise<void> {
  await sureWrite(() => db.batch(TABLES))
}
