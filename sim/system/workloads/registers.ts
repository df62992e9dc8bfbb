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
const COMPARE_AND_SET = `UPDATE registers SET seen = value, value = iif(value = ?, ?, value), version = version + 1
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
  #nextValue = INITIAL_VALUE + 1

  protected async serve(client: Client, at: number): Promise<void> {
    await client.insist(async (session) => {
      for (const sql of SETUP) await run(session, sql)
    })
    await client.repeat(() => (client.random.chance(0.2) ? this.#readOld(client) : this.#operate(client, at)))
  }

  async #operate(client: Client, at: number): Promise<void> {
    const { random } = client
    const key = random.pick(KEYS)
    const action = this.#draw(client)
    const operation = { client: at, key, action, calledAt: client.stamp() }
    const answer = await client.ask((session) => perform(session, key, action))
    const returnedAt = answer.kind === 'ok' ? client.stamp() : null
    this.counts[answer.kind]++
    this.#recorded.push({ operation, returnedAt, answer })
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
      const first = await readAt(session, key, 'linearizable')
      const second = await readAt(session, key, 'session')
      const third = await readAt(session, key, 'stale')
      return { first, second, third }
    })
    this.counts[answer.kind]++
    if (answer.kind !== 'ok') return
    const { first, second, third } = answer.value
    if (second.version < first.version) {
      throw new Violation(
        'sessions never go back',
        `register ${key}: version ${first.version}, then ${second.version} at the level session`,
      )
    }
    this.#oldReads.push({ key, known: first }, { key, known: second }, { key, known: third })
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
  if (action.kind === 'read') return readAt(session, key, 'linearizable')
  const result =
    action.kind === 'write'
      ? await run(session, WRITE, [BigInt(action.value), BigInt(key)])
      : await run(session, COMPARE_AND_SET, [BigInt(action.expected), BigInt(action.value), BigInt(key)])
  const [seen = 0, version = 0] = numbers(result)
  return { seen, version }
}

async function readAt(
  session: Statements,
  key: number,
  level: 'linearizable' | 'session' | 'stale',
): Promise<Known> {
  const result = await run(session, READ, [BigInt(key)], { consistency: { level } })
  const [seen = 0, version = 0] = numbers(result)
  return { seen, version }
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
