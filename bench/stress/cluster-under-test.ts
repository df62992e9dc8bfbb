/** The members that the stress test runs on, and what it asks of them besides its users. */

import { randomUUID } from 'node:crypto'
import { Cluster } from '../../test/cluster/cluster.ts'
import { BODY, POSTS_PER_THREAD, SCHEMA } from './forum.ts'
import type { Target } from './load-protocol.ts'
import { memberProcesses } from './processes.ts'

/** For those who come back all at once when a member has failed. */
const LIMITS = ['http.connectionsMax=20000', 'postgres.connectionsMax=20000', 'gateway.sessionsMax=40000']

const CHANGED_LEADER = /OUTCOME_UNKNOWN|NOT_LEADER/
const ATTEMPTS_MAX = 10

type Row = readonly unknown[]

export class ClusterUnderTest implements AsyncDisposable {
  readonly #cluster: Cluster

  private constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  static async start(members: number, gateways: number): Promise<ClusterUnderTest> {
    const args = gateways === 0 ? [] : ['--gateways', String(gateways)]
    return new ClusterUnderTest(
      await Cluster.start({
        members,
        args: [...args, ...LIMITS.flatMap((limit) => ['--limit', limit])],
      }),
    )
  }

  get targets(): readonly Target[] {
    return this.#cluster.indexes.map((index) => ({
      host: '127.0.0.1',
      httpPort: portOf(this.#cluster.url(index)),
      postgresPort: portOf(this.#cluster.postgresUrl(index)),
    }))
  }

  /** Of all members that run. */
  processes(): { name: string; pid: number }[] {
    return this.running().flatMap((index) => {
      const pid = this.#cluster.pid(index)
      return pid === null ? [] : memberProcesses(`member ${index + 1}`, pid)
    })
  }

  running(): number[] {
    return this.#cluster.indexes.filter((index) => this.#cluster.pid(index) !== null)
  }

  leader(): Promise<number> {
    return this.#cluster.leader()
  }

  kill(index: number): Promise<void> {
    return this.#cluster.kill(index)
  }

  async makeForum(threads: number): Promise<void> {
    const leader = await this.leader()
    for (const sql of SCHEMA) await this.query(leader, sql)
    await this.query(
      leader,
      `INSERT INTO threads (id, title) ${upTo(threads)} SELECT i, 'Thread ' || i FROM n`,
    )
    // In the order in which people write: the posts of a thread lie apart.
    for (let round = 0; round < POSTS_PER_THREAD; round++)
      await this.query(
        leader,
        `INSERT INTO posts (thread, author, body, token) ${upTo(threads)} SELECT i, 0, '${BODY}', 'first' FROM n`,
      )
  }

  /** Again, with the key that makes it count once, while a change of leaders leaves open what became of it. */
  async query(index: number, sql: string): Promise<readonly Row[]> {
    const key = sql.startsWith('SELECT') ? {} : { 'idempotency-key': randomUUID() }
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(`${this.#cluster.url(index)}/v1/databases/default/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...key },
        body: JSON.stringify({ sql }),
      })
      const text = await response.text()
      if (response.ok) return (JSON.parse(text) as { rows: readonly Row[] }).rows
      if (attempt === ATTEMPTS_MAX || !CHANGED_LEADER.test(text))
        throw new Error(`${sql}: ${response.status} ${text}`)
    }
  }

  /** Every reply's token, in pages. */
  async tokens(index: number): Promise<string[]> {
    const tokens: string[] = []
    for (let after = 0; ;) {
      const rows = await this.query(
        index,
        `SELECT id, token FROM posts WHERE id > ${after} AND token <> 'first' ORDER BY id LIMIT 5000`,
      )
      const last = rows.at(-1)
      if (last === undefined) return tokens
      for (const row of rows) tokens.push(String(valueAt(row, 1, 'token')))
      after = Number(valueAt(last, 0, 'id'))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]()
  }
}

/** A table `n` of one column `i`, from 1 to `count`. */
function upTo(count: number): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`
}

/** Rows come as arrays or as objects. */
export function valueAt(row: Row, index: number, name: string): unknown {
  return Array.isArray(row) ? row[index] : (row as unknown as Record<string, unknown>)[name]
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
