/** What the core's thread does for the application: each request on a session that is free, transactions on one of their own. */

import { must, unreachable } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { SqlStatement } from '../base/value.ts'
import { NO_ARGUMENTS } from '../base/value.ts'
import type { Member } from '../cluster/member.ts'
import type { DatabaseCore } from '../gateway/core.ts'
import type { LocalGateway } from '../gateway/local-gateway.ts'
import type { Credential, ExecuteOptions, ExecuteResult, Session } from '../gateway/session.ts'
import { FilePosition } from './file-position.ts'
import type { Attached, CoreRequest, TransactionMode } from './link-protocol.ts'
import { refuseControl, refuseSetting } from './session-settings.ts'

const CREDENTIAL: Credential = { access: 'read-write', databases: null }

/** How long a write waits, once it is durable at a majority, for this process to have it, too. */
const OWN_WRITE_WAIT_MS = 10_000

/**
 * After the last write of a while the engine moves all of the WAL into the file (engine/wal-rest.ts). Whoever takes a new snapshot then reads the
 * file alone, through the memory map, so snapshots are renewed; a second time for the case that an old one had held up the move.
 */
const RESTED_MS: readonly number[] = [600, 2_000]

const BEGIN: Readonly<Record<TransactionMode, string>> = {
  deferred: 'BEGIN',
  immediate: 'BEGIN IMMEDIATE',
  readonly: 'BEGIN READONLY',
}

interface Transaction {
  readonly session: Session
  readonly database: string
  /** The error of the statement with which it ended: its function may have gone on. */
  ended: unknown
}

export class CoreServer {
  readonly #member: Member
  readonly #gateway: LocalGateway
  readonly #closeCore: () => Promise<void>
  readonly #free = new Map<string, Session[]>()
  readonly #running = new Map<number, Session>()
  readonly #transactions = new Map<number, Transaction>()
  readonly #attached = new Map<DatabaseCore, FilePosition>()
  #lastTransaction = 0

  /** `close` drains and closes everything that the core has opened. */
  constructor(member: Member, gateway: LocalGateway, close: () => Promise<void>) {
    this.#member = member
    this.#gateway = gateway
    this.#closeCore = close
  }

  /** Stops the request, if it runs and can be stopped. */
  cancel(id: number): void {
    this.#running.get(id)?.cancel?.()
  }

