/** What may run on the gateway's thread: bounded whatever the arguments are, and whatever the data become. */

import { after, test } from 'node:test'
import assert from 'node:assert/strict'
import type { SqlValue } from '../../base/value.ts'
import { HeldConnection } from './held-connection.ts'
import { costOf } from './program.ts'
import { ReadConnection } from './read-connection.ts'
import { READER_DEFAULTS } from './reader-options.ts'
import { sampleFile } from './testing/sample-file.ts'
import { INITIAL_CONTEXT } from '../../base/transaction.ts'

const file = sampleFile()
const held = new HeldConnection(file.path, READER_DEFAULTS)
after(() => {
  held.close()
  file[Symbol.dispose]()
})

function runsInline(sql: string, ...positional: SqlValue[]): boolean {
  const statement = { sql, args: { positional, named: [] } }
  return held.read(statement, INITIAL_CONTEXT, 1n, 1_000_000) !== null
}

const INLINE: readonly (readonly [sql: string, ...args: SqlValue[]])[] = [
  ['SELECT 1'],
  ['SELECT * FROM large WHERE id = ?', 7n],
  ['SELECT * FROM large WHERE code = ?', 'c7'],
  ['SELECT * FROM keyed WHERE a = ? AND b = ?', 'x', 'y'],
  ['SELECT code || ?, lower(note), length(note) FROM large WHERE id = ?', 'x', 7n],
  ['SELECT * FROM large WHERE id IN (1, 2, 3, ?)', 4n],
  ['SELECT * FROM large WHERE id IN (?, ?, ?) ORDER BY note DESC', 1n, 2n, 3n],
  ['SELECT * FROM large WHERE id = 1 OR code = ?', 'c2'],
  ['SELECT a.id FROM large a JOIN large b ON b.id = a.kind WHERE a.id = ?', 6n],
  ['SELECT a.id FROM large a LEFT JOIN large b ON b.id = a.kind WHERE a.id = ?', 7n],
  ['SELECT EXISTS (SELECT 1 FROM large WHERE code = ?)', 'c1'],
  ['SELECT * FROM large WHERE id > ? ORDER BY id LIMIT 10', 4_000n],
  ['SELECT * FROM large ORDER BY id DESC LIMIT 10'],
  ['SELECT * FROM large WHERE code >= ? ORDER BY code NULLS LAST LIMIT pg_limit(?, -1)', 'c1', 10n],
  ['SELECT max(id) FROM large'],
  ['SELECT count(*) FROM small'],
  ['SELECT name FROM small ORDER BY name DESC'],
  ['SELECT a.name, b.name FROM small a, small b WHERE a.name < b.name ORDER BY 1'],
  ['SELECT * FROM small WHERE name >= ? ORDER BY name', 'o'],
  ['SELECT * FROM sqlite_schema'],
  ['SELECT last_insert_rowid(), changes(), random(), CURRENT_TIMESTAMP'],
  ['VALUES (1), (2)'],
  ['SELECT * FROM large WHERE id = ? UNION ALL SELECT * FROM large WHERE id = ?', 1n, 2n],
]

for (const [sql, ...args] of INLINE)
  test(`runs on the gateway's thread: ${sql}`, () => assert.equal(runsInline(sql, ...args), true))

/** Each could hold the gateway's thread for long, with the right arguments or data. */
let join = 0
const ATTACKS: readonly (readonly [why: string, sql: string, ...args: SqlValue[]])[] = [
  ['a full scan', "SELECT * FROM large WHERE note = 'x'"],
  ['a search that is a scan', 'SELECT count(*) FROM large WHERE id > ?', 4_999n],
  ['a search with a filter that nothing passes', 'SELECT * FROM large WHERE id > ? AND note = 1 LIMIT 1', 1n],
  ['an offset', 'SELECT * FROM large LIMIT 1 OFFSET 4999'],
  ['a sort', 'SELECT * FROM large ORDER BY note LIMIT 1'],
  ['a count of pages', 'SELECT count(*) FROM large'],
  ['an aggregate', 'SELECT sum(kind) FROM large'],
  ['grouping', 'SELECT kind, count(*) FROM large GROUP BY kind'],
  ['distinct values', 'SELECT DISTINCT kind FROM large'],
  ['a cross join', 'SELECT count(*) FROM large a, large b'],
  [
    'a cross join of small tables, often',
    `SELECT count(*) FROM ${'small,'.repeat(12).replaceAll(/small/g, () => `small t${join++}`)}small z`,
  ],
  [
    'a recursion',
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0',
  ],
  [
    'a recursion that ends late',
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT count(*) FROM n',
  ],
  ['an existence test without an index', 'SELECT EXISTS (SELECT 1 FROM large WHERE note = ?)', 'x'],
  ['a subquery in the result', 'SELECT id, (SELECT count(*) FROM large) FROM large WHERE id = 1'],
  ['a large blob', 'SELECT length(randomblob(?))', 900_000_000n],
  ['zeros', 'SELECT zeroblob(?)', 900_000_000n],
  ['a width', "SELECT printf('%*d', 900000000, 1)"],
  ['a pattern', "SELECT ? LIKE '%a%a%a%a%a%a%a%a%b'", 'a'.repeat(10_000)],
  ['a glob', "SELECT ? GLOB '*a*a*a*a*a*a*a*a*b'", 'a'.repeat(10_000)],
  ['replacing', "SELECT replace(?, 'a', ?)", 'a'.repeat(10_000), 'b'.repeat(10_000)],
  ['finding', 'SELECT instr(?, ?)', 'a'.repeat(60_000), 'a'.repeat(30_000) + 'b'],
  ['trimming a set', 'SELECT trim(?, ?)', 'a'.repeat(60_000), 'b'.repeat(60_000)],
  ['json_each', 'SELECT count(*) FROM json_each(?)', '[1]'],
  ['a table-valued pragma', "SELECT * FROM pragma_table_info('large')"],
  ['an integrity check', 'PRAGMA integrity_check'],
  ['a window', 'SELECT row_number() OVER (ORDER BY note) FROM large'],
  ['a compound that sorts', 'SELECT note FROM large UNION SELECT note FROM large'],
  ['a value over the inline limit', 'SELECT ? || ?', 'x'.repeat(60_000), 'y'.repeat(60_000)],
  ['many rows', 'SELECT * FROM large'],
  ['many columns', `SELECT ${Array.from({ length: 300 }, (_, at) => `${at} AS c${at}`).join()}`],
]

