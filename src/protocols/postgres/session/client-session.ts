/**
 * One client's conversation after startup: simple and extended query (PostgreSQL documentation, "Message Flow").
 *
 *   ready ──Query──▶ runs ──▶ ReadyForQuery
 *   ready ──Parse, Bind, Describe, Execute, Close──▶ one answer each
 *           error ──▶ ErrorResponse; everything is skipped up to Sync
 *           Sync ──▶ the implicit transaction ends; ReadyForQuery
 *   COPY FROM STDIN: CopyData, CopyDone and CopyFail belong to `CopyIn` until it ends
 *
 * `handle` gives a promise only where something has to be waited for, so that a pipelined batch costs one turn of the event loop.
 */

import { must } from '../../../base/assert.ts'
import type { SqlValue } from '../../../base/value.ts'
import type { ParsedStatement } from '../dialect/compiler.ts'
import type { Plan, QueryPlan } from '../dialect/plan.ts'
import { notSupported, PgError } from '../error.ts'
import type { ValueStyle } from '../types/codec.ts'
import {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  commandComplete,
  EMPTY_QUERY_RESPONSE,
  errorResponse,
  noticeResponse,
  PARSE_COMPLETE,
  readyForQuery,
} from '../wire/encoder.ts'
import type { Encoder } from '../wire/encoder.ts'
import type { Format, FrontendMessage } from '../wire/messages.ts'
import type { ClientSessionParts } from './client-session-parts.ts'
import { CopyIn } from './copy-in.ts'
import { runCopyOut } from './copy-out.ts'
import { Cursors } from './cursors.ts'
import { Describer } from './describer.ts'
import { Executor, type Surroundings } from './executor.ts'
import { noticeOf } from './harmony-error.ts'
import { notify } from './notify.ts'
import type { ClientOutput } from './output.ts'
import { type PreparedStatement, PreparedStore, writersOf, type Portal } from './prepared.ts'
import { Preparing } from './preparing.ts'
import type { CommandResult } from './result.ts'
import { laidOut, mayBeRefused, sending } from './result-risk.ts'
import { QuickReads } from './quick-reads.ts'
import { LoneStatements } from './lone-statements.ts'
import { Revalidation } from './revalidation.ts'
import { ResultSender } from './result-sender.ts'
import { streamInstead } from './large-result.ts'
import { SessionTables } from './session-tables.ts'
import { tagOf } from './tag.ts'
import { TransactionState } from './transaction.ts'
import { isTransactionExit, Utilities } from './utilities.ts'

type Message<K extends FrontendMessage['kind']> = Extract<FrontendMessage, { kind: K }>

export class ClientSession {
  readonly #parts: ClientSessionParts
  readonly #out: Encoder
  readonly #output: ClientOutput
  readonly #style: ValueStyle
  readonly #transaction: TransactionState
  readonly #tables: SessionTables
  readonly #executor: Executor
  readonly #utilities: Utilities
  readonly #store: PreparedStore
  readonly #sender: ResultSender
  readonly #cursors: Cursors
  readonly #quick: QuickReads
  readonly #lone: LoneStatements
  readonly #revalidation: Revalidation
  readonly #preparing: Preparing
  readonly #describer: Describer
  #isSkipping = false
  #copyIn: CopyIn | null = null
  /** The simple query that a COPY FROM STDIN interrupted. */
  #resume: (() => Promise<void>) | null = null

