/**
 * `node bench/growth.ts [--rows-max 10000000] [--folder /path]`: what one durable write costs as its table grows, in processor time of all processes of the
 * member. A table is filled in large statements; at 10^4, 10^5, … rows it gets single-row writes at random places: updates of a row by its key,
 * and inserts between two rows. Beside each size stand the depth of the table's B+ tree and what SQLite alone takes for the same update inside of a
 * transaction, so that what the size costs can be told from everything else.
 */

import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { type HarmonyDB, open } from '../src/embed/main.ts'
import { childrenOf, processorSeconds } from './process-tree.ts'

const ROWS_MIN = 10_000
const FILL_BATCH = 500_000
const WRITERS = 16
const WRITES = 256
const ROUNDS = 9
/** Of SQLite by itself, in one round. */
const PLAIN_WRITES = 4_000
/** Before the first figure: the member's code is compiled by then. */
const WARM_UP_ROUNDS = 20

const CREATE = 'CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, value INTEGER)'
/** Even keys, so that there is room between any two. */
const FILL = `WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
  INSERT INTO item SELECT i * 2, 'code ' || i, i % 1000 FROM n`
const UPDATE = 'UPDATE item SET value = value + 1 WHERE id = ?'
const INSERT = "INSERT INTO item VALUES (?, 'between', 1)"

const { values: options } = parseArgs({
  options: {
    'rows-max': { type: 'string', default: '10000000' },
    folder: { type: 'string', default: tmpdir() },
  },
})

interface Sample {
  readonly rows: number
  readonly depth: number
  readonly sizeMB: number
  readonly updateUs: number
  readonly insertUs: number
  readonly plainUpdateUs: number
}

/** Of this process, its threads, and the processes that it has started. */
function processorUs(): number {
  const { user, system } = process.cpuUsage()
  return childrenOf(process.pid).reduce((sum, child) => sum + processUs(child), user + system)
}

/** To the clock tick of 10 ms. */
function processUs(id: number): number {
  return processorSeconds(readFileSync(`/proc/${id}/stat`, 'utf8')) * 1e6
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function fill(db: HarmonyDB, from: number, to: number): Promise<void> {
  for (let first = from + 1; first <= to; first += FILL_BATCH)
    await db.execute(FILL, [first, Math.min(to, first + FILL_BATCH - 1)])
}

/** In µs for each write; the median of the rounds. */
async function writeCost(write: () => Promise<unknown>, rounds: number = ROUNDS): Promise<number> {
  const costs: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const before = processorUs()
    let left = WRITES
    const writer = async (): Promise<void> => {
      while (left-- > 0) await write()
    }
    await Promise.all(Array.from({ length: WRITERS }, writer))
    // The first one brings the pages into memory.
    if (round > 0) costs.push((processorUs() - before) / WRITES)
  }
  return median(costs)
}

/** SQLite's own time for the same update inside of one transaction, which is rolled back. */
function plainUpdateCost(file: string, rows: number): number {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -32000')
  const update = db.prepare(UPDATE)
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    db.exec('BEGIN IMMEDIATE')
    const before = process.threadCpuUsage()
    for (let at = 0; at < PLAIN_WRITES; at++) update.run(randomKey(rows))
    const { user, system } = process.threadCpuUsage(before)
    db.exec('ROLLBACK')
    costs.push((user + system) / PLAIN_WRITES)
  }
  db.close()
  return median(costs)
}

/** Of the table's tree: pages from the root to a leaf. The walk of dbstat goes down to the first leaf at once. */
function treeDepth(file: string): { depth: number; sizeMB: number } {
  const db = new DatabaseSync(file, { readOnly: true, returnArrays: true })
  const paths = db.prepare("SELECT path FROM dbstat WHERE name = 'item' LIMIT 8").all() as unknown as [
    string,
  ][]
  const [bytes] = db
    .prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')
    .get() as unknown as [number]
  db.close()
  const depths = paths.map(([path]) => path.split('/').filter((part) => part !== '').length + 1)
  return { depth: Math.max(...depths), sizeMB: bytes / 1e6 }
}

function randomKey(rows: number): number {
  return 2 * (1 + Math.floor(Math.random() * rows))
}

async function sample(db: HarmonyDB, file: string, rows: number): Promise<Sample> {
  const updateUs = await writeCost(() => db.execute(UPDATE, [randomKey(rows)]))
  const insertUs = await writeCost(() => insertBetween(db, rows))
  return { rows, ...treeDepth(file), updateUs, insertUs, plainUpdateUs: plainUpdateCost(file, rows) }
}

const between = new Set<number>()

async function insertBetween(db: HarmonyDB, rows: number): Promise<void> {
  let key = randomKey(rows) - 1
  while (between.has(key)) key = randomKey(rows) - 1
  between.add(key)
  await db.execute(INSERT, [key])
}

function print({ rows, depth, sizeMB, updateUs, insertUs, plainUpdateUs }: Sample): void {
  const figures = [sizeMB, depth, updateUs, insertUs, plainUpdateUs]
  const [size, ...others] = figures.map((figure) =>
    (figure < 100 ? figure.toFixed(1) : figure.toFixed(0)).padStart(9),
  )
  console.log(`${rows.toLocaleString('en').padStart(12)} ${size} ${others.join(' ')}`)
}

async function main(): Promise<void> {
  const rowsMax = Number(options['rows-max'])
  mkdirSync(options.folder, { recursive: true })
  const folder = await mkdtemp(join(options.folder, 'harmonydb-bench-growth-'))
  const db = await open(folder)
  const file = join(folder, 'databases', 'default.1.sqlite')
  try {
    await db.execute(CREATE)
    console.log(
      `single-row writes, ${WRITERS} at a time, each durable: µs of processor time, median of ${ROUNDS} rounds of ${WRITES}`,
    )
    console.log('        rows        MB     depth    update    insert  SQLite alone, update')
    for (let rows = ROWS_MIN, filled = 0; rows <= rowsMax; filled = rows, rows *= 10) {
      await fill(db, filled, rows)
      if (filled === 0) await writeCost(() => db.execute(UPDATE, [randomKey(rows)]), WARM_UP_ROUNDS)
      print(await sample(db, file, rows))
    }
  } finally {
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
