/**
 * A query worker: a child process that runs statements which may run long, because `node:sqlite` has no interrupt and
 * only a process can be killed. It opens the database files read-only, like the gateway that started it.
 *
 * It must not outlive its gateway: it ends when the channel closes, and, because a statement keeps it from noticing,
 * a watchdog thread ends it when its parent is gone or when one stretch of work takes longer than its timeout.
 */

import type { StatementSync } from 'node:sqlite'
import { HarmonyError, toHarmonyError } from '../../base/errors.ts'
import { must } from '../../base/assert.ts'
import { type ParameterLayout, parametersOf } from '../parameters.ts'
import { startWatchdog } from '../watchdog.ts'
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

/** Cells shared with the watchdog: [0] is 1 while a stretch of work runs, [1] its timeout in milliseconds. */
const watched = new Int32Array(new SharedArrayBuffer(8))

const options = JSON.parse(process.argv[2] as string) as WorkerOptions
const files = new Map<string, OpenFile>()
let rows: Iterator<Row> | null = null
let sizeLeft = 0
let transactionFile: string | null = null
/** Of the read transaction around a single statement, which tells what index it sees. */
let single: ReadConnection | null = null
let seenIndex = 0n

function fileOf(dataFile: string): OpenFile {
  const known = files.get(dataFile)
  if (known !== undefined && (dataFile === transactionFile || !known.connection.isReplaced)) return known
  if (known !== undefined) forget(dataFile, known)
  for (const [path, oldest] of files) {
    if (files.size < CONNECTIONS_MAX) break
    if (path !== transactionFile) forget(path, oldest)
  }
  const connection = new ReadConnection(dataFile, {
    valueSizeBytesMax: options.valueSizeBytesMax,
    mmapSizeBytes: options.mmapSizeBytes,
    programLengthMax: SQLITE_PROGRAM_LENGTH_MAX,
    replacementWaitMs: REPLACEMENT_WAIT_MS,
  })
  const opened: OpenFile = { connection, statements: new LruMap(STATEMENTS_MAX) }
  files.set(dataFile, opened)
  return opened
}

function forget(path: string, { connection }: OpenFile): void {
  connection.close()
  files.delete(path)
}

function send(reply: WorkerReply): void {
  process.send?.(reply)
}

/** `first` is the statement whose first page it is: only its first step compiles it anew if the schema has changed. */
function sendPage(first: StatementSync | null): void {
  const iterator = must(rows, 'no statement runs')
  const page: Row[] = []
  let size = 0
  while (page.length < options.pageRowsMax && size < options.pageSizeBytesMax) {
    const next = iterator.next()
    if (next.done === true) {
      stop()
      break
    }
    const rowBytes = rowSizeBytes(next.value)
    if (rowBytes > options.rowSizeBytesMax || size + rowBytes > sizeLeft) throw tooLarge()
    page.push(next.value)
    size += rowBytes
  }
  sizeLeft -= size
  const columns = first === null ? null : columnsOf(first)
  send({ type: 'page', columns, rows: page, index: seenIndex, isLast: rows === null })
}

function tooLarge(): HarmonyError {
  return new HarmonyError(
    'RESPONSE_TOO_LARGE',
    'The result, or one of its rows, is larger than the limit: ask for fewer rows or columns, or page through them with LIMIT.',
  )
}

function run(request: Extract<WorkerRequest, { type: 'run' }>): void {
  const { connection, statements } = fileOf(request.dataFile)
  const { sql, args } = request.statement
  connection.context = request.context
  let compiled = statements.get(sql)
  if (compiled === undefined) {
    compiled = { statement: connection.prepare(sql, 'run'), layout: parametersOf(sql) }
    statements.set(sql, compiled)
  }
  if (transactionFile === null) {
    connection.run('BEGIN')
    single = connection
    seenIndex = connection.appliedIndex()
  }
  sizeLeft = request.resultSizeBytesMax
  rows = iterateRows(compiled.statement, compiled.layout, args)
  sendPage(compiled.statement)
}

function stop(): void {
  rows?.return?.()
  rows = null
  single?.run('COMMIT')
  single = null
}

function describe(request: Extract<WorkerRequest, { type: 'describe' }>): void {
  const { connection } = fileOf(request.dataFile)
  // Processor time, not time on the clock: on a busy machine that would call every text slow.
  const before = process.cpuUsage()
  const description = connection.describe(request.sql)
  const { user, system } = process.cpuUsage(before)
  send({ type: 'description', description, compileTimeMs: (user + system) / 1000 })
}

function begin(dataFile: string): void {
  const { connection } = fileOf(dataFile)
  connection.run('BEGIN')
  transactionFile = dataFile
  seenIndex = connection.appliedIndex()
  send({ type: 'begun', index: seenIndex })
}

function end(): void {
  stop()
  if (transactionFile !== null) fileOf(transactionFile).connection.run('COMMIT')
  transactionFile = null
  send({ type: 'ended' })
}

function handle(request: WorkerRequest): void {
  switch (request.type) {
    case 'run':
      Atomics.store(watched, 1, request.timeoutMs)
      return run(request)
    case 'next':
      return sendPage(null)
    case 'stop':
      stop()
      return send({ type: 'stopped' })
    case 'describe':
      Atomics.store(watched, 1, request.timeoutMs)
      return describe(request)
    case 'begin':
      return begin(request.dataFile)
    case 'end':
      return end()
  }
}

function sendError(error: unknown, connection: ReadConnection | null): void {
  stop()
  const known = error instanceof HarmonyError ? error : (connection?.toError(error) ?? toHarmonyError(error))
  send({ type: 'error', code: known.code, message: known.message })
}

let current: string | null = null

process.on('message', (request: WorkerRequest) => {
  Atomics.store(watched, 0, 1)
  if ('dataFile' in request) current = request.dataFile
  try {
    handle(request)
  } catch (error) {
    sendError(error, current === null ? null : (files.get(current)?.connection ?? null))
  } finally {
    Atomics.store(watched, 0, 0)
  }
})
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group of processes: the gateway decides when its workers end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

startWatchdog({ parentId: process.ppid, memoryBytesMax: options.memoryBytesMax, work: watched })
send({ type: 'ready' })
