/**
 * What a query worker does with the requests of its gateway: one at a time, one reply each. It knows nothing of processes; the simulator runs it in
 * its own.
 */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import { must } from '../../base/assert.ts'
import { type ParameterLayout, parametersOf } from '../parameters.ts'
import { LruMap } from './lru-map.ts'
import { columnsOf, iterateRows, ReadConnection, type Row, rowSizeBytes } from './read-connection.ts'
import type { WorkerOptions, WorkerReply, WorkerRequest } from './worker-protocol.ts'

const CONNECTIONS_MAX = 8
const STATEMENTS_MAX = 100
/** SQLite's own limit (https://sqlite.org/limits.html). */
const SQLITE_PROGRAM_LENGTH_MAX = 250_000_000

/** The exchange takes milliseconds, and another process carries it out. */
const REPLACEMENT_WAIT_MS = 1_000

interface OpenFile {
  readonly connection: ReadConnection
  readonly statements: LruMap<string, { readonly statement: StatementSync; readonly layout: ParameterLayout }>
}

export class QueryWork {
  readonly #options: WorkerOptions
  readonly #files = new Map<string, OpenFile>()
  #rows: Iterator<Row> | null = null
  #sizeLeft = 0
  #transactionFile: string | null = null
  /** Of the read transaction around a single statement, which tells what index it sees. */
  #single: ReadConnection | null = null
  #seenIndex = 0n
  /** The file of the last request that named one. */
  #current: string | null = null

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** Never throws: what goes wrong is a reply. */
  answer(request: WorkerRequest): WorkerReply {
    if ('dataFile' in request) this.#current = request.dataFile
    try {
      return this.#carryOut(request)
    } catch (error) {
      return this.#failed(error)
    }
  }

  close(): void {
    for (const [path, file] of this.#files) this.#forget(path, file)
  }

  #carryOut(request: WorkerRequest): WorkerReply {
    switch (request.type) {
      case 'run':
        return this.#run(request)
      case 'next':
        return this.#page(null)
      case 'stop':
        this.#stop()
        return { type: 'stopped' }
      case 'describe':
        return this.#describe(request)
      case 'begin':
        return this.#begin(request.dataFile)
      case 'end':
        return this.#end()
    }
  }

  #fileOf(dataFile: string): OpenFile {
    const known = this.#files.get(dataFile)
    if (known !== undefined && (dataFile === this.#transactionFile || !known.connection.isReplaced))
      return known
    if (known !== undefined) this.#forget(dataFile, known)
    for (const [path, oldest] of this.#files) {
      if (this.#files.size < CONNECTIONS_MAX) break
      if (path !== this.#transactionFile) this.#forget(path, oldest)
    }
    const connection = new ReadConnection(dataFile, {
      valueSizeBytesMax: this.#options.valueSizeBytesMax,
      mmapSizeBytes: this.#options.mmapSizeBytes,
      programLengthMax: SQLITE_PROGRAM_LENGTH_MAX,
      replacementWaitMs: REPLACEMENT_WAIT_MS,
    })
    const opened: OpenFile = { connection, statements: new LruMap(STATEMENTS_MAX) }
    this.#files.set(dataFile, opened)
    return opened
  }

  #forget(path: string, { connection }: OpenFile): void {
    connection.close()
    this.#files.delete(path)
  }

  /** `first` is the statement whose first page it is: only its first step compiles it anew if the schema has changed. */
  #page(first: StatementSync | null): WorkerReply {
    const { pageRowsMax, pageSizeBytesMax, rowSizeBytesMax } = this.#options
    const iterator = must(this.#rows, 'no statement runs')
    const page: Row[] = []
    let size = 0
    while (page.length < pageRowsMax && size < pageSizeBytesMax) {
      const next = iterator.next()
      if (next.done === true) {
        this.#stop()
        break
      }
      const rowBytes = rowSizeBytes(next.value)
      if (rowBytes > rowSizeBytesMax || size + rowBytes > this.#sizeLeft) throw tooLarge()
      page.push(next.value)
      size += rowBytes
    }
    this.#sizeLeft -= size
    const columns = first === null ? null : columnsOf(first)
    return { type: 'page', columns, rows: page, index: this.#seenIndex, isLast: this.#rows === null }
  }

  #run(request: Extract<WorkerRequest, { type: 'run' }>): WorkerReply {
    const { dataFile, statement, context, resultSizeBytesMax } = request
    const { connection, statements } = this.#fileOf(dataFile)
    const { sql, args } = statement
    connection.context = context
    let compiled = statements.get(sql)
    if (compiled === undefined) {
      compiled = { statement: connection.prepare(sql, 'run'), layout: parametersOf(sql) }
      statements.set(sql, compiled)
    }
    if (this.#transactionFile === null) {
      connection.run('BEGIN')
      this.#single = connection
      this.#seenIndex = connection.appliedIndex()
    }
    this.#sizeLeft = resultSizeBytesMax
    this.#rows = iterateRows(compiled.statement, compiled.layout, args)
    return this.#page(compiled.statement)
  }

  #stop(): void {
    this.#rows?.return?.()
    this.#rows = null
    this.#single?.run('COMMIT')
    this.#single = null
  }

  #describe({ dataFile, sql }: Extract<WorkerRequest, { type: 'describe' }>): WorkerReply {
    const { connection } = this.#fileOf(dataFile)
    // Processor time, not time on the clock: on a busy machine that would call every text slow.
    const before = process.cpuUsage()
    const description = connection.describe(sql)
    const { user, system } = process.cpuUsage(before)
    return { type: 'description', description, compileTimeMs: (user + system) / 1000 }
  }

  #begin(dataFile: string): WorkerReply {
    const { connection } = this.#fileOf(dataFile)
    connection.run('BEGIN')
    this.#transactionFile = dataFile
    this.#seenIndex = connection.appliedIndex()
    return { type: 'begun', index: this.#seenIndex }
  }

  #end(): WorkerReply {
    this.#stop()
    if (this.#transactionFile !== null) this.#fileOf(this.#transactionFile).connection.run('COMMIT')
    this.#transactionFile = null
    return { type: 'ended' }
  }

  #failed(error: unknown): WorkerReply {
    this.#stop()
    const connection = this.#current === null ? undefined : this.#files.get(this.#current)?.connection
    const known =
      error instanceof HarmonyError ? error : (connection?.toError(error) ?? toHarmonyError(error))
    return { type: 'error', code: known.code, message: known.message }
  }
}

function tooLarge(): HarmonyError {
  return new HarmonyError(
    'RESPONSE_TOO_LARGE',
    'The result, or one of its rows, is larger than the limit: ask for fewer rows or columns, or page through them with LIMIT.',
  )
}
