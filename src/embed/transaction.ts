/** Interactive transactions: serializable, and run again by themselves where another one came first. */

import { HarmonyError, isRetryable } from '../base/errors.ts'
import { SystemRandom } from '../host/random.ts'
import type { BucketOptions, KeyKinds, ValueKinds } from './bucket/codecs.ts'
import { checkName, codecsOf } from './bucket/codecs.ts'
import type { KeyKind } from './bucket/key-codec.ts'
import { TransactionBucket, TransactionStore } from './bucket/transaction-bucket.ts'
import type { ValueKind } from './bucket/value-codec.ts'
import type { CoreLink } from './core-link.ts'
import type { TransactionMode } from './link-protocol.ts'
import type { Result, RowForm } from './result.ts'
import { toResult } from './result.ts'
import type { NamedParameters, Parameter, Row } from './values.ts'
import { toStatement } from './values.ts'

export interface TransactionOptions {
  /** `immediate` takes the database's writer at once: fewer conflicts where nearly all transactions write. Default `deferred`. */
  readonly mode?: TransactionMode
  /** After a conflict it is run again until so much time has passed. Default 10 s; 0 runs it once. */
  readonly retryTimeoutMs?: number
  /**
   * `false` turns foreign keys off, for a migration that rebuilds tables others refer to, as SQLite's ALTER TABLE page (section 7) tells:
   * DROP TABLE would delete what refers to its rows. Look with PRAGMA foreign_key_check before the end. Default `true`.
   */
  readonly foreignKeys?: boolean
  /** Stops the statement under way, rolls back, and rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const RETRY_TIMEOUT_MS = 10_000
const PAUSE_MIN_MS = 2
const PAUSE_MAX_MS = 200
const RANDOM = new SystemRandom()

export class Transaction {
  readonly #link: CoreLink
  readonly #number: number
  readonly #signal: AbortSignal | undefined
  readonly #buckets = new TransactionStore((sql, parameters) => this.execute(sql, parameters))
  #isOver = false
  /** Statements one after another, also where the caller does not wait. */
  #last: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(link: CoreLink, number: number, signal: AbortSignal | undefined) {
    this.#link = link
    this.#number = number
    this.#signal = signal
  }

  /** Runs one statement. A failed one had no effect, and the transaction goes on. */
  execute<R = Row>(
    sql: string,
    parameters: readonly Parameter[] | NamedParameters = [],
    { rowsAs }: { readonly rowsAs?: RowForm } = {},
  ): Promise<Result<R>> {
    const statement = toStatement(sql, Array.isArray(parameters) ? parameters : [parameters])
    const step = this.#last.then(async () => {
      this.#checkOpen()
      const result = await this.#link.ask(
        { kind: 'step', transaction: this.#number, statement },
        this.#signal,
      )
      return toResult<R>(result, rowsAs)
    })
    this.#last = step.catch(() => {})
    return step
  }

  /** The first row; undefined if there is none. */
  async get<R = Row>(
    sql: string,
    parameters: readonly Parameter[] | NamedParameters = [],
  ): Promise<R | undefined> {
    const { rows } = await this.execute<R>(sql, parameters)
    return rows[0]
  }

  async all<R = Row>(sql: string, parameters: readonly Parameter[] | NamedParameters = []): Promise<R[]> {
    const { rows } = await this.execute<R>(sql, parameters)
    return rows
  }

  /** As `Database.bucket`: what is read and written there is part of this transaction. */
  bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(
    name: string,
    options: BucketOptions<KK, VK> = {},
  ): TransactionBucket<KeyKinds[KK], ValueKinds<J>[VK]> {
    return new TransactionBucket(this.#buckets, [checkName(name)], codecsOf(options))
  }

  /** Rolls back what was done since the savepoint, if `work` rejects; the transaction goes on either way. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.execute('SAVEPOINT nested')
    try {
      const value = await work()
      await this.execute('RELEASE nested')
      return value
    } catch (error) {
      await this.execute('ROLLBACK TO nested')
      await this.execute('RELEASE nested')
      throw error
    }
  }

  /** For `runTransaction`. @internal */
  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.#last
    this.#checkOpen()
    this.#isOver = true
    await this.#link.ask({ kind: how, transaction: this.#number })
  }

  #checkOpen(): void {
    if (this.#isOver)
      throw new HarmonyError(
        'NO_TRANSACTION',
        'This transaction is over: await every statement inside of its function.',
      )
  }
}

export async function runTransaction<T>(
  link: CoreLink,
  database: string,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const { retryTimeoutMs = RETRY_TIMEOUT_MS, signal } = options
  const deadlineMs = performance.now() + retryTimeoutMs
  let { mode = 'deferred' } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(link, database, work, { ...options, mode })
    } catch (error) {
      // It may be done: whoever stopped it has to know.
      if (!(error instanceof HarmonyError && error.code === 'OUTCOME_UNKNOWN')) signal?.throwIfAborted()
      // Whoever came too late with the first write gets a turn of its own.
      if (mode === 'deferred' && isConflict(error)) mode = 'immediate'
      const pauseMs = Math.min(PAUSE_MIN_MS * 2 ** attempt, PAUSE_MAX_MS) * RANDOM.float()
      if (!isRetryable(error) || performance.now() + pauseMs >= deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof HarmonyError && error.code === 'TRANSACTION_CONFLICT'
}

async function runOnce<T>(
  link: CoreLink,
  database: string,
  work: (transaction: Transaction) => Promise<T>,
  { mode = 'deferred', foreignKeys = true, signal }: TransactionOptions,
): Promise<T> {
  const number = await link.ask({ kind: 'begin', database, mode, foreignKeys }, signal)
  const transaction = new Transaction(link, number, signal)
  let value: T
  try {
    value = await work(transaction)
    signal?.throwIfAborted()
  } catch (error) {
    await transaction.end('rollback').catch(() => {})
    throw error
  }
  await transaction.end('commit')
  return value
}
