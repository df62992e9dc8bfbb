/**
 * PostgreSQL, where it is installed with pgbench: a temporary cluster on loopback with its own defaults (fsync and
 * synchronous_commit on), the same tables and statements.
 */

import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { processorSeconds } from '../harness/processor-time.ts'
import { freePort, temporaryFolder } from '../harness/temporary.ts'
import { TABLE_ROWS, VALUE_BYTES } from '../workloads.ts'
import { findPrograms, Pgbench, runProgram } from './pgbench.ts'
import type { Target, TargetResult } from './target.ts'

const SETUP: readonly string[] = [
  'CREATE TABLE item (id bigint PRIMARY KEY, value text NOT NULL)',
  'CREATE TABLE event (id bigserial PRIMARY KEY, value text NOT NULL)',
  `INSERT INTO item SELECT i, lpad(i::text, ${VALUE_BYTES}, '0') FROM generate_series(1, ${TABLE_ROWS}) i`,
  'VACUUM ANALYZE item',
]

export async function postgresTarget(): Promise<TargetResult> {
  const bin = findPrograms()
  if (bin === null) return { unavailable: 'PostgreSQL: no server with pgbench is installed' }
  try {
    return await startPostgres(bin)
  } catch (error) {
    return {
      unavailable: `PostgreSQL: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
    }
  }
}

async function startPostgres(bin: string): Promise<Target> {
  const folder = temporaryFolder('postgres')
  chmodSync(folder, 0o777)
  const port = await freePort()
  const data = join(folder, 'data')
  const cluster = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-locale']
  runProgram(join(bin, 'initdb'), cluster)
  const settings = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c max_connections=400`
  const start = ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start']
  runProgram(join(bin, 'pg_ctl'), start, { stdio: 'ignore' })
  const stop = (): void => void runProgram(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'])
  process.once('exit', stop)
  const address = ['-h', '127.0.0.1', '-p', String(port), '-U', 'bench']
  for (const sql of SETUP) {
    runProgram(join(bin, 'psql'), [...address, '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-c', sql])
  }
  const pgbench = new Pgbench(bin, { port, database: 'postgres' })
  pgbench.initialise()
  const postmaster = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
  const version = runProgram(join(bin, 'postgres'), ['--version']).trim().split(' ').slice(2, 3).join('')
  return {
    name: `PostgreSQL ${version}, pgbench`,
    durability: 'fsync=on, synchronous_commit=on (WAL flush before each acknowledgement)',
    client: 'pgbench',
    isConcurrent: true,
    supports: () => true,
    processorSeconds: () => processorSeconds(postmaster),
    run: (round) => Promise.resolve(pgbench.measure(round)),
    close: () => {
      process.removeListener('exit', stop)
      return Promise.resolve(stop())
    },
  }
}
