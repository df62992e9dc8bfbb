/**
 * Registers, written, compared-and-set and read by many at once: the history must be linearizable (promise P2), and the log that a
 * trigger keeps of every change must have each acknowledged write where it was said to be, and none that was refused (P1).
 *
 * Each register counts its versions, so every operation tells where in the order it was. That makes the check of most
 * histories one pass; the order of versions is itself checked like any other.
 */

import { Violation } from '../../checkers/checker.ts'
import { findNonLinearizableKey, INITIAL_VALUE } from '../../../src/history/registers.ts'
import type { RegisterAction, RegisterOperation } from '../../../src/history/registers.ts'
import type { Consistency } from '../../../src/gateway/session.ts'
import { numbers, run } from '../client.ts'
import type { Answer, Client, Statements } from '../client.ts'
import type { FinalContent } from './workload.ts'
import { Workload } from './workload.ts'

const KEYS = [1, 2, 3]

const SETUP = [
  `CREATE TABLE IF NOT EXISTS registers (key INTEGER PRIMARY KEY, value INTEGER NOT NULL DEFAULT ${INITIAL_VALUE},
    seen INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0)`,
  'CREATE TABLE IF NOT EXISTS register_log (key, version, value, seen, at DEFAULT CURRENT_TIMESTAMP, salt DEFAULT (random()))',
  `CREATE TRIGGER IF NOT EXISTS register_change AFTER UPDATE OF version ON registers BEGIN
    INSERT INTO register_log (key, version, value, seen) VALUES (new.key, new.version, new.value, new.seen); END`,
  ...KEYS.map((key) => `INSERT OR IGNORE INTO registers (key) VALUES (${key})`),
]

const READ = 'SELECT value, version FROM registers WHERE key = ?'
const WRITE =
  'UPDATE registers SET seen = value, value = ?, version = version + 1 WHERE key = ? RETURNING seen, version'
const COMPARE_AND_SET = `UPDATE registers SET seen = value, value = CASE WHEN value = ? THEN ? ELSE value END, version = version + 1
  WHERE key = ? RETURNING seen, version`

type Known = { readonly seen: number; readonly version: number }

interface Recorded {
  readonly operation: Omit<RegisterOperation, 'seen' | 'position' | 'returnedAt'>
  readonly returnedAt: number | null
  readonly answer: Answer<Known>
}

interface LogRow {
  readonly version: number
  readonly value: number
  readonly seen: number
}

export class Registers extends Workload {
  readonly name = 'registers'
  readonly #recorded: Recorded[] = []
  /** Reads that need not be linearizable: what they saw must have been there. */
  readonly #oldReads: { readonly key: number; readonly known: Known }[] = []
  /** Versions that clients knew of, in order of time. */
  readonly #known: { readonly key: number; readonly version: number; readonly atMs: number }[] = []
  #nextValue = INITIAL_VALUE + 1

