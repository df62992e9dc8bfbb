/** SQLite called in this process, by one connection: better-sqlite3, libSQL's library of the same shape, or `node:sqlite`. */

import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import type { Endpoint, Executor, Row, SqlConnection, Value, TransactionMode } from '../target.ts'
import type { Connector } from './connect.ts'
import { runTransaction, type TransactionWords } from './transactions.ts'

const SETTINGS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA mmap_size = 1073741824'
const WORDS: TransactionWords = {
  begin: { read: 'BEGIN', write: 'BEGIN IMMEDIATE' },
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
}

type Run = (args: readonly Value[]) => readonly Row[]

interface Library {
  prepare(sql: string): Run
  exec(sql: string): void
  close(): void
}

/** What better-sqlite3 and libSQL's library have in common. */
interface BetterDatabase {
  prepare(sql: string): BetterStatement
  exec(sql: string): unknown
  close(): unknown
}

interface BetterStatement {
  readonly reader: boolean
  raw(): { all(...args: readonly Value[]): Row[] }
  run(...args: readonly Value[]): unknown
}

function openNode(file: string): Library {
  const database = new DatabaseSync(file, { returnArrays: true })
  return {
    prepare: (sql) => {
      const statement = database.prepare(sql)
      return (args) => statement.all(...args) as unknown as Row[]
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  }
}

function openBetter(module: string, file: string): Library {
  const Database = createRequire(import.meta.url)(module) as new (path: string) => BetterDatabase
  const database = new Database(file)
  return {
    prepare: (sql) => {
      const statement = database.prepare(sql)
      if (!statement.reader) return (args) => (statement.run(...args), [])
      const raw = statement.raw()
      return (args) => raw.all(...args)
    },
    exec: (sql) => void database.exec(sql),
    close: () => void database.close(),
  }
}

class LibraryConnection implements SqlConnection {
  readonly kind = 'sql'
  readonly dialect = 'sqlite'
  retries = 0
  readonly #library: Library
  readonly #prepared = new Map<string, Run>()

  constructor(library: Library) {
    this.#library = library
  }

  async execute(sql: string, args: readonly Value[] = []): Promise<readonly Row[]> {
    let run = this.#prepared.get(sql)
    if (run === undefined) this.#prepared.set(sql, (run = this.#library.prepare(sql)))
    return run(args)
  }

  transaction<T>(work: (executor: Executor) => Promise<T>, mode: TransactionMode = 'write'): Promise<T> {
    return runTransaction(this, WORDS, work, mode, () => this.retries++)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export function openSqliteLibrary(endpoint: Extract<Endpoint, { readonly file: string }>): Connector {
  const { file } = endpoint
  const library = endpoint.kind === 'node-sqlite' ? openNode(file) : openBetter(endpoint.module, file)
  library.exec(SETTINGS)
  const connection = new LibraryConnection(library)
  return {
    connect: () => Promise.resolve(connection),
    close: () => Promise.resolve(library.close()),
  }
}
