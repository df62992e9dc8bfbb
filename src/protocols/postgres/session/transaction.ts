/**
 * PostgreSQL's transaction state over a session of the gateway (the drawing in DESIGN.md).
 *
 * Three things are told apart: what the client sees (`status`), whether the block is explicit (BEGIN) or implicit (statements
 * up to the next Sync), and what is open underneath (`Session.isAutocommit`), which may have ended by itself.
 */

import { must } from '../../../base/assert.ts'
import { NO_ARGUMENTS, type SqlStatement } from '../../../base/value.ts'
import type { Session } from '../../../gateway/session.ts'
import { PgError } from '../error.ts'
import type { TransactionStatus } from '../wire/encoder.ts'

/** What has to be done where transactions end. An object and no functions, which would be memory of each connection. */
export interface TransactionEnds {
  /** Inside of the transaction, before its COMMIT. */
  beforeCommit(): Promise<void>
  /** After a transaction that has changed the schema, whichever way it ended. */
  afterChange(): void
}

interface Savepoint {
  readonly name: string
  /** Whether the transaction was read-only when it was made, which it is again when that one is over. */
  readonly isReadOnly: boolean
}

export class TransactionState {
  readonly #session: Session
  #block: 'none' | 'implicit' | 'explicit' = 'none'
  #isFailed = false
  /** Oldest first. PostgreSQL allows the same name twice; the newer one hides the older. */
  #savepoints: Savepoint[] = []
  #isReadOnly = false
  /** It was begun as one that can't write, underneath too. */
  #isReader = false
  /** Milliseconds since 1970 of the block's start: what now() tells. */
  #startedAtMs: number | null = null
  /** A statement has run since the block's start: there is something to lose. */
  hasRun = false
  /** Tables may differ from what other sessions see. */
  hasChangedSchema = false
  ends: TransactionEnds | null = null

  constructor(session: Session) {
    this.#session = session
  }

