/**
 * Clients that write and read without a break, each at one member, and remember everything: what was acknowledged, when, and what the
 * others saw of it. Afterwards they tell how long they had to wait, and the history is checked against the database.
 */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than a member lets a request wait for a leader, and for its answer. */
const REQUEST_TIMEOUT_MS = 90_000
/** Of insisting. */
const PATIENCE_MS = 120_000
/** What a change of leaders does to clients, and passes. */
const PASSING: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'NOT_LEADER', 'TRANSACTION_CONFLICT'])
const PAUSE_MS = 4
const PAUSE_WHEN_DOWN_MS = 50

export type Row = readonly (number | string | null)[]

/** What a member answers; throws a QueryError with the code of its error, or what `fetch` throws. */
export async function query(
  url: string,
  sql: string,
  params: readonly unknown[] = [],
  database = 'default',
): Promise<Row[]> {
  const response = await fetch(`${url}/v1/databases/${database}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql, params, rows: 'arrays' }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const body = (await response.json()) as { error?: { code: string; message: string }; rows?: Row[] }
  if (body.error !== undefined) throw new QueryError(body.error.code, body.error.message)
  return body.rows ?? []
}

/**
 * A statement that does no harm when it runs twice: again while nobody leads, or nobody knows what became of it, because its leader has just died or
 * changed. On a busy machine that happens at any moment, to a leader that nobody has touched.
 */
export async function insist(...asked: Parameters<typeof query>): Promise<Row[]> {
  for (const endMs = performance.now() + PATIENCE_MS; ;) {
    try {
      return await query(...asked)
    } catch (error) {
      const isPassing = error instanceof QueryError && PASSING.has(error.code)
      if (!isPassing || performance.now() > endMs) throw error
    }
  }
}

export class QueryError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

export interface Failure {
  readonly client: number
  readonly atMs: number
  readonly reason: string
}

interface Client {
  readonly number: number
  /** Index of its member. */
  readonly member: number
  readonly url: string
}

/** Each load has a table of its own. */
let loads = 0

export class Load {
  readonly #table = `load_${++loads}`
  readonly #clients: readonly Client[]
  readonly #lastNumber = new Map<number, number>()
  /** Client → numbers that were acknowledged. */
  readonly #acknowledged = new Map<number, number[]>()
  readonly #acknowledgedAtMs = new Map<number, number[]>()
  readonly #sent = new Map<number, number>()
  readonly #writeFailures: Failure[] = []
  readonly #readFailures: Failure[] = []
  #reads = 0
  #isOver = false
  #work: Promise<unknown> = Promise.resolve()

  /** `clientsPerMember` writers and as many readers at each of `urls`. */
  constructor(urls: readonly string[], clientsPerMember: number) {
    this.#clients = urls.flatMap((url, member) =>
      Array.from({ length: clientsPerMember }, (_, at) => ({
        number: member * clientsPerMember + at,
        member,
        url,
      })),
    )
    for (const { number } of this.#clients) {
      this.#acknowledged.set(number, [])
      this.#acknowledgedAtMs.set(number, [])
    }
  }

  async start(): Promise<void> {
    const [first] = this.#clients
    assert.ok(first !== undefined)
    await insist(
      first.url,
      `CREATE TABLE IF NOT EXISTS ${this.#table} (client INTEGER, number INTEGER, PRIMARY KEY (client, number))`,
    )
    this.#work = Promise.all(this.#clients.flatMap((client) => [this.#write(client), this.#read(client)]))
  }

  /** Resolves when every request has ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#work
  }

  get acknowledgedCount(): number {
    return [...this.#acknowledged.values()].reduce((sum, { length }) => sum + length, 0)
  }

  get readCount(): number {
    return this.#reads
  }

  /** How often writers were told something else than yes, by code. */
  get writeFailures(): Readonly<Record<string, number>> {
    const counts = Object.groupBy(this.#writeFailures, ({ reason }) => reason)
    return Object.fromEntries(Object.entries(counts).map(([reason, all]) => [reason, all?.length ?? 0]))
  }

  /** Whether every writer of the members has got an acknowledgement since `sinceMs`. */
  hasProgress(members: readonly number[], sinceMs: number): boolean {
    return this.#clients
      .filter(({ member }) => members.includes(member))
      .every(({ number }) => (this.#acknowledgedAtMs.get(number)?.at(-1) ?? 0) > sinceMs)
  }

  /** The longest time, overlapping `fromMs` to `toMs`, in which one writer of the members got no acknowledgement. */
  longestWaitMs(members: readonly number[], fromMs: number, toMs: number): number {
    const waits = this.#clients
      .filter(({ member }) => members.includes(member))
      .map(({ number }) => longestGapMs(this.#acknowledgedAtMs.get(number) ?? [], fromMs, toMs))
    return Math.max(0, ...waits)
  }

  /** Nothing acknowledged is missing at `url`, and nothing is there that was never sent. */
  async check(url: string): Promise<void> {
    for (const { number: client } of this.#clients) {
      const rows = await insist(url, `SELECT number FROM ${this.#table} WHERE client = ?`, [client])
      const found = new Set(rows.map(([number]) => Number(number)))
      const lost = (this.#acknowledged.get(client) ?? []).filter((number) => !found.has(number))
      assert.deepEqual(lost, [], `LOST at ${url}: acknowledged writes of client ${client}`)
      const strange = [...found].filter((number) => number > (this.#sent.get(client) ?? 0))
      assert.deepEqual(strange, [], `never sent, but there at ${url}`)
    }
  }

  async #write(client: Client): Promise<void> {
    for (let number = 1; !this.#isOver; number++) {
      this.#sent.set(client.number, number)
      const atMs = performance.now()
      try {
        await query(client.url, `INSERT INTO ${this.#table} VALUES (?, ?)`, [client.number, number])
        this.#acknowledged.get(client.number)?.push(number)
        this.#acknowledgedAtMs.get(client.number)?.push(performance.now())
        this.#lastNumber.set(client.number, number)
        await sleep(PAUSE_MS)
      } catch (error) {
        this.#writeFailures.push({ client: client.number, atMs, reason: reasonOf(error) })
        await sleep(PAUSE_WHEN_DOWN_MS)
      }
    }
  }

  /** Reads what the writers of other members have got acknowledged: a linearizable read must see all of it. */
  async #read(client: Client): Promise<void> {
    for (let turn = client.number; !this.#isOver; turn++) {
      const other = this.#clients[turn % this.#clients.length] ?? client
      const atLeast = this.#lastNumber.get(other.number) ?? 0
      const atMs = performance.now()
      try {
        const [[seen] = []] = await query(
          client.url,
          `SELECT max(number) FROM ${this.#table} WHERE client = ?`,
          [other.number],
        )
        assert.ok(
          Number(seen ?? 0) >= atLeast,
          `stale: client ${other.number} had ${atLeast}, and ${seen} was read`,
        )
        this.#reads++
        await sleep(PAUSE_MS)
      } catch (error) {
        this.#readFailures.push({ client: client.number, atMs, reason: reasonOf(error) })
        await sleep(PAUSE_WHEN_DOWN_MS)
      }
    }
  }

  /** Of clients of these members. */
  readFailuresAt(members: readonly number[]): readonly Failure[] {
    return this.#readFailures.filter(this.#isAt(members))
  }

  writeFailuresAt(members: readonly number[]): readonly Failure[] {
    return this.#writeFailures.filter(this.#isAt(members))
  }

  #isAt(members: readonly number[]): (failure: Failure) => boolean {
    const clients = this.#clients.filter(({ member }) => members.includes(member)).map(({ number }) => number)
    return ({ client }) => clients.includes(client)
  }
}

function longestGapMs(acknowledgedAtMs: readonly number[], fromMs: number, toMs: number): number {
  const before = acknowledgedAtMs.findLast((atMs) => atMs < fromMs) ?? fromMs
  const within = acknowledgedAtMs.filter((atMs) => atMs >= fromMs && atMs <= toMs)
  const points = [before, ...within, ...(within.length === 0 ? [toMs] : [])]
  return Math.max(0, ...points.slice(1).map((atMs, at) => atMs - (points[at] ?? atMs)))
}

function reasonOf(error: unknown): string {
  if (error instanceof QueryError) return error.message
  if (error instanceof assert.AssertionError) return error.message
  const { cause, name, message } = error as Error & { cause?: NodeJS.ErrnoException }
  return cause?.code ?? `${name}: ${message}`
}
