/**
 * Engines in a child process, because `node:sqlite` has no interrupt: a process can be killed, a thread inside a statement
 * can't (docs/decisions/0004). Calls are pipelined, and carried out one after another.
 *
 *   running ──stop, or a call that takes too long──▶ killed ──exit──▶ ended
 *      └────────────────── exit by itself ──────────────────────────────┘
 *
 * When the process ends, every waiting call is rejected with EngineEndedError, which tells who is suspected of it, and so is every later
 * one. The waiting ones only learn it when the operating system has taken the process away, so nobody opens
 * a file that it still writes to.
 */

import { fromErrorData } from '../base/error-data.ts'
import type { HarmonyError } from '../base/errors.ts'
import { must } from '../base/assert.ts'
import type { TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import { forkChild, type EngineChild, type StartChild } from './engine-child.ts'
import { EngineEndedError } from './engine-ended.ts'
import type { FarEngine, Judgement } from './far-engine.ts'
import type {
  AppliedState,
  BatchExecution,
  BeginRequest,
  BeginResult,
  CommitResult,
  DescribeOutcome,
  EngineOptions,
  EntryStamp,
  LogEntry,
  PreparedCommit,
  ReplayResult,
  StatementOutcome,
} from './engine.ts'
import type {
  EngineCall,
  EngineMethod,
  EngineProcessOptions,
  FromWorker,
  ToWorker,
} from './process-protocol.ts'

type Done = FromWorker & { kind: 'done' }

interface Waiter {
  /** How long the process may be at it; null for as long as it takes. */
  readonly timeoutMs: number | null
  /** False for what goes on beside other calls. */
  readonly isInTurn: boolean
  readonly resolve: (done: Done) => void
  readonly reject: (error: HarmonyError) => void
}

type Ending =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'late'; readonly waiter: Waiter; readonly timeoutMs: number }

/** Calls that run what clients ask for, and could take forever. */
const BOUNDED_METHODS: ReadonlySet<EngineMethod> = new Set<EngineMethod>([
  'executeBatch',
  'begin',
  'execute',
  'describe',
  'prepareCommit',
  'judge',
])

export class EngineProcess {
  readonly #child: EngineChild
  readonly #onEnd: (error: EngineEndedError) => void
  /** In the order of the calls, which is the order in which they are carried out. */
  readonly #waiters = new Map<number, Waiter>()
  readonly #exited = Promise.withResolvers<void>()
  #requests = 0
  #engines = 0
  /** The waiter that the process is at, as far as this side knows. */
  #current: Waiter | null = null
  #timer: NodeJS.Timeout | null = null
  /** What this side did to end it. */
  #ending: Ending | null = null
  #end: EngineEndedError | null = null

  /** `onEnd` is called once when the process has ended, unless `stop` ended it. */
  constructor(
    options: EngineProcessOptions,
    onEnd: (error: EngineEndedError) => void = () => {},
    start: StartChild = forkChild,
  ) {
    this.#onEnd = onEnd
    this.#child = start(options, {
      message: (message) => this.#settle(message),
      ended: (how) => this.#ended(how),
    })
  }

  get processId(): number | undefined {
    return this.#child.processId
  }

  /** Opens a database's engine in this process. Rejects as `LocalEngine.open` does, and with DATA_LOCKED. */
  async open(options: EngineOptions): Promise<FarEngine> {
    const engine = ++this.#engines
    const done = await this.#send({ kind: 'open', request: ++this.#requests, engine, options }, null, true)
    return new ProcessEngine(this, engine, must(done.applied), options.statementTimeoutMs ?? null)
  }

  call(engine: number, call: EngineCall, statementTimeoutMs: number | null): Promise<Done> {
    const timeoutMs = BOUNDED_METHODS.has(call.method) ? statementTimeoutMs : null
    const isInTurn = call.method !== 'snapshot'
    return this.#send({ kind: 'call', request: ++this.#requests, engine, call }, timeoutMs, isInTurn)
  }

  /** Ends the process at once, whatever it does; what waits is rejected with SHUTTING_DOWN. Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.#end === null) this.#kill({ kind: 'stopped' })
    await this.#exited.promise
  }

  #send(message: ToWorker, timeoutMs: number | null, isInTurn: boolean): Promise<Done> {
    if (this.#end !== null) return Promise.reject(this.#bystander())
    const { promise, resolve, reject } = Promise.withResolvers<Done>()
    const waiter: Waiter = { timeoutMs, isInTurn, resolve, reject }
    this.#waiters.set(message.request, waiter)
    if (this.#current === null && isInTurn) this.#turnTo(waiter)
    // What can't be sent because the process is gone is rejected when its exit is told.
    this.#child.send(message)
    return promise
  }

  #settle(message: FromWorker): void {
    const waiter = this.#waiters.get(message.request)
    // Its last answers may arrive after it has ended, and nobody waits for them any more.
    if (waiter === undefined) return
    this.#waiters.delete(message.request)
    if (waiter === this.#current) this.#turnTo(this.#next())
    if (message.kind === 'done') {
      waiter.resolve(message)
      return
    }
    waiter.reject(fromErrorData(message.error))
  }

  #next(): Waiter | null {
    for (const waiter of this.#waiters.values()) if (waiter.isInTurn) return waiter
    return null
  }

  /** The time of a call begins when the one before it is over, so that no call pays for another. */
  #turnTo(waiter: Waiter | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#current = waiter
    this.#timer = null
    const timeoutMs = waiter?.timeoutMs ?? null
    if (waiter === null || timeoutMs === null) return
    this.#timer = setTimeout(() => {
      // This process may have been stopped or busy itself, and the answer be here already: it is taken first.
      setImmediate(() => {
        if (this.#current === waiter) this.#kill({ kind: 'late', waiter, timeoutMs })
      })
    }, timeoutMs)
  }

  #kill(ending: Ending): void {
    this.#ending ??= ending
    this.#child.kill()
  }

  #ended(how: string): void {
    if (this.#end !== null) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    const current = this.#current
    this.#end = this.#toError(current, how)
    const bystander = this.#bystander()
    for (const waiter of this.#waiters.values()) waiter.reject(waiter === current ? this.#end : bystander)
    this.#waiters.clear()
    this.#exited.resolve()
    if (this.#ending?.kind !== 'stopped') this.#onEnd(this.#end)
  }

  /** What the call hears that the process was at. */
  #toError(current: Waiter | null, how: string): EngineEndedError {
    const ending = this.#ending
    if (ending?.kind === 'stopped')
      return new EngineEndedError('stopped', 'The member is stopping. Nothing was done; try again.')
    if (ending?.kind === 'late' && ending.waiter === current)
      return new EngineEndedError(
        'timeout',
        `The statement ran longer than ${ending.timeoutMs} ms and was stopped. Nothing was done. Let it do less at a time, ` +
          'add an index, or raise the limit.',
      )
    return new EngineEndedError(
      current === null ? 'bystander' : 'death',
      `The process that ran this ${how}; it may have used too much memory. Nothing was done.`,
    )
  }

  #bystander(): EngineEndedError {
    if (this.#end?.end === 'stopped') return this.#end
    return new EngineEndedError(
      'bystander',
      'The process of the engine has ended. Nothing was done; try again.',
    )
  }
}

