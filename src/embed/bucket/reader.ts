/** Synchronous reads of buckets on the held snapshot, with what is learnt once for each state of the database. */

import { Answers } from '../answers.ts'
import type { HeldSnapshot } from '../held-snapshot.ts'
import { Statement } from '../statement.ts'
import type { Parameter, Row } from '../values.ts'
import type { Path } from './statements.ts'
import { bucketId, ENTRY_BY_TEXT, TABLES_EXIST } from './statements.ts'
import type { Stored } from './value-codec.ts'

/** Texts differ by the shape of a range and the depth of a path only, so there are few. */
const STATEMENTS_MAX = 200

export class BucketReader {
  readonly #snapshot: HeldSnapshot
  readonly #statements = new Map<string, Statement>()
  /** By path, of the state that `#renewals` counts. */
  readonly #ids = new Map<string, number | null>()
  readonly #answers = new Map<string, unknown>()
  #renewals = -1
  #generation = -1
  #hasTables = false

  constructor(snapshot: HeldSnapshot) {
    this.#snapshot = snapshot
  }

  get isClosed(): boolean {
    return this.#snapshot.isClosed
  }

  /** Another number for each state of the database: what was learnt of one holds while this stays. The newest one is read from here on. */
  state(): number {
    this.#snapshot.use()
    return this.#snapshot.renewals
  }

  /** Whether this member's copy of the database has the tables of buckets. */
  get hasTables(): boolean {
    this.#snapshot.use()
    if (this.#generation !== this.#snapshot.generation) {
      this.#hasTables = new Statement(this.#snapshot, TABLES_EXIST).get() !== undefined
      this.#generation = this.#snapshot.generation
    }
    return this.#hasTables
  }

  /** Null if there is no such bucket. */
  id(path: Path): number | null {
    if (!this.hasTables) return null
    this.#forgetEarlierState()
    const [first = ''] = path
    const name = path.length === 1 ? first : JSON.stringify(path)
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const { sql, parameters } = bucketId(path)
    const found = this.get<{ id: number | null }>(sql, parameters)?.id ?? null
    this.#ids.set(name, found)
    return found
  }

  /** What `read` gives, read once for each state of the database, however many ask. `name` is that of the question. */
  once<T>(name: string, read: () => T): T {
    this.#snapshot.use()
    this.#forgetEarlierState()
    if (!this.#answers.has(name)) this.#answers.set(name, read())
    return this.#answers.get(name) as T
  }

  /** Everything that `read` reads is of one state. */
  hold<T>(read: () => T): T {
    return this.#snapshot.hold(read)
  }

  get<R = Row>(sql: string, parameters: readonly Parameter[] = []): R | undefined {
    return this.#prepared(sql).get(...parameters) as R | undefined
  }

  /** As `get` with two parameters, for reads of one entry: no list is made of them. */
  first(sql: string, one: Parameter, other: Parameter): Row | undefined {
    return this.#prepared(sql).get(one, other)
  }

  /** A place for the values of one bucket, by keys that are texts: for `value`. */
  answers(): Answers {
    return new Answers(this.#snapshot.answers)
  }

  /** The value of this key in the bucket that `answers` are of; undefined if there is none. After `state`. */
  value(answers: Answers, id: number, key: string): Stored | undefined {
    const known = answers.find(key)
    if (known !== undefined) return known.length === 1 ? undefined : (known[0] as Stored)
    const statement = this.#prepared(ENTRY_BY_TEXT.value)
    const value = statement.get(id, key)?.['value'] as Stored | undefined
    if (statement.isRepeatable)
      answers.note(key, value === undefined ? null : [value], this.#snapshot.renewals)
    return value
  }

  all<R = Row>(sql: string, parameters: readonly Parameter[] = []): R[] {
    return this.#prepared(sql).all(...parameters) as R[]
  }

  /** One state, whatever is written meanwhile. */
  iterate<R = Row>(sql: string, parameters: readonly Parameter[]): Generator<R, void, void> {
    return this.#prepared(sql).iterate(...parameters) as Generator<R, void, void>
  }

  #forgetEarlierState(): void {
    if (this.#renewals === this.#snapshot.renewals) return
    this.#ids.clear()
    this.#answers.clear()
    this.#renewals = this.#snapshot.renewals
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear()
      statement = new Statement(this.#snapshot, sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