  protected async serve(client: Client, at: number): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => this.#step(client, at))
  }

  #step(client: Client, at: number): Promise<void> {
    const { random } = client
    if (random.chance(0.1)) return this.#readOld(client)
    if (random.chance(0.1)) return this.#readOwn(client, at)
    if (random.chance(0.1)) return this.#readWithBound(client)
    return this.#operate(client, at, this.#draw(client))
  }

  /** `then`: what the client does in the same session right after it was answered. */
  async #operate(
    client: Client,
    at: number,
    action: RegisterAction,
    then: (session: Statements, key: number, known: Known) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const { random } = client
    const key = random.pick(KEYS)
    const isInTransaction = action.kind === 'read' && random.chance(0.3)
    const operation = { client: at, key, action, calledAt: client.stamp() }
    const done: { known: Known | null; returnedAt: number } = { known: null, returnedAt: 0 }
    const outcome = await client.ask(async (session) => {
      const known = isInTransaction
        ? await readInTransaction(session, key)
        : await perform(session, key, action)
      Object.assign(done, { known, returnedAt: client.stamp() })
      await then(session, key, known)
    })
    // What failed afterwards says nothing about it.
    const answer: Answer<Known> =
      done.known === null ? unanswered(outcome) : { kind: 'ok', value: done.known }
    this.counts[answer.kind]++
    const returnedAt = answer.kind === 'ok' ? done.returnedAt : null
    this.#recorded.push({ operation, returnedAt, answer })
    if (answer.kind === 'ok') this.#known.push({ key, version: answer.value.version, atMs: client.nowMs })
  }

  #draw({ random }: Client): RegisterAction {
    const kind = random.pick(['read', 'read', 'write', 'write', 'compare-and-set'] as const)
    if (kind === 'read') return { kind }
    const value = this.#nextValue++
    if (kind === 'write') return { kind, value }
    return { kind, expected: random.integer(Math.max(INITIAL_VALUE, value - 6), value - 1), value }
  }

  /** A session never goes back, whatever level its later reads have (promise P2). */
  async #readOld(client: Client): Promise<void> {
    const key = client.random.pick(KEYS)
    const answer = await client.ask(async (session) => {
      const first = await readAt(session, key, { level: 'linearizable' })
      const second = await readAt(session, key, { level: 'session' })
      const third = await readAt(session, key, { level: 'stale' })
      return { first, second, third }
    })
    this.counts[answer.kind]++
    if (answer.kind !== 'ok') return
    const { first, second, third } = answer.value
    if (second.version < first.version) throw backInTime(key, first.version, second.version, 'session')
    this.#oldReads.push({ key, known: first }, { key, known: second }, { key, known: third })
  }

  /** A session reads what it wrote, at the level session too. */
  async #readOwn(client: Client, at: number): Promise<void> {
    await this.#operate(
      client,
      at,
      { kind: 'write', value: this.#nextValue++ },
      async (session, key, written) => {
        const { version } = await readAt(session, key, { level: 'session' })
        if (version < written.version) throw backInTime(key, written.version, version, 'session')
      },
    )
  }

  /** What everybody could know so long ago is there. */
  async #readWithBound(client: Client): Promise<void> {
    const key = client.random.pick(KEYS)
    const maxStalenessMs = client.random.pick([20, 200, 2_000])
    const oldestMs = client.nowMs - maxStalenessMs
    const answer = await client.ask((session) => readAt(session, key, { level: 'stale', maxStalenessMs }))
    this.counts[answer.kind]++
    if (answer.kind !== 'ok') return
    const { version } = answer.value
    const known = this.#known.filter((one) => one.key === key && one.atMs <= oldestMs)
    const newest = Math.max(0, ...known.map((one) => one.version))
    if (version < newest) throw backInTime(key, newest, version, `stale, at most ${maxStalenessMs} ms`)
    this.#oldReads.push({ key, known: answer.value })
  }

  override check(final: FinalContent): void {
    const log = Map.groupBy(logRows(final), ({ key }) => key)
    for (const recorded of this.#recorded) checkAnswer(recorded, log.get(recorded.operation.key) ?? [])
    for (const { key, known } of this.#oldReads) checkSeen(key, known, log.get(key) ?? [])
    const history = this.#recorded.flatMap((one) => toOperation(one, log.get(one.operation.key) ?? []))
    const found = findNonLinearizableKey(history)
    if (found === null) return
    const { key, result } = found
    throw new Violation(
      'linearizable history',
      `register ${key} is ${result.kind}; stuck at ${JSON.stringify(result.stuck)} after ${JSON.stringify(result.order.slice(-6))}`,
    )
  }
}

async function perform(session: Statements, key: number, action: RegisterAction): Promise<Known> {
  if (action.kind === 'read') return readAt(session, key, { level: 'linearizable' })
  const result =
    action.kind === 'write'
      ? await run(session, WRITE, [BigInt(action.value), BigInt(key)])
      : await run(session, COMPARE_AND_SET, [BigInt(action.expected), BigInt(action.value), BigInt(key)])
  const [seen = 0, version = 0] = numbers(result)
  return { seen, version }
}

async function readAt(session: Statements, key: number, consistency: Consistency): Promise<Known> {
  const result = await run(session, READ, [BigInt(key)], { consistency })
  const [seen = 0, version = 0] = numbers(result)
  return { seen, version }
}

/** On the leader's writer. It changes nothing, so no entry of the log proves that this member still led. */
async function readInTransaction(session: Statements, key: number): Promise<Known> {
  await run(session, 'BEGIN IMMEDIATE')
  const known = await readAt(session, key, { level: 'linearizable' })
  await run(session, 'COMMIT')
  return known
}

function unanswered(outcome: Answer<void>): Answer<never> {
  return outcome.kind === 'ok' ? { kind: 'unknown', why: 'it ended without a result' } : outcome
}

function backInTime(key: number, known: number, seen: number, level: string): Violation {
  return new Violation(
    'sessions never go back',
    `register ${key}: version ${known} was known, and a read at the level ${level} saw ${seen}`,
  )
}

function logRows(final: FinalContent): (LogRow & { key: number })[] {
  return final
    .rows('SELECT key, version, value, seen FROM register_log ORDER BY key, version')
    .map((row) => row.map(Number))
    .map(([key = 0, version = 0, value = 0, seen = 0]) => ({ key, version, value, seen }))
}

/** What became of a write by the log; undefined for reads and for what left no trace. */
function rowOf({ operation: { action }, answer }: Recorded, log: readonly LogRow[]): LogRow | undefined {
  if (action.kind === 'read') return undefined
  return log.find(
    (row) => row.value === action.value || (answer.kind === 'ok' && row.version === answer.value.version),
  )
}

function checkAnswer(recorded: Recorded, log: readonly LogRow[]): void {
  const { operation, answer } = recorded
  const { action, key } = operation
  if (action.kind === 'read') return
  const row = rowOf(recorded, log)
  const what = `${action.kind} of ${action.value} to register ${key}`
  if (answer.kind === 'refused' && row !== undefined) {
    throw new Violation(
      'nothing refused is there',
      `${what} was refused with ${answer.code} and is version ${row.version}`,
    )
  }
  if (answer.kind !== 'ok') return
  const wasSet = action.kind === 'write' || answer.value.seen === action.expected
  const value = wasSet ? action.value : answer.value.seen
  if (row?.version === answer.value.version && row.value === value && row.seen === answer.value.seen) return
  throw new Violation(
    'acknowledged writes are there',
    `${what} was acknowledged as version ${answer.value.version} after ${answer.value.seen}; the log has ${JSON.stringify(row)}`,
  )
}

function checkSeen(key: number, { seen, version }: Known, log: readonly LogRow[]): void {
  const value =
    version === 0 ? INITIAL_VALUE : log.find((row) => row.version === version && row.value === seen)?.value
  if (value === seen) return
  throw new Violation(
    'only committed state is read',
    `a read of register ${key} saw ${seen} as version ${version}, which the log does not have`,
  )
}

function toOperation(recorded: Recorded, log: readonly LogRow[]): RegisterOperation[] {
  const { operation, returnedAt, answer } = recorded
  if (answer.kind === 'ok') {
    const { seen, version } = answer.value
    const position = version * 2 + (operation.action.kind === 'read' ? 1 : 0)
    return [{ ...operation, returnedAt, seen, position }]
  }
  const row = rowOf(recorded, log)
  if (row === undefined) return []
  return [{ ...operation, returnedAt: null, seen: row.seen, position: row.version * 2 }]
}