class ProcessEngine implements FarEngine {
  readonly #process: EngineProcess
  readonly #engine: number
  readonly #statementTimeoutMs: number | null
  #applied: AppliedState
  #structure = 0

  constructor(
    process: EngineProcess,
    engine: number,
    applied: AppliedState,
    statementTimeoutMs: number | null,
  ) {
    this.#process = process
    this.#engine = engine
    this.#applied = applied
    this.#statementTimeoutMs = statementTimeoutMs
  }

  get applied(): AppliedState {
    return this.#applied
  }

  get structure(): number {
    return this.#structure
  }

  refresh(): Promise<void> {
    return this.#call({ method: 'refresh', args: [] })
  }

  judge(sql: string): Promise<Judgement> {
    return this.#call({ method: 'judge', args: [sql] })
  }

  tend(mayRestart: boolean): Promise<boolean> {
    return this.#call({ method: 'tend', args: [mayRestart] })
  }

  executeBatch(requests: readonly TransactionRequest[], stamp: EntryStamp): Promise<BatchExecution> {
    return this.#call({ method: 'executeBatch', args: [requests, stamp] })
  }

  begin(request: BeginRequest): Promise<BeginResult> {
    return this.#call({ method: 'begin', args: [request] })
  }

  execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementOutcome> {
    return this.#call({ method: 'execute', args: [statement, resultSizeBytesMax] })
  }

  describe(sql: string): Promise<DescribeOutcome> {
    return this.#call({ method: 'describe', args: [sql] })
  }

  prepareCommit(): Promise<PreparedCommit> {
    return this.#call({ method: 'prepareCommit', args: [] })
  }

  commit(term: bigint, index: bigint): Promise<CommitResult> {
    return this.#call({ method: 'commit', args: [term, index] })
  }

  rollback(): Promise<void> {
    return this.#call({ method: 'rollback', args: [] })
  }

  replay(entries: readonly LogEntry[]): Promise<ReplayResult> {
    return this.#call({ method: 'replay', args: [entries] })
  }

  checkpoint(): Promise<AppliedState> {
    return this.#call({ method: 'checkpoint', args: [] })
  }

  snapshot(path: string): Promise<AppliedState> {
    return this.#call({ method: 'snapshot', args: [path] })
  }

  contentDigest(): Promise<Uint8Array> {
    return this.#call({ method: 'contentDigest', args: [] })
  }

  close(): Promise<void> {
    return this.#call({ method: 'close', args: [] })
  }

  async #call<T>(call: EngineCall): Promise<T> {
    const done = await this.#process.call(this.#engine, call, this.#statementTimeoutMs)
    this.#structure = done.structure
    // Answers come in the order of the calls but for snapshots, which know an older state.
    if (done.applied !== null && done.applied.index > this.#applied.index) this.#applied = done.applied
    return done.value as T
  }
}
