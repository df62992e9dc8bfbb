/** All buckets of one database: what their handles share. */

import { HarmonyError } from '../../base/errors.ts'
import type { HeldSnapshot } from '../held-snapshot.ts'
import type { Movement } from '../movement.ts'
import type { Result } from '../result.ts'
import { BucketReader } from './reader.ts'
import { CREATE_STATEMENTS, ROOT_ID } from './schema.ts'
import type { Now, Path, Query } from './statements.ts'
import { NAMES } from './statements.ts'
import { Sweeper } from './sweeper.ts'
import type { Executor, Outcome, WriteOptions } from './writer.ts'

/** What a database does for its buckets. */
export interface BucketHost {
  execute(sql: string, parameters: Query['parameters'], options: WriteOptions): Promise<Result>
  batch(statements: readonly Query[], options: WriteOptions): Promise<Result[]>
}

export class BucketStore implements Executor {
  readonly reader: BucketReader
  readonly movement: Movement
  readonly #host: BucketHost
  #making: Promise<void> | null = null

  constructor(host: BucketHost, snapshot: HeldSnapshot, movement: Movement) {
    this.reader = new BucketReader(snapshot)
    this.movement = movement
    this.#host = host
    new Sweeper(this.reader, (query) => host.execute(query, [], {})).start()
  }

  /** Of the buckets in the one of this path, in order. */
  names(path: Path): string[] {
    const { reader } = this
    if (!reader.hasTables) return []
    const id = path.length === 0 ? ROOT_ID : reader.id(path)
    return id === null ? [] : reader.all<{ name: string }>(NAMES, [id]).map(({ name }) => name)
  }

  async makeTables(): Promise<void> {
    if (this.reader.hasTables) return
    this.#making ??= this.#make().finally(() => (this.#making = null))
    await this.#making
  }

  async now(): Promise<Now> {
    return 'entry'
  }

  async run({ sql, parameters }: Query, options: WriteOptions): Promise<Outcome> {
    return this.#host.execute(sql, parameters, options)
  }

  async runAll(queries: readonly Query[], options: WriteOptions): Promise<void> {
    await this.#host.batch(queries, options)
  }

  async #make(): Promise<void> {
    const statements = CREATE_STATEMENTS.map((sql) => ({ sql, parameters: [] }))
    await this.#host.batch(statements, {})
    if (!this.reader.hasTables)
      throw new HarmonyError(
        'SQL_INPUT_ERROR',
        'The tables of buckets could not be made: kv_buckets, kv_entries or kv_changes is something else in this database.',
      )
  }
}
