/** Runs one script on a member through the PostgreSQL protocol, in SQLite's dialect and a database of its own. */

import pg from 'pg'
import type { PostgresHarness } from '../harness.ts'
import { differenceOf, type TextValue } from './answers.ts'
import type { QueryRecord, StatementRecord, TestRecord } from './records.ts'

export type Protocol = 'simple' | 'extended'

export interface ScriptReport {
  readonly statements: number
  readonly queries: number
  /** One text each: line, statement, what differs. */
  readonly failures: readonly string[]
}

const AS_TEXT = { getTypeParser: () => (value: string) => value }

export class ScriptRunner {
  readonly #harness: PostgresHarness
  readonly #protocol: Protocol
  #number = 0

  constructor(harness: PostgresHarness, protocol: Protocol) {
    this.#harness = harness
    this.#protocol = protocol
  }

  /** `chosen` says which queries run; statements all do, because later queries depend on them. */
  async run(records: readonly TestRecord[], chosen: (record: QueryRecord) => boolean): Promise<ScriptReport> {
    const database = `script_${process.pid}_${this.#number++}`
    await this.#maintain(`CREATE DATABASE ${database}`)
    const client = new pg.Client({ connectionString: this.#harness.url.replace(/default$/, database) })
    await client.connect()
    try {
      await client.query("SET harmonydb.dialect = 'sqlite'")
      return await this.#runAll(client, records, chosen)
    } finally {
      await client.end()
      await this.#maintain(`DROP DATABASE ${database}`)
    }
  }

  async #runAll(
    client: pg.Client,
    records: readonly TestRecord[],
    chosen: (record: QueryRecord) => boolean,
  ): Promise<ScriptReport> {
    const failures: string[] = []
    let statements = 0
    let queries = 0
    for (const record of records) {
      if (record.kind === 'query' && !chosen(record)) continue
      const failure =
        record.kind === 'query' ? await this.#query(client, record) : await this.#statement(client, record)
      if (record.kind === 'query') queries++
      else statements++
      if (failure !== null) failures.push(`line ${record.line}: ${failure}\n${record.sql}`)
    }
    return { statements, queries, failures }
  }

  async #statement(client: pg.Client, record: StatementRecord): Promise<string | null> {
    const outcome = await this.#rowsOf(client, record.sql)
    if (record.isError) return typeof outcome === 'string' ? null : 'it should have failed'
    return typeof outcome === 'string' ? outcome : null
  }

  async #query(client: pg.Client, record: QueryRecord): Promise<string | null> {
    const outcome = await this.#rowsOf(client, record.sql)
    return typeof outcome === 'string' ? outcome : differenceOf(record, outcome)
  }

  /** The rows, or what the error says. */
  async #rowsOf(client: pg.Client, sql: string): Promise<readonly (readonly TextValue[])[] | string> {
    try {
      const config = {
        text: sql,
        rowMode: 'array' as const,
        types: AS_TEXT as never,
        queryMode: this.#protocol,
      }
      const result = await client.query<TextValue[]>(config as pg.QueryArrayConfig)
      return result.rows
    } catch (error) {
      const { code, message } = error as pg.DatabaseError
      return `${code ?? 'no SQLSTATE'} ${message}`
    }
  }

  async #maintain(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.#harness.url })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
}
