/**
 * Engines in a worker thread, so that no statement can delay a heartbeat (DESIGN section 7). Calls are pipelined. If the
 * thread dies, then every waiting call is rejected, and every later one: whoever owns it starts another and opens the
 * databases again.
 */

import { Worker } from 'node:worker_threads'
import { HarmonyError } from '../base/errors.ts'
import type { HarmonyErrorCode } from '../base/errors.ts'
import { must } from '../base/assert.ts'
import type { TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
import type {
  AppliedState,
  BatchExecution,
  BeginRequest,
  BeginResult,
  CommitResult,
  DescribeOutcome,
  Engine,
  EngineOptions,
  EntryStamp,
  LogEntry,
  PreparedCommit,
  ReplayResult,
  StatementOutcome,
} from './engine.ts'
import type { EngineCall, FromWorker, ToWorker } from './thread-protocol.ts'

interface Waiter {
  readonly resolve: (done: FromWorker & { kind: 'done' }) => void
  readonly reject: (error: HarmonyError) => void
}

type Done = FromWorker & { kind: 'done' }

/** Type stripping runs the TypeScript source; the published package holds JavaScript. */
function workerFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./engine-worker.${extension}`, import.meta.url)
}

export class EngineThread {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  readonly #onDeath: (error: HarmonyError) => void
  #requests = 0
  #engines = 0
  #death: HarmonyError | null = null
  #isStopping = false

  /** `onDeath` is called at most once, when the thread has ended without `stop`. */
  constructor(onDeath: (error: HarmonyError) => void = () => {}) {
    this.#onDeath = onDeath
    this.#worker = new Worker(workerFile())
    this.#worker.on('message', (message: FromWorker) => this.#settle(message))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', () => this.#die(null))
  }

  /** Opens a database's engine in this thread. Rejects as `LocalEngine.open` does. */
  async open(options: EngineOptions): Promise<Engine> {
    const engine = ++this.#engines
    const done = await this.send({ kind: 'open', request: ++this.#requests, engine, options })
    return new ThreadEngine(this, engine, must(done.applied))
  }

  call(engine: number, call: EngineCall): Promise<Done> {
    return this.send({ kind: 'call', request: ++this.#requests, engine, call })
  }

  send(message: ToWorker): Promise<Done> {
    if (this.#death !== null) return Promise.reject(this.#death)
    const { promise, resolve, reject } = Promise.withResolvers<Done>()
    this.#waiters.set(message.request, { resolve, reject })
    this.#worker.postMessage(message)
    return promise
  }

  /** Ends the thread after what it is doing. Close the engines first: an open transaction is rolled back by recovery. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#worker.terminate()
  }

  #settle(message: FromWorker): void {
    const waiter = must(this.#waiters.get(message.request), 'an answer without a request')
    this.#waiters.delete(message.request)
    if (message.kind === 'done') {
      waiter.resolve(message)
      return
    }
    const { code, message: text, offset } = message.error
    waiter.reject(new HarmonyError(code as HarmonyErrorCode, text, offset === null ? {} : { offset }))
  }

  #die(cause: unknown): void {
    if (this.#death !== null) return
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    this.#death = new HarmonyError('INTERNAL', `The engine thread has ended${reason}`, { cause })
    for (const waiter of this.#waiters.values()) waiter.reject(this.#death)
    this.#waiters.clear()
    if (!this.#isStopping) this.#onDeath(this.#death)
  }
}

class ThreadEngine implements Engine {
  readonly #thread: EngineThread
  readonly #engine: number
  #applied: AppliedState

  constructor(thread: EngineThread, engine: number, applied: AppliedState) {
    this.#thread = thread
    this.#engine = engine
    this.#applied = applied
  }

  get applied(): AppliedState {
    return this.#applied
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
    const done = await this.#thread.call(this.#engine, call)
    // Answers come in the order of the calls but for snapshots, which know an older state.
    if (done.applied !== null && done.applied.index > this.#applied.index) this.#applied = done.applied
    return done.value as T
  }
}
