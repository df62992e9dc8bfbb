/** One database inside an application: synchronous local reads, and writes as promises. */

import type { Consistency } from '../gateway/session.ts'
import { Bucket } from './bucket/bucket.ts'
import type { BucketOptions, KeyKinds, ValueKinds } from './bucket/codecs.ts'
import { checkName, codecsOf } from './bucket/codecs.ts'
import type { KeyKind } from './bucket/key-codec.ts'
import { BucketStore } from './bucket/store.ts'
import type { ValueKind } from './bucket/value-codec.ts'
import type { CoreLink } from './core-link.ts'
import type { HeldSnapshot } from './held-snapshot.ts'
import type { Movement } from './movement.ts'
import type { Result, RowForm } from './result.ts'
import { toResult } from './result.ts'
import { Statement } from './statement.ts'
import type { Transaction, TransactionOptions } from './transaction.ts'
import { runTransaction } from './transaction.ts'
import type { NamedParameters, Parameter, Row } from './values.ts'
import { toStatement } from './values.ts'

export interface ExecuteOptions {
  /** Of a read: how fresh it has to be. Default `linearizable`. */
  readonly consistency?: Consistency
  /** Makes a write safe to send again after OUTCOME_UNKNOWN: of all writes with the same key at most one is applied. */
  readonly idempotencyKey?: string
  /** Stops the statement, if it can still be stopped; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Form of the result's rows. With `arrays` give the type of a row as type argument, such as `Value[]`. Default `objects`. */
  readonly rowsAs?: RowForm
}

export interface BatchStatement {
  readonly sql: string
  readonly parameters?: readonly Parameter[] | NamedParameters
}

export class Database {
  readonly name: string
  readonly #link: CoreLink
  readonly #snapshot: HeldSnapshot
  readonly #movement: Movement
  #buckets: BucketStore | null = null

  /** @internal */
  constructor(name: string, link: CoreLink, snapshot: HeldSnapshot, movement: Movement) {
    this.name = name
    this.#link = link
    this.#snapshot = snapshot
    this.#movement = movement
  }

  /**
   * A read, to be run as often as you like: synchronous, in this thread, in microseconds. It sees everything that this process has
   * written and been told of, and what other members wrote up to what has arrived here. Throws READ_ONLY for a statement that writes.
   */
  prepare<R = Row>(sql: string): Statement<R> {
    return new Statement<R>(this.#snapshot, sql)
  }

  /** All synchronous reads inside of `read` see one state of the database. */
  snapshot<T>(read: () => T): T {
    return this.#snapshot.hold(read)
  }

  /**
   * Yields at once, and then whenever this member's copy of the database has moved on, by whosever write: read then what is new, with
   * `prepare`. Several writes may come as one step. Ends when `signal` is aborted or the database is closed.
   */
  watch({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<void, void, void> {
    return this.#movement.watch(signal)
  }

  /** Runs one statement. A write has reached the disks of a majority when this resolves. */
  async execute<R = Row>(
    sql: string,
    parameters: readonly Parameter[] | NamedParameters = [],
    { consistency, idempotencyKey, signal, rowsAs }: ExecuteOptions = {},
  ): Promise<Result<R>> {
    const statement = toStatement(sql, Array.isArray(parameters) ? parameters : [parameters])
    const result = await this.#link.ask(
      {
        kind: 'execute',
        database: this.name,
        statement,
        consistency: consistency ?? null,
        idempotencyKey: idempotencyKey ?? null,
      },
      signal,
    )
    return toResult<R>(result, rowsAs)
  }

  /** All of the statements or none of them, in one round trip. */
  async batch<R = Row>(
    statements: readonly (string | BatchStatement)[],
    { idempotencyKey, signal, rowsAs }: Omit<ExecuteOptions, 'consistency'> = {},
  ): Promise<Result<R>[]> {
    const list = statements.map((one) => {
      if (typeof one === 'string') return toStatement(one, [])
      const parameters = one.parameters ?? []
      return toStatement(one.sql, Array.isArray(parameters) ? parameters : [parameters])
    })
    const request = {
      kind: 'batch',
      database: this.name,
      statements: list,
      idempotencyKey: idempotencyKey ?? null,
    } as const
    const results = await this.#link.ask(request, signal)
    return results.map((result) => toResult<R>(result, rowsAs))
  }

  /**
   * A serializable transaction, committed when `work` resolves and rolled back when it rejects. Where another transaction came first,
   * `work` is run again, so it must have no effects but through its argument.
   */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return runTransaction(this.#link, this.name, work, options)
  }

  /**
   * An ordered map of keys to values, made with its first entry. The types of keys and values are told by `options`, and by the
   * first type argument where values are JSON. Throws ARGS_INVALID.
   */
  bucket<J = unknown, KK extends KeyKind = 'string', VK extends ValueKind = 'json'>(
    name: string,
    options: BucketOptions<KK, VK> = {},
  ): Bucket<KeyKinds[KK], ValueKinds<J>[VK]> {
    return new Bucket(this.#bucketStore(), [checkName(name)], codecsOf(options))
  }

  /** Names of the outermost buckets, in order. */
  buckets(): string[] {
    return this.#bucketStore().names([])
  }

  #bucketStore(): BucketStore {
    this.#buckets ??= new BucketStore(this, this.#snapshot, this.#movement)
    return this.#buckets
  }
}
