/**
 * SQLite called in process, without a network or another member: the ceiling of what any server could do.
 * `better-sqlite3` (from `bench/peers`) where its prebuilt binary runs, and `node:sqlite` always.
 * Durable means WAL with `synchronous=FULL`: each COMMIT waits for the disk.
 */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LatencyRecorder, type RoundResult } from '../harness/latency.ts'
import { temporaryFolder } from '../harness/temporary.ts'
import { FILL_SQL, INSERT_SQL, INSERTED_VALUE, randomKey, READ_SQL, SCHEMA } from '../workloads.ts'
import type { Round, Target, TargetResult } from './target.ts'

/** What both libraries have in common. */
interface SqliteConnection {
  exec(sql: string): unknown
  prepare(sql: string): { get(value: unknown): unknown; run(value: unknown): unknown }
  close(): unknown
}

const DURABILITY = 'WAL, synchronous=FULL (fsync at each commit)'

function inProcessTarget(name: string, connection: SqliteConnection): Target {
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA mmap_size = 1073741824')
  for (const sql of [...SCHEMA, FILL_SQL]) connection.exec(sql)
  const read = connection.prepare(READ_SQL)
  const insert = connection.prepare(INSERT_SQL)
  return {
    name,
    durability: DURABILITY,
    isConcurrent: false,
    client: 'in process',
    supports: (workload) => workload !== 'pgbench-select',
    processorSeconds: () => null,
    run: (round) =>
      Promise.resolve(
        round.workload === 'point-read'
          ? measure(round, () => void read.get(randomKey()))
          : measure(round, () => void insert.run(INSERTED_VALUE)),
      ),
    close: () => Promise.resolve(void connection.close()),
  }
}

function measure(round: Round, operate: () => void): RoundResult {
  const recorder = new LatencyRecorder()
  const measureFrom = performance.now() + round.seconds * 200
  while (performance.now() < measureFrom) operate()
  const end = measureFrom + round.seconds * 1000
  for (let before = performance.now(); before < end;) {
    operate()
    const after = performance.now()
    recorder.record(after - before)
    before = after
  }
  return recorder.result(performance.now() - measureFrom)
}

export function nodeSqliteTarget(): Target {
  return inProcessTarget(
    'node:sqlite in process',
    new DatabaseSync(join(temporaryFolder('sqlite'), 'data.db')),
  )
}

export function betterSqlite3Target(): TargetResult {
  try {
    const load = createRequire(new URL('../peers/package.json', import.meta.url))
    const Database = load('better-sqlite3') as new (path: string) => SqliteConnection
    const connection = new Database(join(temporaryFolder('better-sqlite3'), 'data.db'))
    return inProcessTarget('better-sqlite3 in process', connection)
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return { unavailable: `better-sqlite3: ${reason}` }
  }
}
