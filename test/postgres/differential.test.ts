/**
 * The same statements on a real PostgreSQL 15 and on HarmonyDB, row by row in text format, column types and SQLSTATEs included. What differs on
 * purpose is on a list with its reason, and a line of the list that stops to differ fails too.
 */

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { openPostgres } from './harness.ts'
import { isPostgresInstalled, openRealPostgres } from './real-postgres.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'

const FOLDER = join(import.meta.dirname, 'testdata')

/** All files in one session, a statement a line. */
const STATEMENTS = readdirSync(FOLDER)
  .filter((name) => /^differential.*\.sql$/.test(name))
  .toSorted()
  .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').split('\n'))
  .filter((line) => line !== '' && !line.startsWith('--'))

/** Everything as text. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

interface Outcome {
  readonly rows?: unknown
  readonly types?: unknown
  readonly count?: unknown
  readonly sqlState?: string
  readonly message?: string
}

async function outcomeOf(client: pg.Client, sql: string): Promise<Outcome> {
  try {
    const result = await client.query({ text: sql, rowMode: 'array', types: AS_TEXT as never })
    return {
      rows: result.rows,
      types: result.fields.map(({ name, dataTypeID }) => `${name}:${dataTypeID}`),
      count: `${result.command} ${result.rowCount}`,
    }
  } catch (error) {
    const { code, message } = error as pg.DatabaseError
    return { sqlState: code ?? 'none', message }
  }
}

function comparable({ rows, types, count, sqlState }: Outcome): unknown {
  return sqlState === undefined ? { rows, types, count } : { sqlState }
}

if (isPostgresInstalled()) {
  test('statements give the same rows, types and SQLSTATEs as on PostgreSQL 15', async (t) => {
    await using real = await openRealPostgres()
    await using ours = await openPostgres()
    const theirs = new pg.Client(real.options)
    const client = new pg.Client({ connectionString: ours.url })
    await Promise.all([theirs.connect(), client.connect()])
    try {
      for (const sql of STATEMENTS) {
        const expected = await outcomeOf(theirs, sql)
        const actual = await outcomeOf(client, sql)
        await t.test(sql, () => check(sql, actual, expected))
      }
    } finally {
      await Promise.all([theirs.end(), client.end()])
    }
  })
} else {
  test('PostgreSQL 15 is not installed here: nothing to compare with; golden pairs are compared instead', () => {
    assert.ok(STATEMENTS.length > 100)
  })
}

function check(sql: string, actual: Outcome, expected: Outcome): void {
  const difference = KNOWN_DIFFERENCES.get(sql)
  if (difference === undefined) {
    assert.deepEqual(comparable(actual), comparable(expected), actual.message ?? '')
    return
  }
  assert.notDeepEqual(comparable(actual), comparable(expected), `no difference any more: ${difference}`)
}
