/** The catalog as the replica on this member has it: read from its SQLite file, whole, whenever it has moved. */

import { DatabaseSync } from 'node:sqlite'
import { HarmonyError } from '../base/errors.ts'
import { CATALOG_VERSION } from './catalog-schema.ts'
import type { MemberRole, MemberState } from './cluster-state.ts'

export interface DatabaseRow {
  readonly group: number
  readonly name: string
  readonly state: 'open' | 'dropping'
  readonly initialVoters: readonly number[]
  readonly initialLearners: readonly number[]
}

export interface MemberRow {
  readonly member: number
  readonly name: string
  readonly status: MemberState['status']
  readonly role: MemberRole
  readonly seat: number
  readonly peerAddress: string | null
  readonly httpAddress: string | null
  readonly postgresAddress: string | null
}

/** One state of the catalog. */
export interface CatalogContent {
  /** Empty while nobody has founded the cluster in it. */
  readonly cluster: string
  /** There is no table at all: nobody has ever used it. Version 0 has databases and no cluster. */
  readonly isNew: boolean
  readonly members: readonly MemberRow[]
  readonly databases: readonly DatabaseRow[]
  /** The highest number that a database was ever given. */
  readonly lastGroup: number
}

export const EMPTY_CATALOG: CatalogContent = {
  cluster: '',
  isNew: true,
  members: [],
  databases: [],
  lastGroup: 0,
}

/**
 * Opened and closed each time: it is read when it changes, which is rare, and a connection that is held would go on reading a file that a
 * snapshot has replaced. Throws FORMAT_TOO_NEW for a catalog of a later version.
 */
export function readCatalog(dataFile: string): CatalogContent {
  const db = new DatabaseSync(dataFile, { readOnly: true, timeout: 1_000 })
  try {
    db.exec('BEGIN')
    return readTables(db)
  } finally {
    db.close()
  }
}

function readTables(db: DatabaseSync): CatalogContent {
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE name IN ('cluster', 'databases')`).all()
  if (!tables.some(({ name }) => name === 'cluster')) return { ...EMPTY_CATALOG, isNew: tables.length === 0 }
  const cluster = db.prepare('SELECT id, schema_version FROM cluster').get()
  const version = Number(cluster?.['schema_version'])
  if (version > CATALOG_VERSION) throw tooNew(version)
  const members = db.prepare('SELECT * FROM members ORDER BY member').all()
  const databases = db.prepare(DATABASES).all()
  return {
    cluster: String(cluster?.['id']),
    isNew: false,
    members: members.map((row) => memberOf(row)),
    databases: databases.map((row) => databaseOf(row)),
    lastGroup: Number(
      db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'databases'`).get()?.['seq'] ?? 0,
    ),
  }
}

const DATABASES = `SELECT d."group", name, state, coalesce(voters, '[1]') AS voters, coalesce(learners, '[]') AS learners
  FROM databases d LEFT JOIN initial_replicas i ON i."group" = d."group" ORDER BY d."group"`

type Row = Readonly<Record<string, unknown>>

function memberOf(row: Row): MemberRow {
  return {
    member: Number(row['member']),
    name: String(row['name']),
    status: row['status'] as MemberRow['status'],
    role: row['role'] as MemberRole,
    seat: Number(row['seat']),
    peerAddress: row['peer_address'] as string | null,
    httpAddress: row['http_address'] as string | null,
    postgresAddress: row['postgres_address'] as string | null,
  }
}

function databaseOf(row: Row): DatabaseRow {
  return {
    group: Number(row['group']),
    name: String(row['name']),
    state: row['state'] as DatabaseRow['state'],
    initialVoters: JSON.parse(String(row['voters'])) as number[],
    initialLearners: JSON.parse(String(row['learners'])) as number[],
  }
}

function tooNew(version: number): HarmonyError {
  return new HarmonyError(
    'FORMAT_TOO_NEW',
    `The catalog of the cluster has schema version ${version}; this version of HarmonyDB knows ${CATALOG_VERSION}. Start a later version.`,
  )
}
