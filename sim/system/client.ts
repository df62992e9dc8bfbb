/**
 * A client: it has a session at one machine, and moves to another when that one fails it. It knows what became of a request only as far
 * as it was told.
 */

import { HarmonyError } from '../../src/base/errors.ts'
import type { SqlStatement, SqlValue } from '../../src/base/value.ts'
import type { ExecuteOptions, ExecuteResult, Session } from '../../src/gateway/session.ts'
import { Violation } from '../checkers/checker.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { Machine } from './machine.ts'
import { PostgresError } from './postgres/messages.ts'
import { PostgresSession } from './postgres/postgres-session.ts'
import { ConnectionLost } from './postgres/wire.ts'
import type { World } from './world.ts'

export type Answer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** An error that says that nothing was done. */
  | { readonly kind: 'refused'; readonly code: string }
  /** No answer, or one that says so. */
  | { readonly kind: 'unknown'; readonly why: string }

/** As much of a session as workloads use. */
export type Statements = Pick<Session, 'execute' | 'executeAtomic'>

export interface ClientParts {
  readonly world: World
  readonly machines: readonly Machine[]
  readonly random: Random
  readonly answerTimeoutUs: TimeUs
  readonly thinkUs: TimeUs
  /** What it asks, it asks in the PostgreSQL protocol where that can say it. */
  readonly speaksPostgres: boolean
}

/** Of a request and of its answer. */
const WAY_US_MAX = 500
/** Chance to go to another machine although this one is well. */
const MOVE_CHANCE = 0.05
const RETRY_PAUSE_US = 50_000
/** Of statements without options: asked as the PostgreSQL protocol asks, whose answers may leave before SQLite's own COMMIT. */
const HERE_CHANCE = 0.5
/** What was refused because of others is tried again as a whole, as drivers and frameworks do. */
const ATTEMPTS_MAX = 3
const SERIALIZATION_FAILURE = '40001'
/** That the connection is kept after an error. */
const KEEP_CHANCE = 0.7

export class Client {
  readonly #parts: ClientParts
  readonly #database: string
  #machine: Machine | null = null
  /** Of the machine when it was chosen: a connection does not outlive a process. */
  #life = 0
  #session: Session | null = null
  #postgres: PostgresSession | null = null
  #isStopped = false
  #isDone = true

  constructor(parts: ClientParts, database: string) {
    this.#parts = parts
    this.#database = database
  }

