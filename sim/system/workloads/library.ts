/**
 * A library whose parts keep each other right: foreign keys that cascade and that are deferred, triggers that count and that feed a full-text index,
 * loans without a primary key. Whatever happened, the parts must agree in the end, and what was acknowledged must be there
 * unless somebody else may have removed it.
 */

import { Violation } from '../../checkers/checker.ts'
import { run } from '../client.ts'
import type { Answer, Client, Statements } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const SETUP = [
  'CREATE TABLE IF NOT EXISTS shelves (id INTEGER PRIMARY KEY, books INTEGER NOT NULL DEFAULT 0 CHECK (books >= 0))',
  `CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL UNIQUE,
    shelf INTEGER NOT NULL REFERENCES shelves ON DELETE CASCADE ON UPDATE CASCADE, bought DEFAULT CURRENT_TIMESTAMP)`,
  'CREATE INDEX IF NOT EXISTS books_by_shelf ON books (shelf)',
  'CREATE TABLE IF NOT EXISTS loans (book INTEGER NOT NULL REFERENCES books ON DELETE CASCADE, note DEFAULT (hex(randomblob(4))))',
  'CREATE INDEX IF NOT EXISTS loans_by_book ON loans (book)',
  'CREATE VIRTUAL TABLE IF NOT EXISTS titles USING fts5(title)',
  `CREATE TRIGGER IF NOT EXISTS book_in AFTER INSERT ON books BEGIN
    INSERT INTO titles (rowid, title) VALUES (new.id, new.title);
    UPDATE shelves SET books = books + 1 WHERE id = new.shelf; END`,
  `CREATE TRIGGER IF NOT EXISTS book_out AFTER DELETE ON books BEGIN
    DELETE FROM titles WHERE rowid = old.id;
    UPDATE shelves SET books = books - 1 WHERE id = old.shelf; END`,
]
const SHELVES = 8

interface Book {
  readonly title: string
  readonly shelf: number
  fate: Answer<void>['kind']
}

/** Each gives nothing. */
const RULES: readonly (readonly [what: string, sql: string])[] = [
  ['a book stands on no shelf', 'SELECT title FROM books WHERE shelf NOT IN (SELECT id FROM shelves)'],
  ['a loan is of no book', 'SELECT rowid FROM loans WHERE book NOT IN (SELECT id FROM books)'],
  [
    'a shelf counts wrong',
    'SELECT id, books FROM shelves WHERE books <> (SELECT count(*) FROM books WHERE shelf = shelves.id)',
  ],
  [
    'a book is not in the full-text index',
    'SELECT title FROM books WHERE id NOT IN (SELECT rowid FROM titles)',
  ],
  [
    'the full-text index has a book too many',
    'SELECT rowid FROM titles WHERE rowid NOT IN (SELECT id FROM books)',
  ],
]

export class Library extends Workload {
  readonly name = 'library'
  readonly #books: Book[] = []
  /** Shelves that somebody may have cleared, with everything on them. */
  readonly #cleared = new Set<number>()
  #next = 1

  protected async serve(client: Client): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => this.#operate(client))
  }

  async #operate(client: Client): Promise<void> {
    const shelf = client.random.integer(1, SHELVES)
    const kind = client.random.pick(['buy', 'buy', 'buy', 'buy first', 'lend', 'clear', 'break'] as const)
    if (kind === 'buy') return this.#buy(client, shelf, buy)
    if (kind === 'buy first') return this.#buy(client, shelf, buyBeforeTheShelf)
    if (kind === 'break') return this.#buy(client, shelf + SHELVES, buyForNoShelf)
    // The lowest shelves are left alone, so that something stays that must be there.
    if (kind === 'clear') this.#cleared.add(Math.max(shelf, SHELVES / 2))
    const sql =
      kind === 'lend'
        ? `INSERT INTO loans (book) SELECT max(id) FROM books WHERE shelf = ${shelf} HAVING max(id) NOT NULL`
        : `DELETE FROM shelves WHERE id = ${Math.max(shelf, SHELVES / 2)}`
    const answer = await client.ask((session) => run(session, sql))
    this.counts[answer.kind]++
  }

  async #buy(
    client: Client,
    shelf: number,
    way: (session: Statements, title: string, shelf: number) => Promise<void>,
  ): Promise<void> {
    const book: Book = { title: `volume${this.#next++}`, shelf, fate: 'unknown' }
    this.#books.push(book)
    const answer = await client.ask((session) => way(session, book.title, shelf))
    book.fate = answer.kind
    this.counts[answer.kind]++
  }

  override check(final: FinalContent): void {
    for (const [what, sql] of RULES) {
      const [wrong] = final.rows(sql)
      if (wrong !== undefined) throw new Violation('parts agree', `${what}: ${wrong.join(', ')}`)
    }
    const titles = new Set(final.rows('SELECT title FROM books').map(([title]) => String(title)))
    for (const { title, shelf, fate } of this.#books) {
      if (fate === 'ok' && !titles.has(title) && !this.#cleared.has(shelf))
        throw new Violation(
          'acknowledged writes are there',
          `${title} was put on shelf ${shelf} and is not there`,
        )
      if (fate === 'refused' && titles.has(title))
        throw new Violation('nothing refused is there', `${title} was refused and is there`)
      const found = final.rows(`SELECT count(*) FROM titles WHERE titles MATCH '${title}'`)
      if (Number(found[0]?.[0]) !== (titles.has(title) ? 1 : 0))
        throw new Violation('parts agree', `the full-text index finds ${title} ${found[0]?.[0]} times`)
    }
  }
}

const BUY = 'INSERT INTO books (title, shelf) VALUES (?, ?)'

async function buy(session: Statements, title: string, shelf: number): Promise<void> {
  await run(session, 'BEGIN IMMEDIATE')
  await run(session, 'INSERT OR IGNORE INTO shelves (id) VALUES (?)', [BigInt(shelf)])
  await run(session, BUY, [title, BigInt(shelf)])
  await run(session, 'COMMIT')
}

/** Right only at the end of the transaction. */
async function buyBeforeTheShelf(session: Statements, title: string, shelf: number): Promise<void> {
  await run(session, 'BEGIN IMMEDIATE')
  await run(session, 'PRAGMA defer_foreign_keys = ON')
  await run(session, BUY, [title, BigInt(shelf)])
  await run(session, 'INSERT OR IGNORE INTO shelves (id, books) VALUES (?, 1)', [BigInt(shelf)])
  await run(session, 'COMMIT')
}

/** Wrong at its end, too: COMMIT fails, on every replica alike. */
async function buyForNoShelf(session: Statements, title: string, shelf: number): Promise<void> {
  await run(session, 'BEGIN IMMEDIATE')
  await run(session, 'PRAGMA defer_foreign_keys = ON')
  await run(session, BUY, [title, BigInt(shelf)])
  await run(session, 'COMMIT')
}