  constructor(parts: ClientSessionParts) {
    this.#parts = parts
    this.#output = parts.output
    this.#out = parts.output.encoder
    const { settings } = parts
    this.#style = settings
    this.#transaction = new TransactionState(parts.session)
    this.#store = new PreparedStore(parts.limits)
    const { statements } = this.#store
    const own = { transaction: this.#transaction, store: this.#store, statements, style: this.#style }
    this.#tables = new SessionTables(Object.assign(parts, own))
    this.#executor = new Executor(parts.session, this.#transaction, settings, parts.facts, this.#tables)
    this.#sender = new ResultSender(parts.output, this.#style)
    this.#cursors = new Cursors(parts.limits.portalsMax)
    // One object that all of them share, the caller's: a copy for each was a good part of what an idle connection took.
    const kept = {
      tables: this.#tables,
      cursors: this.#cursors,
      executor: this.#executor,
      sender: this.#sender,
    }
    const shared = Object.assign(parts, own, kept, { out: this.#out })
    this.#revalidation = new Revalidation(shared)
    this.#preparing = new Preparing(shared)
    this.#quick = new QuickReads(shared)
    this.#lone = new LoneStatements(shared)
    this.#utilities = new Utilities(
      Object.assign(shared, {
        runPrepared: (statement: PreparedStatement, values: readonly SqlValue[]) =>
          this.#runPlan(statement, values, 'group'),
        notify: (channel: string, payload: string, surroundings: Surroundings) =>
          notify(shared, channel, payload, surroundings),
        revalidate: (name: string) => this.#revalidation.of(name),
        prepare: async (name: string, sql: string, types: readonly number[]) => {
          await this.#preparing.prepare(name, sql, types)
        },
        warn: (message: string, sqlState: string) => noticeResponse(this.#out, noticeOf(message, sqlState)),
      }),
    )
    this.#describer = new Describer(Object.assign(shared, { utilities: this.#utilities }))
  }

  get isIdle(): boolean {
    return !this.#transaction.isOpen && this.#copyIn === null
  }

  cancel(): void {
    this.#executor.cancel()
  }

  /** Rolls back what is open. Never rejects. */
  async close(): Promise<void> {
    this.#parts.listening.stop()
    this.#executor.cancel()
    await this.#parts.session.close()
    await this.#tables.close()
  }

  /** Null when the message is dealt with. Never rejects, but for bugs. */
  handle(message: FrontendMessage): Promise<void> | null {
    if (this.#copyIn !== null) return this.#handleInCopy(this.#copyIn, message)
    if (this.#isSkipping && message.kind !== 'sync') return null
    switch (message.kind) {
      case 'bind':
        return this.#bind(message)
      case 'execute':
        return this.#execute(message)
      case 'sync':
        return this.#sync()
      case 'describe':
        return this.#describer.quickly(message)
          ? null
          : this.#guardedAsync(() => this.#describer.describe(message))
      case 'query':
        return this.#simpleQuery(message.sql)
      case 'parse':
        return this.#parse(message)
      case 'close':
        return this.#guarded(() => {
          this.#store.close(message.target, message.name)
          this.#out.bytes(CLOSE_COMPLETE)
        })
      case 'flush':
        return this.#output.flush()
      case 'functionCall':
        return this.#refuseFunctionCall()
      case 'authentication':
      case 'terminate':
      // What is left of a COPY that failed is ignored (PostgreSQL documentation, "COPY Operations").
      // falls through
      case 'copyData':
      case 'copyDone':
      case 'copyFail':
        return null
    }
  }

  // Simple query.

  async #simpleQuery(sql: string): Promise<void> {
    this.#store.close('portal', '')
    try {
      const statements = this.#preparing.parse(sql)
      if (statements.length === 0) this.#out.bytes(EMPTY_QUERY_RESPONSE)
      if (statements.length > 1) await this.#parts.dialect.checkSyntax(statements, this.#parts.session)
      await this.#runScript(statements, 0)
    } catch (error) {
      await this.#fail(error)
      await this.#endSimpleQuery()
    }
  }

  async #runScript(statements: readonly ParsedStatement[], from: number): Promise<void> {
    const surroundings: Surroundings = statements.length > 1 ? 'group' : 'alone'
    for (let index = from; index < statements.length; index++) {
      const isCopy = await this.#runSimple(must(statements[index]), surroundings)
      if (!isCopy) continue
      this.#resume = () => this.#runScript(statements, index + 1)
      await this.#output.flush()
      return
    }
    await this.#endTransactionGroup()
    await this.#endSimpleQuery()
  }

  /** True when it has become a COPY FROM STDIN, whose data comes next. */
  async #runSimple(parsed: ParsedStatement, surroundings: Surroundings): Promise<boolean> {
    this.#transaction.checkNotFailed(parsed.isTransactionExit)
    const statement = await this.#preparing.compile('', parsed, [])
    const { compiled } = statement
    if (compiled.parameterTypes.length > 0) throw new PgError('42P02', 'there is no parameter $1')
    if (compiled.plan.kind === 'copyIn') {
      await this.#startCopyIn(compiled.plan, surroundings)
      return true
    }
    if (compiled.plan.kind === 'copyOut') {
      await runCopyOut(compiled.plan, this.#executor, this.#output, this.#style)
      return false
    }
    const result = await this.#runPlan(statement, [], surroundings).catch((error: unknown) =>
      streamInstead(
        { sender: this.#sender, executor: this.#executor },
        error,
        statement,
        [],
        NO_FORMATS,
        true,
      ),
    )
    if (result === null) return false
    if (compiled.plan.kind === 'empty') this.#out.bytes(EMPTY_QUERY_RESPONSE)
    else await sending(statement, this.#transaction, this.#sender.simple(result))
    return false
  }

  async #endSimpleQuery(): Promise<void> {
    this.#resume = null
    this.#ready()
    await this.#output.flush()
  }

  // Extended query.

  #parse({ name, sql, parameterTypes }: Message<'parse'>): Promise<void> | null {
    const complete = (): void => this.#out.bytes(PARSE_COMPLETE)
    try {
      this.#store.checkNewStatement(name)
      const prepared = this.#preparing.prepare(name, sql, parameterTypes)
      if (prepared !== null) return this.#guardedAsync(() => prepared.then(complete))
      complete()
      return null
    } catch (error) {
      return this.#skipAfter(error)
    }
  }

