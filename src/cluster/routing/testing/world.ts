/**
 * Members with routing each, and one database on all of them, in memory: a group whose leader a test chooses, and a way between members
 * that loses what a test wants lost. Time passes only when a test lets it.
 */

import { HarmonyError } from '../../../base/errors.ts'
import { INITIAL_CONTEXT } from '../../../base/transaction.ts'
import type { OutcomeReceiver, TransactionOutcome, TransactionRequest } from '../../../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../../../base/value.ts'
import { NO_ARGUMENTS } from '../../../base/value.ts'
import { SeededRandom } from '../../../host/random.ts'
import { NotLeaderError } from '../../../group/leadership.ts'
import type { CallOutcome, CallRequest } from '../../transport/calls.ts'
import { SimulatedClock } from '../../transport/testing/simulated-clock.ts'
import { decodeCall } from '../call-codec.ts'
import type { RoutingLimits } from '../limits.ts'
import type { RoutingCall } from '../message.ts'
import type {
  BeginOptions,
  Committed,
  LocalReplica,
  OpenTransaction,
  StatementDescription,
} from '../parts.ts'
import { Routing } from '../routing.ts'
import type { RoutedDatabase } from '../routed-database.ts'

export const GROUP = 7

/**
 * What happens to a call. `late`: the caller is told that it was not answered, and then it arrives. `silence`:
 * nothing comes, and nobody says so before the call's time is up.
 */
export type Fate = 'arrives' | 'not-sent' | 'overloaded' | 'request-lost' | 'answer-lost' | 'late' | 'silence'

export function request(sql: string, key: string | null = null): TransactionRequest {
  const statements = [{ sql, args: NO_ARGUMENTS }]
  return { statements, context: INITIAL_CONTEXT, idempotencyKey: key, resultSizeBytesMax: 1_000_000 }
}

export const BEGIN: BeginOptions = {
  context: INITIAL_CONTEXT,
  snapshotIndex: null,
  idempotencyKey: null,
  waitTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
  totalTimeoutMs: 60_000,
}

export function statement(sql: string): SqlStatement {
  return { sql, args: NO_ARGUMENTS }
}

function resultOf(sql: string, index: bigint): StatementResult {
  // `rows N` gives N rows, so that a test can have results of any size.
  const count = Number(/^rows (\d+)/.exec(sql)?.[1] ?? 0)
  const rows = Array.from({ length: count }, (_, at) => [BigInt(at), 'x'.repeat(100)])
  const columns = count === 0 ? [] : ['id', 'text'].map((name) => ({ name, declaredType: null }))
  return { columns, rows, changes: 1n, lastInsertRowid: index }
}

/** The database: what was applied, in order, and who may apply. */
export class World {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly applied: string[] = []
  readonly keys: Map<string, TransactionOutcome> = new Map()
  readonly members: Map<number, TestMember> = new Map()
  /** Who takes writes. */
  leader: number | null = 1
  /** Interactive transactions that hold the writer. */
  readonly open: Set<TestTransaction> = new Set()
  /** Decides about each call; the default brings all of them. */
  fate: (from: number, to: number, call: RoutingCall) => Fate = () => 'arrives'
  readonly calls: RoutingCall[] = []
  delayMs = 1

  constructor(count: number, limits: Partial<RoutingLimits> = {}) {
    for (let number = 1; number <= count; number++)
      this.members.set(number, new TestMember(this, number, limits))
  }

  member(number: number): TestMember {
    const member = this.members.get(number)
    if (member === undefined) throw new Error(`no member ${number}`)
    return member
  }

  database(number: number): RoutedDatabase {
    return this.member(number).database
  }

  /** From now on this member leads; all of them hear of it. Nobody's transaction survives. */
  elect(leader: number | null): void {
    this.leader = leader
    for (const transaction of this.open) transaction.end('NOT_LEADER')
    for (const member of this.members.values()) member.hear(leader)
  }

  apply({ statements, idempotencyKey, context }: TransactionRequest): TransactionOutcome {
    const known = idempotencyKey === null ? undefined : this.keys.get(idempotencyKey)
    if (known !== undefined) return known
    const failing = statements.findIndex(({ sql }) => sql.startsWith('fail'))
    const before = statements.slice(0, failing < 0 ? statements.length : failing)
    const index = BigInt(this.applied.length + 1)
    const results = before.map(({ sql }) => resultOf(sql, index))
    if (failing >= 0) {
      const error = { code: 'SQLITE_CONSTRAINT_UNIQUE', message: 'UNIQUE failed', offset: 4 }
      return { kind: 'failed', error, failedStatement: failing, results }
    }
    this.applied.push(...statements.map(({ sql }) => sql))
    const outcome: TransactionOutcome = { kind: 'committed', results, context, index }
    if (idempotencyKey !== null) this.keys.set(idempotencyKey, outcome)
    return outcome
  }

