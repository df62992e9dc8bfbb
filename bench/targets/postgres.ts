/**
 * PostgreSQL with pgbench, where both are installed: a temporary cluster on loopback with its own defaults
 * (fsync and synchronous_commit on), the same table and statements, prepared mode.
 */

import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RoundResult } from '../harness/latency.ts'
import { percentile } from '../harness/latency.ts'
import { freePort, temporaryFolder } from '../harness/temporary.ts'
import { TABLE_ROWS, VALUE_BYTES, type WorkloadName } from '../workloads.ts'
import type { Round, Target, TargetResult } from './target.ts'

const SCRIPTS: Readonly<Record<WorkloadName, string>> = {
  'point-read': `\\set id random(1, ${TABLE_ROWS})\nSELECT value FROM item WHERE id = :id;\n`,
  'durable-insert': `INSERT INTO event (value) VALUES ('${'x'.repeat(VALUE_BYTES)}');\n`,
}

const SETUP = `
  CREATE TABLE item (id bigint PRIMARY KEY, value text NOT NULL);
  CREATE TABLE event (id bigserial PRIMARY KEY, value text NOT NULL);
  INSERT INTO item SELECT i, lpad(i::text, ${VALUE_BYTES}, '0') FROM generate_series(1, ${TABLE_ROWS}) i;
  VACUUM ANALYZE item;`

/** The newest PostgreSQL programs of this machine. */
function findPrograms(): string | null {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return (
    versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'pgbench'))) ??
    null
  )
}

/** PostgreSQL refuses to run as root: then its programs run as the user `postgres`. */
function run(program: string, args: readonly string[], options: ExecFileSyncOptions = {}): string {
  const isRoot = process.getuid?.() === 0
  const [command, all]: readonly [string, readonly string[]] = isRoot
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]]
    : [program, args]
  return String(execFileSync(command, all, { stdio: ['ignore', 'pipe', 'pipe'], ...options }))
}

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
  const port = String(await freePort())
  const data = join(folder, 'data')
  run(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-locale'])
  const settings = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c max_connections=400`
  run(join(bin, 'pg_ctl'), ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start'], {
    stdio: 'ignore',
  })
  const stop = (): void => void run(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'])
  process.once('exit', stop)
  const address = ['-h', '127.0.0.1', '-p', port, '-U', 'bench']
  run(join(bin, 'psql'), [...address, '-q', '-d', 'postgres', '-c', SETUP.split('VACUUM')[0] ?? ''])
  run(join(bin, 'psql'), [...address, '-q', '-d', 'postgres', '-c', 'VACUUM ANALYZE item'])
  const version = run(join(bin, 'postgres'), ['--version']).trim().split(' ').slice(2, 3).join('')
  return {
    name: `PostgreSQL ${version}, pgbench -M prepared`,
    durability: 'fsync=on, synchronous_commit=on (WAL flush before each acknowledgement)',
    isConcurrent: true,
    run: (round) => Promise.resolve(measure(bin, folder, address, round)),
    close: () => {
      process.removeListener('exit', stop)
      return Promise.resolve(stop())
    },
  }
}

function measure(bin: string, folder: string, address: readonly string[], round: Round): RoundResult {
  const script = join(folder, `${round.workload}.sql`)
  writeFileSync(script, SCRIPTS[round.workload])
  const log = join(folder, `latency-${round.clients}-${performance.now().toFixed(0)}`)
  const threads = Math.min(2, round.clients)
  const output = run(join(bin, 'pgbench'), [
    ...address,
    '-n',
    '-M',
    'prepared',
    '-f',
    script,
    '-c',
    String(round.clients),
    '-j',
    String(threads),
    '-T',
    String(Math.max(3, Math.round(round.seconds))),
    '-l',
    `--log-prefix=${log}`,
    'postgres',
  ])
  const tps = /tps = ([\d.]+)/.exec(output)?.[1]
  if (tps === undefined) throw new Error(`pgbench printed no rate: ${output}`)
  const latencies = readLatencies(folder, log)
  return {
    operations: latencies.length,
    durationMs: (latencies.length / Number(tps)) * 1000,
    perSecond: Number(tps),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p999Ms: percentile(latencies, 0.999),
  }
}

/** pgbench's per-transaction log: the third field is the latency in microseconds. */
function readLatencies(folder: string, prefix: string): Float64Array {
  const lines = readdirSync(folder)
    .filter((name) => join(folder, name).startsWith(`${prefix}.`))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
  return Float64Array.from(lines, (line) => Number(line.split(' ')[2]) / 1000).sort()
}
