/** The member's end of one gateway's link, as far as databases are concerned: what the gateway asks is done on the member's own cores. */

import { toErrorData } from '../../base/error-data.ts'
import { HarmonyError } from '../../base/errors.ts'
import type { DatabaseCore, DatabaseDirectory, WriteTransaction } from '../../gateway/core.ts'
import type { Answerers } from './link.ts'
import type { PositionBoard } from './position-board.ts'
import type { MemberCalls, StepOutcome } from './protocol.ts'

type DatabaseCalls = Pick<
  MemberCalls,
  | 'get'
  | 'list'
  | 'create'
  | 'drop'
  | 'submit'
  | 'readIndex'
  | 'waitApplied'
  | 'begin'
  | 'execute'
  | 'describe'
  | 'commit'
  | 'rollback'
  | 'watch'
>

/** A transaction, and the call on it that is under way: calls on one must not overlap. */
interface Held {
  readonly transaction: WriteTransaction
  running: Promise<unknown>
}

export class CoreService {
  readonly answerers: Answerers<DatabaseCalls>
  readonly #directory: DatabaseDirectory
  readonly #board: PositionBoard
  readonly #onApplied: (core: number, index: bigint) => void
  readonly #byName = new Map<string, number>()
  readonly #cores = new Map<number, DatabaseCore>()
  readonly #transactions = new Map<number, Held>()
  readonly #watches = new Map<number, () => void>()
  #lastCore = 0
  #isClosed = false

  /** `onApplied` is told of moves of the databases that the gateway watches. */
  constructor(
    directory: DatabaseDirectory,
    board: PositionBoard,
    onApplied: (core: number, index: bigint) => void,
  ) {
    this.#directory = directory
    this.#board = board
    this.#onApplied = onApplied
    this.answerers = this.#newAnswerers()
  }

  /** The gateway is gone: rolls back what it left open. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#watches.values()) stop()
    this.#watches.clear()
    const left = [...this.#transactions.values()]
    this.#transactions.clear()
    await Promise.allSettled(
      left.map(({ transaction, running }) => running.then(() => rollback(transaction))),
    )
  }

  #newAnswerers(): Answerers<DatabaseCalls> {
    return {
      get: ({ name }) => this.#get(name),
      list: () => this.#directory.list(),
      create: async ({ name }) => (await this.#directory.create(name), null),
      drop: async ({ name }) => (await this.#directory.drop(name), null),
      submit: async ({ core: number, request }) => {
        const core = this.#coreOf(number)
        const outcome = await core.submit(request)
        return { outcome, appliedIndex: core.appliedIndex }
      },
      readIndex: async ({ core: number, timeoutMs }) => {
        const core = this.#coreOf(number)
        const index = core.readIndexNow?.() ?? (await core.readIndex(timeoutMs ?? undefined))
        return { index, appliedIndex: core.appliedIndex }
      },
      waitApplied: async ({ core: number, index, timeoutMs }) => {
        const core = this.#coreOf(number)
        await core.waitApplied(index, timeoutMs)
        return { appliedIndex: core.appliedIndex }
      },
      begin: (asked) => this.#begin(asked),
      execute: async ({ transaction, statement, resultSizeBytesMax }) =>
        this.#step(transaction, (held) => held.execute(statement, resultSizeBytesMax)),
      describe: async ({ transaction, sql }) => this.#step(transaction, (held) => held.describe(sql)),
      commit: async ({ transaction }) => this.#commit(transaction),
      rollback: ({ transaction }) => this.#rollback(transaction),
      watch: async ({ core, isOn }) => this.#watch(core, isOn),
    }
  }

  async #get(name: string): Promise<MemberCalls['get'][1]> {
    const core = await this.#directory.get(name)
    const known = this.#byName.get(name)
    const number = known !== undefined && this.#cores.get(known) === core ? known : this.#add(name, core)
    const { dataFile, appliedIndex } = core
    return { core: number, dataFile, appliedIndex, slot: this.#board.slotOf(core) }
  }

  /** In place of the one that had the name before, which was dropped. */
  #add(name: string, core: DatabaseCore): number {
    const former = this.#byName.get(name)
    if (former !== undefined) this.#forget(former)
    const number = ++this.#lastCore
    this.#cores.set(number, core)
    this.#byName.set(name, number)
    return number
  }

  #forget(number: number): void {
    this.#watch(number, false)
    this.#cores.delete(number)
  }

  #coreOf(number: number): DatabaseCore {
    const core = this.#cores.get(number)
    if (core !== undefined) return core
    throw new HarmonyError(
      'DATABASE_NOT_FOUND',
      'The database was dropped, and another one has its name by now. Connect again.',
    )
  }

  async #begin({ core, transaction, options }: MemberCalls['begin'][0]): Promise<null> {
    const begun = await this.#coreOf(core).begin(options)
    if (this.#isClosed) await rollback(begun)
    else this.#transactions.set(transaction, { transaction: begun, running: Promise.resolve() })
    return null
  }

  #step<T>(number: number, work: (held: WriteTransaction) => Promise<T>): Promise<StepOutcome<T>> {
    const held = this.#transactionOf(number)
    const running = outcomeOf(held.transaction, work)
    held.running = running
    return running
  }

  #commit(number: number): Promise<MemberCalls['commit'][1]> {
    const { transaction } = this.#transactionOf(number)
    this.#transactions.delete(number)
    return outcomeOf(transaction, () => transaction.commit())
  }

  async #rollback(number: number): Promise<null> {
    const held = this.#transactions.get(number)
    this.#transactions.delete(number)
    if (held !== undefined) await rollback(held.transaction)
    return null
  }

  #transactionOf(number: number): Held {
    const held = this.#transactions.get(number)
    if (held !== undefined) return held
    throw new HarmonyError('NO_TRANSACTION', 'This transaction is over: it was committed or rolled back.')
  }

  /** Moves of one turn of the event loop are told as one. */
  #watch(number: number, isOn: boolean): null {
    this.#watches.get(number)?.()
    this.#watches.delete(number)
    const core = this.#cores.get(number)
    if (!isOn || core === undefined || this.#isClosed) return null
    let isTold = true
    const tell = (): void => {
      isTold = true
      this.#onApplied(number, core.appliedIndex)
    }
    const stop = core.onApplied(() => {
      if (isTold) setImmediate(tell)
      isTold = false
    })
    this.#watches.set(number, stop)
    tell()
    return null
  }
}

/** Never rejects. */
async function outcomeOf<T>(
  transaction: WriteTransaction,
  work: (transaction: WriteTransaction) => Promise<T>,
): Promise<StepOutcome<T>> {
  try {
    return { kind: 'done', value: await work(transaction) }
  } catch (error) {
    const { ended } = transaction
    return { kind: 'failed', error: toErrorData(error), ended: ended === null ? null : toErrorData(ended) }
  }
}

/** A transaction that has ended by itself meanwhile needs none. */
async function rollback(transaction: WriteTransaction): Promise<void> {
  if (transaction.ended !== null) return
  try {
    await transaction.rollback()
  } catch (error) {
    if (transaction.ended === null) throw error
  }
}
