/**
 * Pairs of PostgreSQL text and what becomes of it for SQLite, as a document to read: testdata/golden.txt. Written anew with
 * `GOLDEN=write`, and looked at before it is committed.
 */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { PgError } from '../error.ts'
import { typeOfDeclaration } from '../types/declared-type.ts'
import { compileStatement } from './compiler.ts'
import { loadParser, parseTree } from './parse.ts'
import type { Plan } from './plan.ts'
import { Schema, type SchemaColumn, type SchemaRelation } from './schema.ts'

const FILE = join(import.meta.dirname, 'testdata/golden.txt')

function column(definition: string, index: number): SchemaColumn {
  const [name = '', type = '', ...words] = definition.split(' ')
  const isNotNull = words.includes('notnull')
  return {
    name,
    type: typeOfDeclaration(type),
    number: index + 1,
    isNotNull,
    hasDefault: false,
    isGenerated: false,
    defaultText: null,
    isIdentity: false,
  }
}

/** `id INT4 notnull` as SQLite has it. */
function definitionText(text: string): string {
  const [column = '', type = '', ...words] = text.split(' ')
  return `"${column}" ${type}${words.includes('notnull') ? ' NOT NULL' : ''}`
}

function table(name: string, oid: number, ...columns: string[]): SchemaRelation {
  return {
    name,
    shownName: name,
    temporary: null,
    kind: 'table',
    oid,
    columns: columns.map(column),
    keys: [{ name: `${name}_pkey`, columns: ['id'], isPrimary: true, isIndex: false }],
    indexes: [],
    foreignKeys: [],
    triggers: [],
    rowidColumn: 'id',
    sql: `CREATE TABLE "${name}" (${columns.map(definitionText).join(', ')})`,
    isSequence: false,
  }
}

const SCHEMA = new Schema(1n, [
  table(
    'people',
    20000,
    'id INT4 notnull',
    'name TEXT notnull',
    'age INT4',
    'ok BOOL',
    'at TIMESTAMPTZ',
    'born DATE',
    'doc JSONB',
    'tags TEXT[]',
  ),
  table('pets', 20001, 'id INT4 notnull', 'owner INT4', 'name VARCHAR(20)', 'price NUMERIC(8,2)'),
])

function translated(sql: string): string {
  try {
    const tree = parseTree(sql)[0]?.stmt ?? null
    const parsed = {
      text: sql,
      script: sql,
      tree,
      syntaxError: null,
      isTransactionExit: false,
      consistency: null,
    }
    const { plan, parameterTypes } = compileStatement(parsed, [], SCHEMA)
    const types = parameterTypes.map(({ type }) => type.name).join(', ')
    return shown(plan) + (types === '' ? '' : `\n-- parameters: ${types}`)
  } catch (error) {
    if (!(error instanceof PgError)) throw error
    return `!! ${error.sqlState} ${error.message}`
  }
}

function shown(plan: Plan): string {
  if (plan.kind !== 'query') return JSON.stringify(plan)
  const values = plan.sessionValues.map((value) => JSON.stringify(value)).join(', ')
  return plan.steps.map(({ sql }) => sql).join(';\n') + (values === '' ? '' : `\n-- session: ${values}`)
}

before(() => loadParser())

test('golden pairs', async (t) => {
  const blocks = readFileSync(FILE, 'utf8').trimEnd().split('\n\n')
  const anew: string[] = []
  for (const block of blocks) {
    const [sql = '', ...rest] = block.split('\n')
    if (sql.startsWith('#')) {
      anew.push(block)
      continue
    }
    const actual = translated(sql)
    anew.push(`${sql}\n${actual}`)
    if (process.env['GOLDEN'] !== 'write') await t.test(sql, () => assert.equal(actual, rest.join('\n')))
  }
  if (process.env['GOLDEN'] === 'write') writeFileSync(FILE, `${anew.join('\n\n')}\n`)
})