  /** Nothing of it is under way. */
  get isDone(): boolean {
    return this.#isDone
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  get random(): Random {
    return this.#parts.random
  }

  stamp(): number {
    return this.#parts.world.stamp()
  }

  get nowMs(): number {
    return this.#parts.world.nowUs / 1000
  }

  /** Ends the run: what a client saw can't be. */
  fail(error: unknown): void {
    this.#parts.world.fail(error)
  }

  /** Does `step` again and again, with pauses, until it is stopped. */
  async repeat(step: () => Promise<void>): Promise<void> {
    this.#isDone = false
    const { world, random, thinkUs } = this.#parts
    while (!this.#isStopped) {
      await step().catch((error: unknown) => world.fail(error))
      await world.sleep(random.exponential(thinkUs))
    }
    this.#isDone = true
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Asks until `work` was done, for as long as the run takes. */
  async insist<T>(work: (session: Statements) => Promise<T>): Promise<T> {
    for (;;) {
      const answer = await this.#askSession(work)
      if (answer.kind === 'ok') return answer.value
      await this.#parts.world.sleep(RETRY_PAUSE_US)
    }
  }

  /** Does `work` on this client's session. */
  ask<T>(work: (session: Statements) => Promise<T>): Promise<Answer<T>> {
    return this.#parts.speaksPostgres ? this.#askInPostgres(work) : this.#askSession(work)
  }

  #askSession<T>(work: (session: Statements) => Promise<T>): Promise<Answer<T>> {
    return this.askMachine(async (machine, isWaitedFor) => work(await this.#statements(machine, isWaitedFor)))
  }

  #askInPostgres<T>(work: (session: Statements) => Promise<T>): Promise<Answer<T>> {
    return this.askMachine(async (machine, isWaitedFor) => {
      const session = this.#postgres ?? (await this.#connect(machine))
      if (!isWaitedFor()) {
        session.hangUp()
        throw new ConnectionLost('nobody waits any more')
      }
      this.#postgres = session
      return this.#attempt(session, () =>
        work({
          execute: async (statement, options = {}) =>
            options.idempotencyKey === undefined
              ? session.execute(statement, options)
              : (await this.#statements(machine, isWaitedFor)).execute(statement, options),
          executeAtomic: (statements) => session.executeAtomic(statements),
        }),
      )
    })
  }

  #connect(machine: Machine): Promise<PostgresSession> {
    const { world, random } = this.#parts
    return PostgresSession.open({ world, random, machine, database: this.#database })
  }

  async #attempt<T>(session: PostgresSession, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      session.startWork()
      try {
        return await work()
      } catch (error) {
        await session.giveUp()
        const isWorthIt = error instanceof PostgresError && error.sqlState === SERIALIZATION_FAILURE
        if (!isWorthIt || session.hasEffect || attempt === ATTEMPTS_MAX) throw error
      }
    }
  }

  async #statements(machine: Machine, isWaitedFor: () => boolean): Promise<Statements> {
    const session = this.#session ?? (await machine.openSession(this.#database))
    // A session that comes when nobody waits any more is of no use.
    if (isWaitedFor()) this.#session = session
    return {
      execute: (statement, options = {}) => {
        const isPlain = Object.keys(options).length === 0
        const isHere = isPlain && this.#parts.random.chance(HERE_CHANCE)
        return this.#send(machine, isWaitedFor, () =>
          isHere ? executeHere(session, statement) : session.execute(statement, options),
        )
      },
      executeAtomic: (statements) =>
        this.#send(machine, isWaitedFor, () => session.executeAtomic(statements)),
    }
  }

  /** Does `work` at this client's machine. */
  async askMachine<T>(
    work: (machine: Machine, isWaitedFor: () => boolean) => Promise<T>,
  ): Promise<Answer<T>> {
    const { world, answerTimeoutUs, random } = this.#parts
    const machine = this.#choose()
    if (machine === null) return { kind: 'refused', code: 'no member runs' }
    await world.sleep(random.between(1, WAY_US_MAX))
    const { promise, resolve } = Promise.withResolvers<Answer<T>>()
    let isOver = false
    const leave = machine.onEnd(() => resolve({ kind: 'unknown', why: 'the member is gone' }))
    const timer = world.after(null, answerTimeoutUs, () => resolve({ kind: 'unknown', why: 'no answer' }))
    if (machine.isUp) {
      machine.run(() => {
        work(machine, () => !isOver).then(
          (value) => resolve({ kind: 'ok', value }),
          (error: unknown) => resolve(this.#failed(error)),
        )
      })
    } else resolve({ kind: 'refused', code: 'connection refused' })
    const answer = await promise
    isOver = true
    leave()
    timer.cancel()
    if (answer.kind !== 'ok' && !this.#keepsConnection(answer)) this.#leave(machine)
    await world.sleep(random.between(1, WAY_US_MAX))
    world.note('answer', machine.number, 0, 0, () => describe(answer))
    return answer
  }

  /** A statement has a way to go, and others do something meanwhile. */
  async #send<T>(machine: Machine, isWaitedFor: () => boolean, execute: () => Promise<T>): Promise<T> {
    const { world, random } = this.#parts
    await world.sleep(random.between(1, WAY_US_MAX))
    // Whoever has given up sends nothing more.
    if (!isWaitedFor()) throw new HarmonyError('STATEMENT_CANCELLED', 'The client is gone.')
    const { promise, resolve } = Promise.withResolvers<T>()
    machine.run(() => resolve(execute()))
    return promise
  }

  #choose(): Machine | null {
    const { machines, random } = this.#parts
    const running = machines.filter((machine) => machine.isUp)
    const known = this.#machine
    const isWell = known !== null && running.includes(known) && known.lives === this.#life
    if (!isWell || random.chance(MOVE_CHANCE)) {
      if (known !== null) this.#leave(known)
      this.#machine = running.length === 0 ? null : random.pick(running)
      this.#life = this.#machine?.lives ?? 0
    }
    return this.#machine
  }

  /** As a protocol does whose client is gone. */
  #leave(machine: Machine): void {
    const session = this.#session
    this.#session = null
    this.#machine = null
    this.#postgres?.hangUp()
    this.#postgres = null
    if (session !== null && machine.isUp && machine.lives === this.#life)
      machine.run(() => void session.close())
  }

  /** It has nothing open, and its driver knows that. */
  #keepsConnection({ kind }: Answer<unknown>): boolean {
    const isReady = kind === 'refused' && this.#postgres?.isReady === true && this.#session === null
    return isReady && this.#parts.random.chance(KEEP_CHANCE)
  }

  #failed(error: unknown): Answer<never> {
    if (error instanceof ConnectionLost) return { kind: 'unknown', why: error.message }
    if (error instanceof PostgresError) return this.#failedInPostgres(error)
    if (!(error instanceof HarmonyError)) this.fail(error)
    const code = error instanceof HarmonyError ? error.code : 'INTERNAL'
    const message = error instanceof Error ? error.message : ''
    if (code === 'OUTCOME_UNKNOWN') return { kind: 'unknown', why: message }
    return { kind: 'refused', code }
  }

  #failedInPostgres({ sqlState, message }: PostgresError): Answer<never> {
    if (sqlState === PROTOCOL_VIOLATION || message.startsWith(UNEXPECTED))
      this.fail(new Violation('PostgreSQL', `${sqlState}: ${message}`))
    if (sqlState === OUTCOME_UNKNOWN) return { kind: 'unknown', why: message }
    return { kind: 'refused', code: sqlState }
  }
}

const OUTCOME_UNKNOWN = '08007'
const PROTOCOL_VIOLATION = '08P01'
/** As `toHarmonyError` begins its words about what is none. */
const UNEXPECTED = 'Unexpected failure'

async function executeHere(session: Session, statement: SqlStatement): Promise<ExecuteResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecuteResult>()
  const onTheLongWay = (): void => void session.execute(statement).then(resolve, reject)
  const isTaken = session.executeHere?.({ resolve, reject, notHere: onTheLongWay }, statement)
  if (isTaken !== true) onTheLongWay()
  return promise
}

function describe(answer: Answer<unknown>): string {
  if (answer.kind === 'ok') return 'ok'
  return answer.kind === 'refused' ? `refused: ${answer.code}` : `unknown: ${answer.why}`
}

/** One statement. */
export function run(
  session: Statements,
  sql: string,
  values: readonly SqlValue[] = [],
  options: ExecuteOptions = {},
): Promise<ExecuteResult> {
  return session.execute({ sql, args: { positional: values, named: [] } }, options)
}

/** The first row of a result, as numbers. */
export function numbers(result: ExecuteResult): number[] {
  return (result.rows[0] ?? []).map(Number)
}
