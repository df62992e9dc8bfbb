/**
 * The tables of the catalog, which is a database like any other, with group 0. Its schema has a version, and each step from one to the next is
 * one transaction; a member that finds a version beyond its own leaves the catalog alone and says so.
 *
 * Version 0 is a catalog of one member that knew no cluster: it had `databases`, and nothing else.
 */

import type { SqlStatement, SqlValue } from '../base/value.ts'

export const CATALOG_GROUP = 0
export const CATALOG_NAME = '_catalog'
export const CATALOG_VERSION = 1

export function statement(sql: string, ...positional: SqlValue[]): SqlStatement {
  return { sql, args: { positional, named: [] } }
}

const DATABASES = `CREATE TABLE IF NOT EXISTS databases (
  "group" INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'dropping')),
  created_at TEXT NOT NULL
) STRICT`
const NAMES_ARE_UNIQUE = `CREATE UNIQUE INDEX IF NOT EXISTS names ON databases (name) WHERE state = 'open'`

/**
 * Members that a group begins with, as JSON lists; what becomes of them later is in the group's own log. A database without a row here is
 * from version 0, where member 1 was alone.
 */
const INITIAL_REPLICAS = `CREATE TABLE initial_replicas (
  "group" INTEGER PRIMARY KEY,
  voters TEXT NOT NULL,
  learners TEXT NOT NULL
) STRICT`

const CLUSTER = `CREATE TABLE cluster (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  id TEXT NOT NULL,
  schema_version INTEGER NOT NULL
) STRICT`

/** Numbers are never given out twice, so a row stays when its member is removed. */
const MEMBERS = `CREATE TABLE members (
  member INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('expected', 'active', 'removed')),
  role TEXT NOT NULL CHECK (role IN ('voter', 'learner')),
  seat INTEGER NOT NULL,
  token TEXT UNIQUE,
  peer_address TEXT,
  http_address TEXT,
  postgres_address TEXT,
  joined_at TEXT NOT NULL
) STRICT`
const ADDRESSES_ARE_UNIQUE = `CREATE UNIQUE INDEX peer_addresses ON members (peer_address) WHERE status <> 'removed'`
const SEATS_ARE_UNIQUE = `CREATE UNIQUE INDEX seats ON members (seat) WHERE status <> 'removed'`

export interface Founder {
  readonly cluster: string
  readonly token: string
  readonly name: string
}

/** From version 0, or from nothing, to 1: the first member is in it. `firstDatabases` only where there was nothing. */
export function foundingStatements(
  { cluster, token, name }: Founder,
  firstDatabases: readonly string[],
): readonly SqlStatement[] {
  return [
    statement(DATABASES),
    statement(NAMES_ARE_UNIQUE),
    statement(INITIAL_REPLICAS),
    statement(CLUSTER),
    statement('INSERT INTO cluster VALUES (1, ?, 1)', cluster),
    statement(MEMBERS),
    statement(ADDRESSES_ARE_UNIQUE),
    statement(SEATS_ARE_UNIQUE),
    statement(
      `INSERT INTO members (member, name, status, role, seat, token, joined_at) VALUES (1, ?, 'active', 'voter', 0, ?, datetime('now'))`,
      name,
      token,
    ),
    ...firstDatabases.map((database) =>
      statement(
        `INSERT INTO databases (name, state, created_at) VALUES (?, 'open', datetime('now'))`,
        database,
      ),
    ),
  ]
}
