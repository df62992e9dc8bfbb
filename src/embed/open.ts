/** The package's main export: HarmonyDB in process. `DESIGN.md` beside this file tells how it works. */

import type { DatabaseInfo } from '../gateway/core.ts'
import { CoreLink } from './core-link.ts'
import { Database } from './database.ts'
import { FilePosition } from './file-position.ts'
import { HeldSnapshot } from './held-snapshot.ts'

export interface OpenOptions {
  /** Of one statement that writes, or that is run by `execute`. Default 30 s. */
  readonly statementTimeoutMs?: number
}

const FIRST_DATABASE = 'default'

/** A member inside this process. It is itself its database `default`; `database(name)` gives others. */
export class HarmonyDB extends Database implements AsyncDisposable {
  readonly #link: CoreLink
  readonly #opened: Map<string, { readonly database: Database; readonly snapshot: HeldSnapshot }>
  #closing: Promise<void> | null = null

  constructor(link: CoreLink, snapshot: HeldSnapshot) {
    super(FIRST_DATABASE, link, snapshot)
    this.#link = link
    this.#opened = new Map([[FIRST_DATABASE, { database: this, snapshot }]])
  }

  /** Another database of the same member or cluster. Rejects with DATABASE_NOT_FOUND. */
  async database(name: string): Promise<Database> {
    const known = this.#opened.get(name)
    if (known !== undefined) return known.database
    const snapshot = await attach(this.#link, name)
    const database = new Database(name, this.#link, snapshot)
    this.#opened.set(name, { database, snapshot })
    return database
  }

  databases(): Promise<readonly DatabaseInfo[]> {
    return this.#link.ask({ kind: 'list' })
  }

  /** Rejects with DATABASE_EXISTS or DATABASE_NAME_INVALID. */
  async createDatabase(name: string): Promise<Database> {
    await this.#link.ask({ kind: 'create', database: name })
    return this.database(name)
  }

  /** Deletes the database and its file. Rejects with DATABASE_NOT_FOUND. */
  async dropDatabase(name: string): Promise<void> {
    await this.#link.ask({ kind: 'drop', database: name })
    this.#opened.get(name)?.snapshot.close()
    this.#opened.delete(name)
  }

  /** Finishes what was accepted, and lets go of the data folder. Nothing keeps the process alive afterwards. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const { snapshot } of this.#opened.values()) snapshot.close()
    await this.#link.close()
  }
}

/**
 * Opens the data folder, which is made if it is missing. Rejects with DATA_LOCKED if another process has it, FORMAT_TOO_NEW,
 * DATA_CORRUPT, DISK_FULL or DISK_FAILED.
 */
export async function open(folder: string, { statementTimeoutMs }: OpenOptions = {}): Promise<HarmonyDB> {
  const link = await CoreLink.start({ folder, statementTimeoutMs: statementTimeoutMs ?? null })
  try {
    return new HarmonyDB(link, await attach(link, FIRST_DATABASE))
  } catch (error) {
    await link.close()
    throw error
  }
}

async function attach(link: CoreLink, database: string): Promise<HeldSnapshot> {
  const { dataFile, memory } = await link.ask({ kind: 'attach', database })
  return new HeldSnapshot(dataFile, new FilePosition(memory))
}