  async carry(
    from: number,
    to: number,
    { kind, payload, deadlineMs, signal }: CallRequest,
  ): Promise<CallOutcome> {
    const call = decodeCall(payload)
    this.calls.push(call)
    const fate = this.fate(from, to, call)
    if (fate === 'not-sent') return { kind: 'not-sent', reason: 'unreachable' }
    if (fate === 'overloaded') return { kind: 'not-sent', reason: 'overloaded' }
    await this.#delay()
    if (fate === 'silence') return this.#silence(deadlineMs)
    if (fate === 'request-lost') return { kind: 'unanswered', reason: 'connection-lost' }
    const { routing } = this.member(to)
    const abort = new AbortController()
    signal?.addEventListener('abort', () => abort.abort())
    const incoming = { from, kind, payload: payload.slice(), deadlineMs, signal: abort.signal }
    if (fate === 'late') {
      void this.#delay()
        .then(() => this.#delay())
        .then(() => routing.handle(incoming))
        .catch(() => undefined)
      return { kind: 'unanswered', reason: 'connection-lost' }
    }
    const outcome = await routing.handle(incoming).then(
      (answer): CallOutcome => ({ kind: 'answered', payload: answer.slice() }),
      ({ code, message }: HarmonyError): CallOutcome => ({ kind: 'failed', code, message }),
    )
    await this.#delay()
    return fate === 'answer-lost' ? { kind: 'unanswered', reason: 'connection-lost' } : outcome
  }

  async #silence(deadlineMs: number): Promise<CallOutcome> {
    await new Promise<void>((resolve) => void this.clock.after(deadlineMs - this.clock.nowMs(), resolve))
    return { kind: 'unanswered', reason: 'deadline' }
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => void this.clock.after(this.delayMs, resolve))
  }
}

export class TestMember implements LocalReplica {
  readonly group: number = GROUP
  readonly name: string = 'app'
  readonly dataFile: string = '/app.sqlite'
  readonly routing: Routing
  readonly database: RoutedDatabase
  readonly #world: World
  readonly #number: number
  readonly #listeners = new Set<() => void>()
  leader: number | null = 1
  appliedIndex = 0n
  /** What submit and begin reject with, instead of doing anything. */
  refusal: HarmonyError | null = null
  /** What waitApplied rejects with: the database was dropped. */
  gone: HarmonyError | null = null

  constructor(world: World, number: number, limits: Partial<RoutingLimits>) {
    this.#world = world
    this.#number = number
    this.routing = new Routing({
      member: number,
      clock: world.clock,
      random: new SeededRandom(BigInt(number)),
      calls: { call: (to, call) => world.carry(number, to, call) },
      peers: () => [...world.members.keys()].filter((other) => other !== number),
      replica: (group) => (group === GROUP ? this : null),
      limits,
    })
    this.database = this.routing.database(this)
  }

  hear(leader: number | null): void {
    this.leader = leader
    for (const listener of this.#listeners) listener()
  }

  onLeadership(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  onFileReplaced(): () => void {
    return () => undefined
  }

  onApplied(): () => void {
    return () => undefined
  }

  async submit(wanted: TransactionRequest): Promise<TransactionOutcome> {
    this.#check()
    await new Promise<void>((resolve) => void this.#world.clock.after(this.#world.delayMs, resolve))
    this.#check()
    return this.#world.apply(wanted)
  }

  submitTo(receiver: OutcomeReceiver, wanted: TransactionRequest): void {
    this.submit(wanted).then(
      (outcome) => receiver.resolve(outcome),
      (error: Error) => receiver.reject(error),
    )
  }

  async begin(options: BeginOptions): Promise<OpenTransaction> {
    this.#check()
    await new Promise<void>((resolve) => void this.#world.clock.after(this.#world.delayMs, resolve))
    this.#check()
    return new TestTransaction(this.#world, options)
  }

  async readIndex(): Promise<bigint> {
    return BigInt(this.#world.applied.length)
  }

  async waitApplied(): Promise<void> {
    if (this.gone !== null) throw this.gone
  }

  #check(): void {
    if (this.refusal !== null) throw this.refusal
    if (this.#world.leader !== this.#number) throw new NotLeaderError('app', this.leader)
  }
}

export class TestTransaction implements OpenTransaction {
  readonly #world: World
  readonly options: BeginOptions
  readonly #statements: SqlStatement[] = []
  ended: HarmonyError | null = null
  isRolledBack = false

  constructor(world: World, options: BeginOptions) {
    this.#world = world
    this.options = options
    world.open.add(this)
  }

  async execute(wanted: SqlStatement): Promise<StatementResult> {
    if (this.ended !== null) throw this.ended
    if (wanted.sql.startsWith('fail'))
      throw new HarmonyError('SQLITE_CONSTRAINT_UNIQUE', 'UNIQUE failed', { offset: 4 })
    if (wanted.sql.startsWith('abort')) throw this.end('TRANSACTION_ABORTED')
    this.#statements.push(wanted)
    return resultOf(wanted.sql, 1n)
  }

  async describe(sql: string): Promise<StatementDescription> {
    const columns = [{ name: sql, declaredType: 'TEXT' }]
    return { parameters: [null, ':a'], columns, isExplain: false, isReadOnly: true }
  }

  async commit(): Promise<Committed> {
    if (this.ended !== null) throw this.ended
    this.#world.open.delete(this)
    const { context, idempotencyKey } = this.options
    const outcome = this.#world.apply({
      statements: this.#statements,
      context,
      idempotencyKey,
      resultSizeBytesMax: 1,
    })
    if (outcome.kind === 'failed') throw new HarmonyError('INTERNAL', 'does not happen here')
    return { index: outcome.index, context }
  }

  async rollback(): Promise<void> {
    this.isRolledBack = true
    this.#world.open.delete(this)
  }

  end(code: HarmonyError['code']): HarmonyError {
    this.ended = new HarmonyError(code, 'The transaction ended.')
    this.#world.open.delete(this)
    return this.ended
  }
}
