/**
 * What one database's engine can do in this thread: durable-free, since the journal makes writes durable. One row into a
 * table with one secondary index per transaction, by batch size, beside plain SQLite in autocommit and in transactions.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { randomBytes } from 'node:crypto'
import { INITIAL_CONTEXT } from '../src/base/transaction.ts'
import type { TransactionRequest } from '../src/base/transaction.ts'
import { EngineCore } from '../src/engine/engine-core.ts'
import type { LogEntry } from '../src/engine/engine.ts'

const SCHEMA = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, value REAL)'
const INDEX = 'CREATE INDEX item_name ON item (name)'
const INSERT = 'INSERT INTO item (name, value) VALUES (?, ?)'
const ROWS = 50_000

function requestOf(ordinal: number): TransactionRequest {
  const values = [`name ${(ordinal * 7919) % 100_000}`, ordinal / 3]
  return {
    statements: [{ sql: INSERT, args: { positional: values, named: [] } }],
    context: { ...INITIAL_CONTEXT, lastInsertRowid: BigInt(ordinal % 64) },
    idempotencyKey: null,
    resultSizeBytesMax: 1_000_000,
  }
}

function report(name: string, rows: number, startNs: bigint): void {
  const seconds = Number(process.hrtime.bigint() - startNs) / 1e9
  console.log(`${name.padEnd(44)} ${Math.round(rows / seconds).toLocaleString('en')} rows/s`)
}

function plain(folder: string, perTransaction: number): void {
  const database = new DatabaseSync(join(folder, `plain-${perTransaction}.db`))
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${SCHEMA}; ${INDEX}`)
  const insert = database.prepare(INSERT)
  const start = process.hrtime.bigint()
  for (let row = 0; row < ROWS; row++) {
    if (perTransaction > 1 && row % perTransaction === 0) database.exec('BEGIN')
    insert.run(`name ${(row * 7919) % 100_000}`, row / 3)
    if (perTransaction > 1 && (row + 1) % perTransaction === 0) database.exec('COMMIT')
  }
  if (database.isTransaction) database.exec('COMMIT')
  report(`plain SQLite, ${perTransaction} per transaction`, ROWS, start)
  database.close()
}

function engine(folder: string, batchSize: number): LogEntry[] {
  const core = new EngineCore({ database: 'bench', dataFile: join(folder, `engine-${batchSize}.db`) })
  const log: LogEntry[] = []
  const submit = (requests: TransactionRequest[]): void => {
    const batch = core.executeBatch(requests, { timeMs: Date.now(), seed: randomBytes(16) })
    if (batch.kind === 'settled') throw new Error('nothing was written')
    const index = core.applied.index + 1n
    log.push({ term: 1n, index, payload: batch.payload })
    core.commit(1n, index)
  }
  for (const sql of [SCHEMA, INDEX]) {
    submit([{ ...requestOf(0), statements: [{ sql, args: { positional: [], named: [] } }] }])
  }
  const rows = Math.floor(ROWS / (batchSize === 1 ? 4 : 1))
  const requests = Array.from({ length: rows }, (_, ordinal) => requestOf(ordinal))
  const start = process.hrtime.bigint()
  for (let at = 0; at < rows; at += batchSize) submit(requests.slice(at, at + batchSize))
  report(`engine, batch of ${batchSize}`, rows, start)
  core.close()
  return log
}

function replay(folder: string, batchSize: number, log: readonly LogEntry[]): void {
  const core = new EngineCore({ database: 'bench', dataFile: join(folder, `replica-${batchSize}.db`) })
  const start = process.hrtime.bigint()
  core.replay(log)
  report(`replay, batch of ${batchSize}`, Math.floor(ROWS / (batchSize === 1 ? 4 : 1)), start)
  core.close()
}

const folder = mkdtempSync(join(tmpdir(), 'harmony-bench-'))
try {
  console.log('No row below is synced: in a member the journal does that, once per batch.')
  for (const size of [1, 16, 128, 1024]) plain(folder, size)
  for (const size of [1, 16, 128, 1024]) replay(folder, size, engine(folder, size))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
