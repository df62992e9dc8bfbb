/**
 * Clients of every protocol, each with one member, which they come back to when it is gone. What they can't know, they say they don't
 * know: only an error that promises that nothing was done counts as a failure.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@libsql/client'
import type { Client as LibsqlClient, InStatement } from '@libsql/client'
import pg from 'pg'
import { HarmonyError, isRetryable } from '../../src/base/errors.ts'
import type { HarmonyErrorCode } from '../../src/base/errors.ts'
import { NotDone } from './recorder.ts'
import type { EmbeddedCall } from './embedded-member.ts'
import type { Place } from './members.ts'

const TIMEOUT_MS = 15_000

export type ListStep = readonly ['append', string, number] | readonly ['r', string, readonly number[] | null]

/** Throws NotDone, or anything else for an unknown outcome. */
export interface ListClient {
  readonly protocol: string
  /** `thinkMs`: how long the client waits before COMMIT, where its protocol lets it. */
  run(steps: readonly ListStep[], thinkMs: number): Promise<ListStep[]>
  close(): Promise<void>
}

/** Throws NotDone, or anything else for an unknown outcome. */
export interface RegisterClient {
  readonly protocol: string
  read(key: string): Promise<number | null>
  write(key: string, value: number): Promise<void>
  compareAndSet(key: string, expected: number | null, value: number): Promise<void>
  close(): Promise<void>
}

export const SETUP: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS lists (position INTEGER PRIMARY KEY, list TEXT NOT NULL, element INTEGER NOT NULL UNIQUE)',
  'CREATE INDEX IF NOT EXISTS lists_by_list ON lists (list, position)',
  'CREATE TABLE IF NOT EXISTS registers (name TEXT PRIMARY KEY, value INTEGER)',
]

export const APPEND = 'INSERT INTO lists (list, element) VALUES ($1, $2)'
export const READ_LIST = 'SELECT element FROM lists WHERE list = $1 ORDER BY position'
export const READ = 'SELECT value FROM registers WHERE name = $1'
export const WRITE =
  'INSERT INTO registers VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value'
export const SWAP = 'UPDATE registers SET value = $3 WHERE name = $1 AND value = $2'

/** node-postgres: interactive transactions, one connection. */
export class PostgresClient implements ListClient, RegisterClient {
  readonly protocol = 'pg'
  readonly #place: Place
  #client: pg.Client | null = null

  constructor(place: Place) {
    this.#place = place
  }

  async run(steps: readonly ListStep[], thinkMs: number): Promise<ListStep[]> {
    const client = await this.#connected()
    let isCommitSent = false
    try {
      await client.query('BEGIN')
      const done: ListStep[] = []
      for (const step of steps) done.push(await this.#step(client, step))
      await think(thinkMs)
      isCommitSent = true
      const { command } = await client.query('COMMIT')
      if (command !== 'COMMIT') throw new NotDone(`COMMIT answered ${command}`)
      return done
    } catch (error) {
      this.#drop()
      throw isCommitSent ? knownByState(error) : new NotDone((error as Error).message)
    }
  }

  async read(key: string): Promise<number | null> {
    const { rows } = await this.#query(READ, [key])
    return numberOrNull((rows[0] as { value: unknown } | undefined)?.value)
  }

  async write(key: string, value: number): Promise<void> {
    await this.#query(WRITE, [key, value])
  }

  async compareAndSet(key: string, expected: number | null, value: number): Promise<void> {
    const { rowCount } = await this.#query(SWAP, [key, expected, value])
    if (rowCount !== 1) throw new NotDone('compare and set found another value')
  }

  async close(): Promise<void> {
    await this.#client?.end().catch(() => {})
  }

  async #step(client: pg.Client, step: ListStep): Promise<ListStep> {
    const [kind, list, element] = step
    if (kind === 'append') {
      await client.query(APPEND, [list, element])
      return step
    }
    const { rows } = await client.query<{ element: string }>(READ_LIST, [list])
    return ['r', list, rows.map((row) => Number(row.element))]
  }

  async #query(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const client = await this.#connected()
    try {
      return await client.query(sql, [...values])
    } catch (error) {
      this.#drop()
      throw knownByState(error)
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client
    const { host, postgres } = this.#place
    const client = new pg.Client({
      host,
      port: postgres,
      user: 'chaos',
      database: 'default',
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    })
    client.on('error', () => this.#drop())
    await client.connect().catch((error: Error) => {
      client.end().catch(() => {})
      throw new NotDone(`connect: ${error.message}`)
    })
    this.#client = client
    return client
  }

  /** A connection on which something failed may be in any state. */
  #drop(): void {
    const client = this.#client
    this.#client = null
    client?.end().catch(() => {})
  }
}

/** libSQL over WebSocket with interactive transactions, or over HTTP with batches. */
export class HranaClient implements ListClient {
  readonly protocol: string
  readonly #url: string
  readonly #isInteractive: boolean
  #client: LibsqlClient

  constructor({ host, http }: Place, transport: 'ws' | 'http') {
    this.protocol = `libsql ${transport}`
    this.#url = `${transport}://${host}:${http}`
    this.#isInteractive = transport === 'ws'
    this.#client = createClient({ url: this.#url })
  }

