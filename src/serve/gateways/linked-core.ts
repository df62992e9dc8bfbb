/** A database of the member, as its gateway process has it: reads come from the file, everything else crosses the link. */

import { fromErrorData } from '../../base/error-data.ts'
import type { HarmonyError } from '../../base/errors.ts'
import type { TransactionOutcome, TransactionRequest } from '../../base/transaction.ts'
import type { SqlStatement, StatementResult } from '../../base/value.ts'
import type { BeginOptions, DatabaseCore, WriteTransaction } from '../../gateway/core.ts'
import type { StatementDescription } from '../../gateway/session.ts'
import type { MemberLink } from './linked-directory.ts'
import type { PositionBoardReader } from './position-board.ts'
import type { Committed, CoreReference, StepOutcome } from './protocol.ts'

let lastTransaction = 0

export class LinkedCore implements DatabaseCore {
  readonly name: string
  readonly dataFile: string
  readonly #link: MemberLink
  readonly #board: PositionBoardReader
  readonly #core: number
  readonly #slot: number | null
  readonly #listeners = new Set<(appliedIndex: bigint) => void>()
  #appliedIndex: bigint
  #asked: Promise<bigint> | null = null
  /** Shared by the reads that came while `#asked` was under way. */
  #next: Promise<bigint> | null = null

  constructor(
    link: MemberLink,
    board: PositionBoardReader,
    name: string,
    { core, dataFile, appliedIndex, slot }: CoreReference,
  ) {
    this.#link = link
    this.#board = board
    this.#slot = slot
    this.name = name
    this.#core = core
    this.dataFile = dataFile
    this.#appliedIndex = appliedIndex
  }

  /** As far as the member has told. The file may have more. */
  get appliedIndex(): bigint {
    return this.#appliedIndex
  }

  onApplied(listener: (appliedIndex: bigint) => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#watch(true)
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#watch(false)
    }
  }

  /** The member has told of this index. */
  noteApplied(index: bigint): void {
    if (index <= this.#appliedIndex) return
    this.#appliedIndex = index
    for (const listener of this.#listeners) listener(index)
  }

  async submit(request: TransactionRequest): Promise<TransactionOutcome> {
    const { outcome, appliedIndex } = await this.#link.ask('submit', { core: this.#core, request })
    this.noteApplied(appliedIndex)
    return outcome
  }

  async begin(options: BeginOptions): Promise<WriteTransaction> {
    const transaction = ++lastTransaction
    await this.#link.ask('begin', { core: this.#core, transaction, options })
    return new LinkedTransaction(this.#link, transaction)
  }

  /** An answer to a question that was asked before a read came says nothing of what was acknowledged in between: that read waits for the next one. */
  readIndex(timeoutMs?: number): Promise<bigint> {
    if (this.#next !== null) return this.#next
    if (this.#asked === null) return this.#ask(timeoutMs)
    const askNext = (): Promise<bigint> => {
      this.#next = null
      return this.#ask(timeoutMs)
    }
    this.#next = this.#asked.then(askNext, askNext)
    return this.#next
  }

  /** As the member has written it down; null where only it could tell. */
  readIndexNow(): bigint | null {
    const position = this.#slot === null ? null : this.#board.read(this.#slot)
    if (position === null || position.readIndex === null) return null
    this.noteApplied(BigInt(position.appliedIndex))
    return BigInt(position.readIndex)
  }

  /** Asked also where it is applied: the member says so when the database was dropped, or it stops. */
  async waitApplied(index: bigint, timeoutMs: number): Promise<void> {
    const { appliedIndex } = await this.#link.ask('waitApplied', { core: this.#core, index, timeoutMs })
    this.noteApplied(appliedIndex)
  }

  #ask(timeoutMs: number | undefined): Promise<bigint> {
    const asked = this.#link.ask('readIndex', { core: this.#core, timeoutMs: timeoutMs ?? null }).then(
      ({ index, appliedIndex }) => {
        this.#asked = null
        this.noteApplied(appliedIndex)
        return index
      },
      (error: unknown) => {
        this.#asked = null
        throw error
      },
    )
    this.#asked = asked
    return asked
  }

  #watch(isOn: boolean): void {
    // Without an answer the member is gone, and this process ends.
    this.#link.ask('watch', { core: this.#core, isOn }).catch(() => undefined)
  }
}

class LinkedTransaction implements WriteTransaction {
  readonly #link: MemberLink
  readonly #transaction: number
  #ended: HarmonyError | null = null

  constructor(link: MemberLink, transaction: number) {
    this.#link = link
    this.#transaction = transaction
  }

  /** As the last answer told. What has ended it since is the error of the next statement. */
  get ended(): Error | null {
    return this.#ended
  }

  execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementResult> {
    const transaction = this.#transaction
    return this.#settle(this.#link.ask('execute', { transaction, statement, resultSizeBytesMax }))
  }

  describe(sql: string): Promise<StatementDescription> {
    return this.#settle(this.#link.ask('describe', { transaction: this.#transaction, sql }))
  }

  commit(): Promise<Committed> {
    return this.#settle(this.#link.ask('commit', { transaction: this.#transaction }))
  }

  async rollback(): Promise<void> {
    await this.#link.ask('rollback', { transaction: this.#transaction })
  }

  async #settle<T>(asked: Promise<StepOutcome<T>>): Promise<T> {
    const outcome = await asked
    if (outcome.kind === 'done') return outcome.value
    if (outcome.ended !== null) this.#ended = fromErrorData(outcome.ended)
    throw fromErrorData(outcome.error)
  }
}