for (const [why, sql, ...args] of ATTACKS)
  test(`goes to a worker, for ${why}: ${sql.slice(0, 70)}`, () =>
    assert.equal(runsInline(sql, ...args), false))

test('a text that takes long to compile is not compiled on the gateway thread before a worker has', () => {
  const doubling = Array.from(
    { length: 20 },
    (_, at) => `c${at + 1} AS (SELECT x.id FROM c${at} x, c${at} y)`,
  )
  const sql = `WITH c0 AS (SELECT id FROM small), ${doubling.join()} SELECT * FROM c20`
  assert.equal(held.describe(sql, 1n), null)
  assert.equal(
    held.describe('SELECT * FROM seen WHERE id = 1', 1n),
    null,
    'views are expanded where they are named',
  )
  held.vet('SELECT * FROM seen WHERE id = 1')
  assert.equal(runsInline('SELECT * FROM seen WHERE id = 1'), true)
})

test('a few rows that are large go to a worker, too', () => {
  const heavy = sampleFile()
  heavy.writer.exec("INSERT INTO small SELECT id + 100, printf('%.60000c', 'x') FROM large LIMIT 100")
  const connection = new HeldConnection(heavy.path, READER_DEFAULTS)
  const read = (sql: string): unknown =>
    connection.read({ sql, args: { positional: [], named: [] } }, INITIAL_CONTEXT, 1n, 1_000_000_000)
  assert.notEqual(read('SELECT name FROM small WHERE id = 101'), null)
  assert.notEqual(read('SELECT length(name) FROM small'), null)
  assert.equal(read('SELECT name FROM small'), null)
  assert.equal(read('SELECT name FROM small ORDER BY name'), null)
  assert.equal(
    read(
      Array.from({ length: 100 }, (_, at) => `SELECT name FROM small WHERE id = ${at + 101}`).join(
        ' UNION ALL ',
      ),
    ),
    null,
  )
  connection.close()
  heavy[Symbol.dispose]()
})

test('a table that has grown is no longer walked through inline', () => {
  const grown = sampleFile()
  const connection = new HeldConnection(grown.path, READER_DEFAULTS)
  const statement = {
    sql: 'SELECT count(*) FROM small WHERE name > ?',
    args: { positional: ['a'], named: [] },
  }
  assert.notEqual(connection.read(statement, INITIAL_CONTEXT, 1n, 1_000_000), null)
  grown.writer.exec('INSERT INTO small SELECT id + 100, note FROM large')
  assert.equal(connection.read(statement, INITIAL_CONTEXT, 2n, 1_000_000), null)
  grown.writer.exec('DELETE FROM small WHERE id > 3')
  connection.close()
  grown[Symbol.dispose]()
})

test('the bound holds: no statement runs more instructions than its program was given', () => {
  const connection = new ReadConnection(file.path, {
    valueSizeBytesMax: 1_000_000,
    mmapSizeBytes: 0,
    programLengthMax: 100_000,
  })
  let checked = 0
  for (const [sql, ...args] of INLINE) {
    const cost = costOf(connection.program(sql), (root) => (root === 1 ? 20 : 16))
    if (cost.kind === 'unbounded' || cost.isStreaming) continue
    const statement = connection.prepare(sql, 'run')
    statement.all(...args)
    const steps = (statement as unknown as { stat(counter: string): number }).stat('vmStep')
    assert.ok(steps <= cost.workMax, `${sql}: ${steps} instructions, bound ${cost.workMax}`)
    checked++
  }
  assert.ok(checked > 10)
  connection.close()
})

test('a search by a key is bounded by the length of its program, and by no table', () => {
  const connection = new ReadConnection(file.path, {
    valueSizeBytesMax: 1_000_000,
    mmapSizeBytes: 0,
    programLengthMax: 20_000,
  })
  after(() => connection.close())
  const program = connection.program('SELECT note FROM large WHERE code = ?')
  const cost = costOf(program, () => assert.fail('how large a table is does not matter'))
  assert.ok(cost.kind === 'bounded')
  const { rowsMax, isStreaming, smallTables, workMax } = cost
  assert.deepEqual({ rowsMax, isStreaming, smallTables }, { rowsMax: 1, isStreaming: false, smallTables: [] })
  assert.ok(workMax >= program.length)
})

test('an instruction that nobody has judged is unbounded', () => {
  const program = [
    { opcode: 'Init', p1: 0, p2: 1, p3: 0, p4: null },
    { opcode: 'SomethingNew', p1: 0, p2: 0, p3: 0, p4: null },
    { opcode: 'Halt', p1: 0, p2: 0, p3: 0, p4: null },
  ]
  assert.deepEqual(
    costOf(program, () => null),
    { kind: 'unbounded', reason: 'instruction SomethingNew' },
  )
})