  /** Rejects with a HarmonyError. */
  answer(id: number, request: CoreRequest): Promise<unknown> {
    switch (request.kind) {
      case 'attach':
        return this.#attach(request.database)
      case 'execute':
        return this.#onFreeSession(id, request.database, (session) => this.#execute(session, request))
      case 'batch':
        return this.#onFreeSession(id, request.database, async (session) => {
          for (const { sql } of request.statements) refuseSetting(sql)
          const results = await session.executeAtomic(request.statements, optionsOf(request))
          await this.#waitForOwn(request.database, session.lastIndex)
          return results
        })
      case 'begin':
        return this.#begin(request.database, request.mode, request.foreignKeys)
      case 'step':
        return this.#step(id, request.transaction, request.statement)
      case 'commit':
      case 'rollback':
        return this.#end(request.transaction, request.kind)
      case 'list':
        return this.#member.list()
      case 'create':
        return this.#member.create(request.database).then(() => null)
      case 'drop':
        return this.#drop(request.database)
      case 'close':
        return this.#closeCore().then(() => null)
      default:
        return unreachable(request)
    }
  }

  async #attach(database: string): Promise<Attached> {
    const core = await this.#member.get(database)
    let position = this.#attached.get(core)
    if (position === undefined) {
      const made = new FilePosition()
      const rested = RESTED_MS.map((pauseMs) => setTimeout(() => made.noteApplied(), pauseMs).unref())
      core.onApplied(() => {
        made.noteApplied()
        for (const timer of rested) timer.refresh()
      })
      core.onFileReplaced(() => made.noteReplaced())
      this.#attached.set(core, made)
      position = made
    }
    return { dataFile: core.dataFile, memory: position.memory }
  }

  async #execute(
    session: Session,
    request: Extract<CoreRequest, { kind: 'execute' }>,
  ): Promise<ExecuteResult> {
    refuseSetting(request.statement.sql)
    const result = await session.execute(request.statement, optionsOf(request))
    await this.#waitForOwn(request.database, result.index)
    return result
  }

  /**
   * So that synchronous reads of this process see what it wrote: it may be durable elsewhere before it is applied here. Where that fails, because the
   * member stops or lags, the write is done all the same: no error may come through that says it is not.
   */
  async #waitForOwn(database: string, index: bigint): Promise<void> {
    try {
      // For every write: without the promises of `get`, where the replica is known.
      const replica = this.#member.replica(database) ?? (await this.#member.get(database))
      if (replica.appliedIndex < index) await replica.waitApplied(index, OWN_WRITE_WAIT_MS)
    } catch (error) {
      throw notHereYet(database, index, error)
    }
  }

  async #onFreeSession<T>(id: number, database: string, work: (session: Session) => Promise<T>): Promise<T> {
    const free = this.#free.get(database) ?? []
    this.#free.set(database, free)
    const session = free.pop() ?? (await this.#gateway.openSession(database, CREDENTIAL))
    this.#running.set(id, session)
    try {
      return await work(session)
    } finally {
      this.#running.delete(id)
      if (session.isAutocommit) free.push(session)
      else await session.close()
    }
  }

  async #drop(database: string): Promise<null> {
    await this.#member.drop(database)
    const free = this.#free.get(database) ?? []
    this.#free.delete(database)
    await Promise.all(free.map((session) => session.close()))
    return null
  }

  async #begin(database: string, mode: TransactionMode, foreignKeys: boolean): Promise<number> {
    const session = await this.#gateway.openSession(database, CREDENTIAL)
    try {
      // SQLite ignores it inside of a transaction.
      if (!foreignKeys) await session.execute({ sql: 'PRAGMA foreign_keys = OFF', args: NO_ARGUMENTS })
      await session.execute({ sql: BEGIN[mode], args: NO_ARGUMENTS })
    } catch (error) {
      await session.close()
      throw error
    }
    const number = ++this.#lastTransaction
    this.#transactions.set(number, { session, database, ended: null })
    return number
  }

  async #step(id: number, number: number, statement: SqlStatement): Promise<ExecuteResult> {
    const transaction = must(this.#transactions.get(number))
    const { session } = transaction
    refuseControl(statement.sql)
    // It would run in autocommit.
    if (transaction.ended !== null) throw transaction.ended
    this.#running.set(id, session)
    try {
      return await session.execute(statement)
    } catch (error) {
      if (session.isAutocommit) transaction.ended = error
      throw error
    } finally {
      this.#running.delete(id)
    }
  }

  async #end(number: number, how: 'commit' | 'rollback'): Promise<null> {
    const { session, database, ended } = must(this.#transactions.get(number))
    this.#transactions.delete(number)
    try {
      if (ended !== null && how === 'commit') throw ended
      await session.execute({ sql: how, args: NO_ARGUMENTS })
      if (how === 'commit') await this.#waitForOwn(database, session.lastIndex)
      return null
    } finally {
      await session.close()
    }
  }
}

function notHereYet(database: string, index: bigint, cause: unknown): HarmonyError {
  return new HarmonyError(
    'OUTCOME_UNKNOWN',
    `The write to the database ${database} is durable, as index ${index}, but this member has not applied it: ${(cause as Error).message} ` +
      'Do not write it again without its idempotency key.',
    { cause },
  )
}

function optionsOf(request: {
  readonly consistency?: ExecuteOptions['consistency'] | null
  readonly idempotencyKey: string | null
}): ExecuteOptions {
  const { consistency, idempotencyKey } = request
  return {
    ...(consistency !== null && consistency !== undefined && { consistency }),
    ...(idempotencyKey !== null && { idempotencyKey }),
  }
}