  async run(steps: readonly ListStep[], thinkMs: number): Promise<ListStep[]> {
    try {
      return await within(this.#isInteractive ? this.#interact(steps, thinkMs) : this.#batch(steps))
    } catch (error) {
      this.#client.close()
      this.#client = createClient({ url: this.#url })
      throw error instanceof NotDone ? error : knownByCode(error)
    }
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  async #batch(steps: readonly ListStep[]): Promise<ListStep[]> {
    const results = await this.#client.batch(steps.map(toStatement), 'write')
    return steps.map((step, at) => withRows(step, results[at]?.rows ?? []))
  }

  async #interact(steps: readonly ListStep[], thinkMs: number): Promise<ListStep[]> {
    let isCommitSent = false
    try {
      const transaction = await this.#client.transaction('write')
      const done: ListStep[] = []
      for (const step of steps) done.push(withRows(step, (await transaction.execute(toStatement(step))).rows))
      await think(thinkMs)
      isCommitSent = true
      await transaction.commit()
      return done
    } catch (error) {
      throw isCommitSent ? error : new NotDone((error as Error).message)
    }
  }
}

/** The JSON API: one request, one statement. */
export class JsonClient implements RegisterClient {
  readonly protocol = 'json'
  readonly #url: string

  constructor({ host, http }: Place) {
    this.#url = `http://${host}:${http}/v1/databases/default/query`
  }

  async read(key: string): Promise<number | null> {
    const { rows } = await this.#query(READ, [key])
    return numberOrNull(rows[0]?.[0])
  }

  async write(key: string, value: number): Promise<void> {
    await this.#query(WRITE, [key, value])
  }

  async compareAndSet(key: string, expected: number | null, value: number): Promise<void> {
    const { changes } = await this.#query(SWAP, [key, expected, value])
    if (changes !== 1) throw new NotDone('compare and set found another value')
  }

  async close(): Promise<void> {}

  async #query(sql: string, params: readonly unknown[]): Promise<{ rows: unknown[][]; changes: number }> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: sql.replaceAll('$', '?'), params, rows: 'arrays' }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: Error) => {
      throw isRefusedConnection(error) ? new NotDone('connection refused') : error
    })
    const body = (await response.json()) as {
      error?: { code: string; message: string }
      rows?: unknown[][]
      meta?: { changes?: number; rowsAffected?: number }
    }
    if (body.error !== undefined) throw knownByCode(body.error)
    return { rows: body.rows ?? [], changes: body.meta?.changes ?? body.meta?.rowsAffected ?? 0 }
  }
}

/** The application that the member lives in: its interactive transactions and statements, through the library. */
export class EmbeddedClient implements ListClient, RegisterClient {
  readonly protocol = 'embedded'
  readonly #ask: (call: EmbeddedCall) => Promise<unknown>

  constructor(ask: (call: EmbeddedCall) => Promise<unknown>) {
    this.#ask = ask
  }

  async run(steps: readonly ListStep[], thinkMs: number): Promise<ListStep[]> {
    return (await within(this.#ask({ kind: 'run', steps, thinkMs }))) as ListStep[]
  }

  async read(key: string): Promise<number | null> {
    return numberOrNull(await within(this.#ask({ kind: 'read', key })))
  }

  async write(key: string, value: number): Promise<void> {
    await within(this.#ask({ kind: 'write', key, value }))
  }

  async compareAndSet(key: string, expected: number | null, value: number): Promise<void> {
    await within(this.#ask({ kind: 'swap', key, expected, value }))
  }

  async close(): Promise<void> {}
}

function toStatement([kind, list, element]: ListStep): InStatement {
  return kind === 'append'
    ? { sql: APPEND.replaceAll('$', '?'), args: [list, Number(element)] }
    : { sql: READ_LIST.replaceAll('$', '?'), args: [list] }
}

function withRows(step: ListStep, rows: readonly Readonly<Record<number, unknown>>[]): ListStep {
  return step[0] === 'append' ? step : ['r', step[1], rows.map((row) => Number(row[0]))]
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

/** Nobody was there to be asked. */
function isRefusedConnection(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return code === 'ECONNREFUSED' || (cause instanceof Error && isRefusedConnection(cause))
}

/** SQLSTATE class 40 says that nothing was done, but for 40003. */
function knownByState(error: unknown): unknown {
  const { code = '', message } = error as { code?: string; message: string }
  return error instanceof NotDone || (code.startsWith('40') && code !== '40003')
    ? new NotDone(message)
    : error
}

function knownByCode(error: unknown): unknown {
  if (isRefusedConnection(error)) return new NotDone('connection refused')
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  const isNotDone = isRetryable(new HarmonyError(code as HarmonyErrorCode, message))
  return isNotDone ? new NotDone(`${code}: ${message}`) : new Error(`${code}: ${message}`)
}

/** No timer where there is nothing to wait for: COMMIT then comes right behind the last answer. */
export async function think(thinkMs: number): Promise<void> {
  if (thinkMs > 0) await sleep(thinkMs)
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
    work.catch(() => {})
  }
}
