/** A member under test in a process of its own, and what it costs. */

import { Cluster, until } from '../cluster/cluster.ts'
import { query, type Row } from '../cluster/load.ts'
import type { Address, Protocol } from './idle-client.ts'

export class Target implements AsyncDisposable {
  readonly #cluster: Cluster

  private constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Alone, with limits as `--limit` takes them. */
  static async start(...limits: readonly string[]): Promise<Target> {
    const args = limits.flatMap((limit) => ['--limit', limit])
    return new Target(await Cluster.start({ members: 1, args }))
  }

  get url(): string {
    return this.#cluster.url(0)
  }

  get postgresUrl(): string {
    return this.#cluster.postgresUrl(0)
  }

  get log(): string {
    return this.#cluster.log(0)
  }

  address(protocol: Protocol): Address {
    const { hostname, port } = new URL(protocol === 'postgres' ? this.postgresUrl : this.url)
    return { host: hostname, port: Number(port) }
  }

  query(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return query(this.url, sql, params)
  }

  /**
   * Resolves when it has answered: where connections have little time, a machine that is busy lets one in its time be too late with a request that is all
   * right.
   */
  async serves(): Promise<void> {
    await until('others are served', () =>
      this.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    )
  }

  /** Of all its processes: what nobody else can have instead. */
  get memoryBytes(): number {
    return this.#cluster.memory(0).ownBytes
  }

  get cpuTimeMs(): number {
    return this.#cluster.cpuTimeMs(0)
  }

  /** The numbers of its Prometheus page, summed over labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const lines = text.split('\n').filter((line) => new RegExp(`^${name}(\\{| )`).test(line))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]()
  }
}