  #bind(message: Message<'bind'>): Promise<void> | null {
    const bind = (): void => {
      this.#store.bind(message, this.#style, this.#transaction)
      this.#out.bytes(BIND_COMPLETE)
    }
    const renewed = this.#revalidation.of(message.statement)
    return renewed === null ? this.#guarded(bind) : this.#guardedAsync(() => renewed.then(bind))
  }

  #execute(message: Message<'execute'>): Promise<void> | null {
    const skipAfter = (error: unknown): Promise<void> => this.#skipAfter(error)
    try {
      const sent = this.#quick.execute(message)
      if (sent !== 'not quick') return sent
      const usualWay = (portal: Portal): Promise<void> => this.#executePortal(portal, message)
      const written = this.#lone.execute(message, usualWay)
      if (written !== null) return written.catch(skipAfter)
      return this.#executePortal(this.#store.portal(message.portal), message).catch(skipAfter)
    } catch (error) {
      return skipAfter(error)
    }
  }

  async #executePortal(portal: Portal, { portal: name, rowsMax }: Message<'execute'>): Promise<void> {
    const { plan } = portal.statement.compiled
    this.#transaction.checkNotFailed(isTransactionExit(plan))
    if (plan.kind === 'copyIn') return this.#startCopyIn(plan, 'group')
    if (plan.kind === 'copyOut') return runCopyOut(plan, this.#executor, this.#output, this.#style)
    if (plan.kind === 'empty') {
      this.#out.bytes(EMPTY_QUERY_RESPONSE)
      return
    }
    // It is done; doing it again, or only telling so again, is not what its client can want.
    if (portal.result !== null && portal.result.columns === null)
      throw new PgError('55000', `portal "${name}" cannot be run`)
    if (portal.result === null) {
      const surroundings = this.#isAlone(plan, rowsMax) ? 'alone' : 'group'
      const result = await this.#runPlan(portal.statement, portal.values, surroundings, portal).catch(
        (error: unknown) => {
          // A client that takes parts needs a result that stays.
          if (rowsMax > 0) throw error
          return streamInstead(
            { sender: this.#sender, executor: this.#executor },
            error,
            portal.statement,
            portal.values,
            portal.formats,
            false,
          )
        },
      )
      if (result === null) return
      portal.result = result
    }
    await sending(portal.statement, this.#transaction, this.#sender.portal(portal, portal.result, rowsMax))
  }

  /** Whoever takes rows in parts may take long; the result waits for it, and a transaction would not. */
  #isAlone(plan: Plan, rowsMax: number): boolean {
    if (this.#transaction.isOpen) return false
    return this.#parts.isFollowedBySync() || (rowsMax > 0 && plan.kind === 'query' && plan.isRead)
  }

  #sync(): Promise<void> | null {
    this.#isSkipping = false
    if (this.#transaction.isImplicit || this.#parts.listening.hasPending) return this.#syncAsync()
    this.#endQuietGroup()
    this.#ready()
    return this.#output.flush()
  }

  /** A group of statements that were no transaction, or are in the middle of one. */
  #endQuietGroup(): void {
    this.#transaction.forgetTime()
    if (this.#transaction.isOpen) return
    this.#parts.settings.endTransaction(true)
    if (!this.#store.hasPortals) return
    this.#store.clearPortals()
    this.#cursors.endTransaction(true)
  }

  async #syncAsync(): Promise<void> {
    try {
      await this.#endTransactionGroup()
    } catch (error) {
      await this.#fail(error)
    }
    this.#ready()
    await this.#output.flush()
  }

  // Shared.

  async #runPlan(
    statement: PreparedStatement,
    values: readonly SqlValue[],
    surroundings: Surroundings,
    portal: Portal | null = null,
  ): Promise<CommandResult> {
    const { plan } = statement.compiled
    this.#parts.activity.begin(statement.sql)
    if (plan.kind !== 'query') return this.#runUtility(plan, portal, surroundings)
    this.#parts.session.consistency = statement.consistency ?? this.#parts.settings.consistency
    for (const message of plan.notices) {
      noticeResponse(this.#out, { severity: 'NOTICE', sqlState: '00000', message })
    }
    // Effects of one statement happen all or not at all.
    const formats = portal?.formats ?? NO_FORMATS
    const commitsLater = mayBeRefused(plan, formats) || (this.#tables.needsCommit && !plan.isRead)
    const around = plan.effects.length > 0 || commitsLater ? 'group' : surroundings
    const told = await this.#executor.run(plan, values, around)
    const result = await this.#utilities.withEffects(plan, told, around)
    if (plan.changesSchema) this.#parts.dialect.schemaChanged(this.#parts.session.lastIndex)
    const layout = plan.returnsRows ? laidOut(statement, this.#transaction, result.columns, formats) : null
    if (portal !== null && layout !== null) portal.writers = layout.writers
    return {
      columns: layout?.columns ?? null,
      rows: layout === null ? [] : result.rows,
      tag: tagOf(plan, result),
    }
  }

  async #runUtility(
    plan: Exclude<Plan, QueryPlan>,
    portal: Portal | null,
    surroundings: Surroundings,
  ): Promise<CommandResult> {
    if (plan.kind === 'begin') await this.#parts.dialect.refresh(this.#parts.session)
    const result = await this.#utilities.run(plan, portal?.values ?? [], surroundings)
    if (portal !== null && result.columns !== null) portal.writers = writersOf(result.columns, portal.formats)
    const isEnd = isTransactionExit(plan) && plan.kind !== 'rollbackTo'
    if (isEnd) await this.#afterTransaction(result.tag !== 'ROLLBACK')
    return result
  }

  /** At Sync and at the end of a simple query. */
  async #endTransactionGroup(): Promise<void> {
    const wasOpen = this.#transaction.isOpen
    await this.#transaction.endImplicit()
    if (this.#transaction.isOpen) return
    if (wasOpen || this.#store.hasPortals) return this.#afterTransaction(true)
    this.#parts.settings.endTransaction(true)
    await this.#parts.listening.commit(this.#parts.session.lastIndex)
  }

  async #afterTransaction(isCommitted: boolean): Promise<void> {
    this.#store.clearPortals()
    this.#cursors.endTransaction(isCommitted)
    this.#parts.settings.endTransaction(isCommitted)
    if (isCommitted) await this.#parts.listening.commit(this.#parts.session.lastIndex)
    else this.#parts.listening.rollback()
  }

  #ready(): void {
    if (!this.#transaction.isOpen) this.#parts.listening.deliver()
    this.#parts.activity.end(this.#transaction.status)
    readyForQuery(this.#out, this.#transaction.status)
  }

  async #fail(error: unknown): Promise<void> {
    errorResponse(this.#out, this.#tables.error(error))
    const hadChangedSchema = this.#transaction.hasChangedSchema
    await this.#transaction.fail()
    if (hadChangedSchema) this.#parts.dialect.schemaChanged(this.#parts.session.lastIndex)
    if (!this.#transaction.isOpen) await this.#afterTransaction(false)
  }

  /** The error goes out at once: clients that sent Flush wait for it before they send Sync. */
  async #skipAfter(error: unknown): Promise<void> {
    this.#isSkipping = true
    await this.#fail(error)
    await this.#output.flush()
  }

  #guarded(work: () => void): Promise<void> | null {
    try {
      work()
      return null
    } catch (error) {
      return this.#skipAfter(error)
    }
  }

  async #guardedAsync(work: () => Promise<void>): Promise<void> {
    const mark = this.#out.mark()
    try {
      await work()
    } catch (error) {
      this.#out.rewind(mark)
      await this.#skipAfter(error)
    }
  }

  async #refuseFunctionCall(): Promise<void> {
    await this.#fail(notSupported('the function call protocol'))
    this.#ready()
    await this.#output.flush()
  }

  // COPY FROM STDIN.

  async #startCopyIn(plan: Extract<Plan, { kind: 'copyIn' }>, surroundings: Surroundings): Promise<void> {
    const copyIn = new CopyIn(plan, this.#executor, this.#transaction, this.#style, surroundings)
    await copyIn.start(this.#out)
    this.#copyIn = copyIn
    await this.#output.flush()
  }

  /** Most messages of a COPY are one row each, for which a promise costs more than the row. */
  #handleInCopy(copyIn: CopyIn, message: FrontendMessage): Promise<void> | null {
    try {
      if (message.kind === 'copyData' && copyIn.absorb(message.data)) return null
    } catch (error) {
      return this.#endFailedCopy(error)
    }
    return this.#goOnWithCopy(copyIn, message)
  }

  async #goOnWithCopy(copyIn: CopyIn, message: FrontendMessage): Promise<void> {
    try {
      const tag = await copyIn.handle(message)
      if (tag === null) return
      this.#copyIn = null
      commandComplete(this.#out, tag)
      await this.#resume?.()
    } catch (error) {
      await this.#endFailedCopy(error)
    }
  }

  async #endFailedCopy(error: unknown): Promise<void> {
    await this.#copyIn?.settled()
    this.#copyIn = null
    // A client that sends something else than data is not where the server thinks it is.
    if (error instanceof PgError && error.severity === 'FATAL') throw error
    const isSimple = this.#resume !== null
    if (!isSimple) return this.#skipAfter(error)
    await this.#fail(error)
    await this.#endSimpleQuery()
  }
}

const NO_FORMATS: readonly Format[] = []