  get status(): TransactionStatus {
    if (this.#isFailed) return 'E'
    return this.#block === 'explicit' ? 'T' : 'I'
  }

  get isFailed(): boolean {
    return this.#isFailed
  }

  /** Throws 25P02 after an error in a block, unless the statement ends it. */
  checkNotFailed(isExit: boolean): void {
    if (!this.#isFailed || isExit) return
    throw new PgError(
      '25P02',
      'current transaction is aborted, commands ignored until end of transaction block',
    )
  }

  get isExplicit(): boolean {
    return this.#block === 'explicit'
  }

  /** Whether statements run inside an open transaction, of whichever kind. */
  get isOpen(): boolean {
    return this.#block !== 'none'
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly
  }

  /** The time that now() tells, the same through a block. */
  nowMs(): number {
    this.#startedAtMs ??= Date.now()
    return this.#startedAtMs
  }

  /** Statements outside a block each have a time of their own. */
  forgetTime(): void {
    if (this.#block === 'none') this.#startedAtMs = null
  }

  /** Makes what follows, up to `endImplicit`, one transaction. */
  async ensureImplicit(isReadOnly: boolean): Promise<void> {
    if (this.#block !== 'none') return
    this.hasRun = false
    await this.#control(isReadOnly ? 'BEGIN TRANSACTION READONLY' : 'BEGIN')
    this.#block = 'implicit'
    this.#isReadOnly = isReadOnly
    this.#isReader = isReadOnly
  }

  /** BEGIN. False, with nothing done, inside a block: PostgreSQL warns only. What an implicit block has done already is a part of it. */
  async begin(isReadOnly: boolean, isImmediate = false): Promise<boolean> {
    if (this.#block === 'explicit') return false
    if (this.#block === 'none') {
      this.#startedAtMs = null
      this.hasRun = false
      const readWrite = isImmediate ? 'BEGIN IMMEDIATE' : 'BEGIN'
      await this.#control(isReadOnly ? 'BEGIN TRANSACTION READONLY' : readWrite)
      this.#isReader = isReadOnly
    }
    if (isReadOnly) this.#isReadOnly = true
    this.#block = 'explicit'
    return true
  }

  /** BEGIN of a block that may write, where that takes no waiting; false with nothing done. */
  beginNow(): boolean {
    if (this.#block !== 'none') return false
    if ((this.#session.executeNow?.(BEGIN) ?? null) === null) return false
    this.#startedAtMs = null
    this.hasRun = false
    this.#isReadOnly = false
    this.#block = 'explicit'
    return true
  }

  /** COMMIT of a block that has only read, where that takes no waiting; false with nothing done. */
  commitNow(): boolean {
    if (this.#block !== 'explicit' || this.#isFailed || this.hasChangedSchema) return false
    if ((this.#session.executeNow?.(COMMIT) ?? null) === null) return false
    this.#reset()
    return true
  }

  /**
   * SET TRANSACTION READ ONLY, at any time, or WRITE, before the first query. What the block has done already stays, and its snapshot; one that
   * is still empty begins anew, as a reader whom nothing can hold up (pg_dump).
   */
  async setReadOnly(isReadOnly: boolean): Promise<void> {
    if (isReadOnly === this.#isReadOnly || this.#block === 'none') return
    if (!isReadOnly) throw new PgError('25001', 'transaction read-write mode must be set before any query')
    this.#isReadOnly = true
    if (this.hasRun || this.#savepoints.length > 0 || this.#session.isAutocommit) return
    await this.#control('ROLLBACK')
    await this.#control('BEGIN TRANSACTION READONLY')
    this.#isReader = true
  }

  /** COMMIT. Tells which of the two it became: a failed transaction can only be rolled back. */
  async commit(): Promise<'COMMIT' | 'ROLLBACK'> {
    if (this.#isFailed) {
      await this.rollback()
      return 'ROLLBACK'
    }
    try {
      if (!this.#session.isAutocommit) {
        if (!this.#isReader) await this.ends?.beforeCommit()
        await this.#control('COMMIT')
      }
    } catch (error) {
      await this.rollback()
      throw error
    }
    this.#reset()
    return 'COMMIT'
  }

  async rollback(): Promise<void> {
    try {
      if (!this.#session.isAutocommit) await this.#control('ROLLBACK')
    } finally {
      this.#reset()
    }
  }

  /** Whether the statements since the last Sync are a transaction that ends with the next one. */
  get isImplicit(): boolean {
    return this.#block === 'implicit'
  }

  /** At Sync, and at the end of a simple query. */
  async endImplicit(): Promise<void> {
    if (this.#block === 'implicit') await this.commit()
    else this.forgetTime()
  }

  /** Tells, as the two below, how many savepoints are outside of that one. */
  async savepoint(name: string): Promise<number> {
    this.#expectBlock('SAVEPOINT')
    const at = this.#savepoints.length
    await this.#control(`SAVEPOINT ${nameOf(at)}`)
    this.#savepoints.push({ name, isReadOnly: this.#isReadOnly })
    return at
  }

  async release(name: string): Promise<number> {
    this.#expectBlock('RELEASE SAVEPOINT')
    const at = this.#savepointAt(name)
    await this.#control(`RELEASE ${nameOf(at)}`)
    this.#isReadOnly = must(this.#savepoints[at]).isReadOnly
    this.#savepoints.length = at
    return at
  }

  /** Also what brings a failed transaction back to life. */
  async rollbackTo(name: string): Promise<number> {
    this.#expectBlock('ROLLBACK TO SAVEPOINT')
    const at = this.#savepointAt(name)
    await this.#control(`ROLLBACK TO ${nameOf(at)}`)
    this.#isReadOnly = must(this.#savepoints[at]).isReadOnly
    this.#savepoints.length = at + 1
    this.#isFailed = false
    return at
  }

  /** After any error. Outside an explicit block nothing is left open. */
  async fail(): Promise<void> {
    if (this.#block !== 'explicit') {
      await this.rollback().catch(() => undefined)
      return
    }
    this.#isFailed = true
    if (this.#savepoints.length > 0 || this.#session.isAutocommit) return
    // The client's answer may take long; nothing but ROLLBACK can follow, so the writer is let go of now.
    await this.#control('ROLLBACK').catch(() => undefined)
  }

  #expectBlock(command: string): void {
    if (this.#block !== 'explicit')
      throw new PgError('25P01', `${command} can only be used in transaction blocks`)
  }

  #savepointAt(name: string): number {
    const at = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (at < 0 || this.#session.isAutocommit) throw new PgError('3B001', `savepoint "${name}" does not exist`)
    return at
  }

  #reset(): void {
    this.#block = 'none'
    this.#isFailed = false
    this.#isReadOnly = false
    this.#isReader = false
    this.#savepoints = []
    this.#startedAtMs = null
    const hadChanges = this.hasChangedSchema
    this.hasChangedSchema = false
    if (hadChanges) this.ends?.afterChange()
  }

  async #control(sql: string): Promise<void> {
    await this.#session.execute({ sql, args: NO_ARGUMENTS })
  }
}

const BEGIN: SqlStatement = { sql: 'BEGIN', args: NO_ARGUMENTS }
const COMMIT: SqlStatement = { sql: 'COMMIT', args: NO_ARGUMENTS }

/** By its place underneath: SQLite takes names that differ only in case for the same one. */
function nameOf(at: number): string {
  return `s${at}`
}
