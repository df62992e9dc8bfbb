/**
 * PostgreSQL's own load generator, the same program with the same scripts against PostgreSQL and against HarmonyDB's PostgreSQL
 * protocol: prepared mode, one transaction a statement.
 */

import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { percentile, type RoundResult } from '../harness/latency.ts'
import { temporaryFolder } from '../harness/temporary.ts'
import { INSERTED_VALUE, TABLE_ROWS, type WorkloadName } from '../workloads.ts'
import type { Round } from './target.ts'

/** Null: built into pgbench. */
const SCRIPTS: Readonly<Record<WorkloadName, string | null>> = {
  'point-read': `\\set id random(1, ${TABLE_ROWS})\nSELECT value FROM item WHERE id = :id;\n`,
  'durable-insert': `INSERT INTO event (value) VALUES ('${INSERTED_VALUE}');\n`,
  'pgbench-select': null,
}

export interface PostgresAddress {
  readonly port: number
  readonly database: string
}

/** PostgreSQL refuses to run as root: then its programs run as the user `postgres`. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ExecFileSyncOptions = {},
): string {
  const isRoot = process.getuid?.() === 0
  const [command, all]: readonly [string, readonly string[]] = isRoot
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]]
    : [program, args]
  return String(execFileSync(command, all, { stdio: ['ignore', 'pipe', 'pipe'], ...options }))
}

/** The newest PostgreSQL programs of this machine; null if it has none with pgbench. */
export function findPrograms(): string | null {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return (
    versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'pgbench'))) ??
    null
  )
}

export class Pgbench {
  readonly #bin: string
  readonly #address: PostgresAddress
  readonly #folder: string

  constructor(bin: string, address: PostgresAddress) {
    this.#bin = bin
    this.#address = address
    this.#folder = temporaryFolder('pgbench')
    chmodSync(this.#folder, 0o777)
  }

  /** Makes the tables of the built-in scripts, 100,000 accounts. */
  initialise(): void {
    runProgram(join(this.#bin, 'pgbench'), [...this.#connection(), '-i', '-q', this.#address.database])
  }

  measure(round: Round): RoundResult {
    const log = join(this.#folder, `latency-${round.clients}-${performance.now().toFixed(0)}`)
    const load = `-n -M prepared -c ${round.clients} -j ${Math.min(2, round.clients)}`.split(' ')
    const length = ['-T', String(Math.max(1, Math.round(round.seconds))), '-l', `--log-prefix=${log}`]
    const what = [...this.#script(round.workload), this.#address.database]
    const output = runProgram(join(this.#bin, 'pgbench'), [
      ...this.#connection(),
      ...load,
      ...length,
      ...what,
    ])
    const tps = /tps = ([\d.]+)/.exec(output)?.[1]
    if (tps === undefined) throw new Error(`pgbench printed no rate: ${output}`)
    const latencies = this.#takeLatencies(log)
    return {
      operations: latencies.length,
      durationMs: (latencies.length / Number(tps)) * 1000,
      perSecond: Number(tps),
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      p999Ms: percentile(latencies, 0.999),
    }
  }

  #connection(): readonly string[] {
    return ['-h', '127.0.0.1', '-p', String(this.#address.port), '-U', 'bench']
  }

  #script(workload: WorkloadName): readonly string[] {
    const text = SCRIPTS[workload]
    if (text === null) return ['-S']
    const path = join(this.#folder, `${workload}.sql`)
    writeFileSync(path, text)
    return ['-f', path]
  }

  /** pgbench's per-transaction log: the third field is the latency in microseconds. */
  #takeLatencies(prefix: string): Float64Array {
    const files = readdirSync(this.#folder)
      .map((name) => join(this.#folder, name))
      .filter((path) => path.startsWith(`${prefix}.`))
    const lines = files.flatMap((path) => readFileSync(path, 'utf8').trimEnd().split('\n'))
    for (const path of files) rmSync(path)
    return Float64Array.from(lines, (line) => Number(line.split(' ')[2]) / 1000).sort()
  }
}
