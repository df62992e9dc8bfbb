/** The transactions of the catalog, on SQLite itself: what holds must hold whoever else changes it in between. */

import { test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { INITIAL_CONTEXT } from '../base/transaction.ts'
import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { StatementResult } from '../base/value.ts'
import { Catalog } from './catalog.ts'
import type { CatalogContent } from './catalog-reader.ts'
import { readCatalog } from './catalog-reader.ts'
import type { Newcomer } from './visit-codec.ts'

/** Runs each transaction as a whole or not at all, as a leader's engine does. */
class CatalogFile {
  readonly folder: string = mkdtempSync(`${tmpdir()}/harmony-catalog-`)
  readonly file: string = `${this.folder}/catalog.sqlite`
  readonly catalog: Catalog = new Catalog(this)
  readonly #db = new DatabaseSync(this.file)
  #index = 0n

  async submit({ statements }: TransactionRequest): Promise<TransactionOutcome> {
    this.#db.exec('BEGIN')
    try {
      const results = statements.map(({ sql, args }): StatementResult => {
        const query = this.#db.prepare(sql)
        query.setReturnArrays(true)
        const rows = query.all(...(args.positional as string[])) as unknown as StatementResult['rows']
        return { columns: [], rows, changes: 0n, lastInsertRowid: null }
      })
      this.#db.exec('COMMIT')
      return { kind: 'committed', index: ++this.#index, results, context: INITIAL_CONTEXT }
    } catch (error) {
      this.#db.exec('ROLLBACK')
      const { errcode, message } = error as { errcode: number; message: string }
      const code =
        { 2067: 'SQLITE_CONSTRAINT_UNIQUE', 1299: 'SQLITE_CONSTRAINT_NOTNULL' }[errcode] ?? 'INTERNAL'
      return { kind: 'failed', error: { code, message, offset: null }, failedStatement: 0, results: [] }
    }
  }

  content(): CatalogContent {
    return readCatalog(this.file)
  }

  members(): string[] {
    return this.content().members.map(({ member, status, seat }) => `${member} ${status} ${seat}`)
  }

  [Symbol.dispose](): void {
    this.#db.close()
    rmSync(this.folder, { recursive: true })
  }
}

const FOUNDER = { cluster: 'c', token: 'one', name: 'first' }
const newcomer = (token: string, peer = `${token}:1`): Newcomer => ({
  token,
  name: token,
  addresses: { peer, http: null, postgres: null },
})
const place = (group: number): { voters: number[]; learners: number[] } => ({
  voters: [1],
  learners: [group],
})

async function founded(): Promise<CatalogFile> {
  const file = new CatalogFile()
  await file.catalog.found(FOUNDER, ['default'])
  return file
}

test('the first member founds it, with the first databases', async () => {
  using file = await founded()
  const { cluster, databases, lastGroup } = file.content()
  assert.deepEqual([cluster, lastGroup], ['c', 1])
  assert.deepEqual(file.members(), ['1 active 0'])
  assert.deepEqual(
    databases.map(({ name, initialVoters }) => [name, initialVoters]),
    [['default', [1]]],
  )
})

test('a catalog of version 0 gets members, and keeps its databases and their numbers', async () => {
  using file = new CatalogFile()
  const old = [
    `CREATE TABLE databases ("group" INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('open', 'dropping')), created_at TEXT NOT NULL) STRICT`,
    `CREATE UNIQUE INDEX names ON databases (name) WHERE state = 'open'`,
    `INSERT INTO databases (name, state, created_at) VALUES ('shop', 'open', ''), ('gone', 'open', '')`,
    `DELETE FROM databases WHERE name = 'gone'`,
  ].map((sql) => ({ sql, args: { positional: [], named: [] } }))
  const request = { statements: old, context: INITIAL_CONTEXT, idempotencyKey: null, resultSizeBytesMax: 1 }
  await file.submit(request)
  assert.deepEqual([file.content().cluster, file.content().isNew], ['', false])
  await file.catalog.found(FOUNDER, [])
  await file.catalog.createDatabase('new', 2, place)
  const { databases } = file.content()
  assert.deepEqual(
    databases.map(({ group, name, initialLearners }) => [group, name, initialLearners]),
    [
      [1, 'shop', []],
      [3, 'new', [3]],
    ],
  )
})

test('members get numbers in a row and the lowest free seat; asking twice gives the same number', async () => {
  using file = await founded()
  assert.equal((await file.catalog.join(newcomer('two'))).member, 2)
  assert.equal((await file.catalog.join(newcomer('three'))).member, 3)
  assert.equal((await file.catalog.join(newcomer('two'))).member, 2)
  await file.catalog.remove(2)
  assert.equal((await file.catalog.join(newcomer('four'))).member, 4)
  assert.deepEqual(file.members(), ['1 active 0', '2 removed 1', '3 active 2', '4 active 1'])
})

test('who joins at the address of another one takes its place and its seat', async () => {
  using file = await founded()
  await file.catalog.join(newcomer('two', 'a:1'))
  await file.catalog.join(newcomer('three'))
  const { member, replaced } = await file.catalog.join(newcomer('again', 'a:1'))
  assert.deepEqual([member, replaced], [4, 2])
  assert.deepEqual(file.members(), ['1 active 0', '2 removed 1', '3 active 2', '4 active 1'])
})

test('a folder that was removed is told so, and does not get its number back', async () => {
  using file = await founded()
  await file.catalog.join(newcomer('two'))
  await file.catalog.remove(2)
  await assert.rejects(file.catalog.join(newcomer('two')), {
    code: 'MEMBERSHIP_REFUSED',
    message: /member 2/,
  })
})

test('a number that is kept for an address goes to who joins there, with the role', async () => {
  using file = await founded()
  assert.equal((await file.catalog.expect('b:1', 'learner')).member, 2)
  await assert.rejects(file.catalog.expect('b:1', 'voter'), { code: 'MEMBERSHIP_REFUSED' })
  assert.equal((await file.catalog.join(newcomer('two'))).member, 3)
  assert.equal((await file.catalog.join(newcomer('late', 'b:1'))).member, 2)
  const { members } = file.content()
  assert.deepEqual(
    members.map(({ member, role, status }) => `${member} ${role} ${status}`),
    ['1 voter active', '2 learner active', '3 voter active'],
  )
})

test('two members can not have one address', async () => {
  using file = await founded()
  await file.catalog.join(newcomer('two'))
  await file.catalog.setAddresses(1, { peer: 'x:1', http: 'x:2', postgres: null })
  await assert.rejects(file.catalog.setAddresses(2, { peer: 'x:1', http: null, postgres: null }), {
    code: 'MEMBERSHIP_REFUSED',
  })
  assert.equal(file.content().members[0]?.httpAddress, 'x:2')
})

test('databases: a name once, a number never twice, the placement of the number they get however far it is', async () => {
  using file = await founded()
  for (let number = 2; number <= 40; number++) await file.catalog.createDatabase(`d${number}`, 1, place)
  await assert.rejects(file.catalog.createDatabase('d2', 1, place), { code: 'DATABASE_EXISTS' })
  await file.catalog.deleteDatabase('d40')
  await assert.rejects(file.catalog.deleteDatabase('d40'), { code: 'DATABASE_NOT_FOUND' })
  await file.catalog.createDatabase('d40', 40, place)
  const { databases, lastGroup } = file.content()
  assert.equal(lastGroup, 41)
  for (const { group, initialLearners } of databases.slice(1)) assert.deepEqual(initialLearners, [group])
})

test('a catalog of a later version is left alone', async () => {
  using file = await founded()
  const sql = 'UPDATE cluster SET schema_version = 2'
  const statements = [{ sql, args: { positional: [], named: [] } }]
  await file.submit({ statements, context: INITIAL_CONTEXT, idempotencyKey: null, resultSizeBytesMax: 1 })
  assert.throws(() => file.content(), { code: 'FORMAT_TOO_NEW' })
})
