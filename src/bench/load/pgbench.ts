/** pgbench makes the load: the same program with the same script against PostgreSQL and against HarmonyDB's PostgreSQL protocol, one prepared statement a transaction. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openConnector } from '../clients/connect.ts'
import { findPostgresPrograms, findProgram, runProgram, temporaryFolder } from '../programs.ts'
import type { SqlConnection, Target } from '../target.ts'
import type { PgbenchWorkload } from '../workload.ts'
import { latenciesOf } from './latency.ts'
import type { Loader, RoundOrder, RoundResult } from './loader.ts'
import { usageBetween, usageOf } from './usage.ts'

/** Beyond the length of a round. */
const ANSWER_TIMEOUT_MS = 60_000

export function findPgbench(): string | null {
  const bin = findPostgresPrograms()
  return findProgram('pgbench') ?? (bin === null ? null : join(bin, 'pgbench'))
}

export class Pgbench implements Loader {
  readonly #program: string
  readonly #target: Target
  readonly #workload: PgbenchWorkload
  readonly #folder: string = temporaryFolder('pgbench')
  #rounds = 0

  constructor(program: string, target: Target, workload: PgbenchWorkload) {
    this.#program = program
    this.#target = target
    this.#workload = workload
  }

  async load(): Promise<void> {
    const { setUpAt } = this.#target
    const connector = await openConnector(setUpAt)
    const connection = (await connector.connect(0)) as SqlConnection
    for (const sql of this.#workload.schema(connection.dialect)) await connection.execute(sql)
    await connection.close()
    await connector.close()
    const { script } = this.#workload
    if (script === null) await runProgram(this.#program, [...this.#address(), '-i', '-q', this.#database()])
    else writeFileSync(this.#scriptFile(), script)
  }

  /** There is no warm-up to leave out: pgbench counts from the first transaction. */
  async round(order: RoundOrder): Promise<RoundResult> {
    const log = join(this.#folder, `round-${++this.#rounds}`)
    const before = usageOf(this.#target.processes)
    const output = await runProgram(
      this.#program,
      this.#arguments(order, log),
      order.seconds * 1000 + ANSWER_TIMEOUT_MS,
    )
    const after = usageOf(this.#target.processes)
    const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1])
    if (Number.isNaN(perSecond)) throw new Error(`pgbench printed no rate: ${output}`)
    const latencies = this.#takeLatencies(log)
    return {
      ...latenciesOf(latencies),
      operations: latencies.length,
      perSecond,
      retries: 0,
      unanswered: 0,
      servers: before === null || after === null ? null : usageBetween(before, after),
      client: null,
    }
  }

  check(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #arguments({ clients, seconds, ratePerSecond }: RoundOrder, log: string): readonly string[] {
    const { script, threads } = this.#workload
    return [
      ...this.#address(),
      '-n',
      '-l',
      `--log-prefix=${log}`,
      `--protocol=prepared`,
      `--client=${clients}`,
      `--jobs=${Math.min(threads, clients)}`,
      `--time=${Math.max(1, Math.round(seconds))}`,
      ...(ratePerSecond === null ? [] : [`--rate=${ratePerSecond}`]),
      ...(script === null ? ['-S'] : ['-f', this.#scriptFile()]),
      this.#database(),
    ]
  }

  #address(): readonly string[] {
    const { endpoint } = this.#target
    const address = endpoint.kind === 'postgres' ? endpoint.addresses[0] : undefined
    if (address === undefined) throw new Error(`pgbench can't talk to ${this.#target.title}`)
    return ['-h', address.host, '-p', String(address.port), '-U', 'bench']
  }

  #database(): string {
    const { endpoint } = this.#target
    return endpoint.kind === 'postgres' ? endpoint.database : ''
  }

  #scriptFile(): string {
    return join(this.#folder, 'script.sql')
  }

  /** pgbench's log of transactions: the third field is the latency in microseconds, from the scheduled start where there is one. */
  #takeLatencies(prefix: string): Float64Array {
    const files = readdirSync(this.#folder)
      .map((name) => join(this.#folder, name))
      .filter((path) => path.startsWith(`${prefix}.`))
    const lines = files.flatMap((path) => readFileSync(path, 'utf8').trimEnd().split('\n'))
    for (const path of files) rmSync(path)
    return Float64Array.from(lines, (line) => Number(line.split(' ')[2]) / 1000)
  }
}
