/** PostgreSQL's own programs against a member, where they are installed: pgbench in all modes, psql's backslash commands. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { openPostgres, type PostgresHarness } from './harness.ts'

const run = promisify(execFile)
const BINARIES = '/usr/lib/postgresql/15/bin'
const PGBENCH = `${BINARIES}/pgbench`
const PG_DUMP = `${BINARIES}/pg_dump`
const PSQL = `${BINARIES}/psql`

function environment(harness: PostgresHarness): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PGHOST: '127.0.0.1',
    PGPORT: String(harness.port),
    PGUSER: 'tester',
    PGDATABASE: 'default',
  }
}

async function balances(harness: PostgresHarness): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: harness.url })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select (select coalesce(sum(abalance), 0) from pgbench_accounts) as accounts, (select sum(tbalance) from pgbench_tellers) as tellers,
              (select sum(bbalance) from pgbench_branches) as branches, (select coalesce(sum(delta), 0) from pgbench_history) as history,
              (select count(*) from pgbench_history) as transactions, (select count(*) from pgbench_accounts) as rows`,
    )
    return rows[0] as Record<string, string>
  } finally {
    await client.end()
  }
}

if (existsSync(PGBENCH)) {
  test('pgbench: initialisation and all built-in scripts in all query modes; the balances agree', async () => {
    await using harness = await openPostgres()
    const env = environment(harness)
    await run(PGBENCH, ['-i', '-q', '-s', '1'], { env })
    let transactions = 0
    for (const mode of ['simple', 'extended', 'prepared']) {
      for (const script of ['tpcb-like', 'simple-update', 'select-only']) {
        const { stdout } = await run(PGBENCH, ['-n', '-b', script, '-M', mode, '-c', '3', '-t', '20'], {
          env,
        })
        assert.match(stdout, /number of transactions actually processed: 60\/60/, `${mode} ${script}`)
        assert.match(stdout, /number of failed transactions: 0 /, `${mode} ${script}`)
        if (script !== 'select-only') transactions += 60
      }
      const sums = await balances(harness)
      assert.equal(sums['accounts'], sums['history'])
      assert.equal(sums['tellers'], sums['branches'])
      assert.equal(sums['transactions'], String(transactions))
      assert.equal(sums['rows'], '100000')
    }
  })

  test('pgbench: all steps of the initialisation, made by the client and by the server, foreign keys included', async () => {
    await using harness = await openPostgres()
    const env = environment(harness)
    for (const steps of ['dtgvpf', 'dtGvpf']) {
      const { stderr } = await run(PGBENCH, ['-i', '-q', '-s', '1', '-I', steps], { env })
      assert.match(stderr, /done in/, steps)
    }
    assert.equal((await balances(harness))['rows'], '100000')
  })
} else {
  test('pgbench is not installed here', () => assert.ok(!existsSync(PGBENCH)))
}

if (existsSync(PG_DUMP)) {
  test('pg_dump is told at once that it is not served, and what to do instead', async () => {
    await using harness = await openPostgres()
    const dump = run(PG_DUMP, ['--schema-only'], { env: environment(harness) })
    await assert.rejects(dump, { stderr: /FATAL: {2}pg_dump is not supported by HarmonyDB\nHINT: .*\\copy/ })
  })
} else {
  test('pg_dump is not installed here', () => assert.ok(!existsSync(PG_DUMP)))
}

if (existsSync(PSQL)) {
  test('psql: backslash commands show what is there', async () => {
    await using harness = await openPostgres()
    const env = environment(harness)
    const psql = async (command: string): Promise<string> => {
      const { stdout, stderr } = await run(PSQL, ['-X', '-A', '-c', command], { env })
      assert.equal(stderr, '', command)
      return stdout
    }
    await psql('create table authors (id serial primary key, name varchar(50) not null unique)')
    await psql(
      'create table books (id bigserial primary key, author_id int not null references authors (id) on delete cascade, price numeric(10,2))',
    )
    await psql('create index books_price on books (price) where price > 0')
    await psql('create view cheap as select id from books where price < 10')
    assert.match(await psql('\\dt'), /public\|authors\|table\|harmonydb\npublic\|books\|table\|harmonydb/)
    assert.match(await psql('\\dv'), /public\|cheap\|view/)
    assert.match(await psql('\\di'), /authors_name_key[\s\S]*authors_pkey[\s\S]*books_pkey[\s\S]*books_price/)
    assert.match(await psql('\\l'), /default\|harmonydb\|UTF8/)
    assert.match(await psql('\\du'), /tester\|Superuser/)
    const table = await psql('\\d books')
    for (const part of [
      /id\|bigint\|\|not null\|nextval\('books_id_seq'::regclass\)/,
      /price\|numeric\(10,2\)/,
      /"books_pkey" PRIMARY KEY, btree \(id\)/,
      /"books_price" btree \(price\) WHERE/,
      /"books_author_id_fkey" FOREIGN KEY \(author_id\) REFERENCES authors\(id\) ON DELETE CASCADE/,
    ]) {
      assert.match(table, part)
    }
    assert.match(
      await psql('\\d authors'),
      /Referenced by:\n +TABLE "books" CONSTRAINT "books_author_id_fkey"/,
    )
    for (const command of [
      '\\d',
      '\\d+ books',
      '\\d cheap',
      '\\dn',
      '\\df',
      '\\dx',
      '\\dp',
      '\\db',
      '\\dT',
      '\\dt+',
      '\\di+',
      '\\l+',
    ]) {
      await psql(command)
    }
  })
} else {
  test('psql is not installed here', () => assert.ok(!existsSync(PSQL)))
}
