/** The engine in this thread: what the simulator uses, and what runs inside an engine's process. */

import type { TransactionOutcome, TransactionRequest } from '../base/transaction.ts'
import type { SqlStatement } from '../base/value.ts'
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
import { EngineCore } from './engine-core.ts'
import type { FarEngine, Judgement } from './far-engine.ts'
import { copyDatabase } from './snapshot.ts'

export class LocalEngine implements FarEngine {
  readonly #core: EngineCore
  #upkeep: NodeJS.Immediate | null = null

  private constructor(core: EngineCore) {
    this.#core = core
  }

  /** Rejects with FORMAT_TOO_NEW, DATA_CORRUPT, DISK_FAILED, DISK_FULL. */
  static async open(options: EngineOptions): Promise<LocalEngine> {
    return new LocalEngine(new EngineCore(options))
  }

  get applied(): AppliedState {
    return this.#core.applied
  }

  get structure(): number {
    return this.#core.structure
  }

  async refresh(): Promise<void> {
    this.#core.refresh()
  }

  async judge(sql: string): Promise<Judgement> {
    return this.#core.judge(sql)
  }

  async tend(mayRestart: boolean): Promise<boolean> {
    return this.#core.tend(mayRestart)
  }

  async executeBatch(requests: readonly TransactionRequest[], stamp: EntryStamp): Promise<BatchExecution> {
    return this.#core.executeBatch(requests, stamp)
  }

  async begin(request: BeginRequest): Promise<BeginResult> {
    return this.#core.begin(request)
  }

  async execute(statement: SqlStatement, resultSizeBytesMax: number): Promise<StatementOutcome> {
    return this.#core.execute(statement, resultSizeBytesMax)
  }

  async describe(sql: string): Promise<DescribeOutcome> {
    return this.#core.describe(sql)
  }

  async prepareCommit(): Promise<PreparedCommit> {
    return this.#core.prepareCommit()
  }

  outcomesAt(index: bigint): readonly TransactionOutcome[] | null {
    return this.#core.outcomesAt(index)
  }

  async commit(term: bigint, index: bigint): Promise<CommitResult> {
    this.#tendSoon()
    return this.#core.commit(term, index)
  }

  async rollback(): Promise<void> {
    this.#core.rollback()
  }

  async replay(entries: readonly LogEntry[]): Promise<ReplayResult> {
    this.#tendSoon()
    return this.#core.replay(entries)
  }

  async checkpoint(): Promise<AppliedState> {
    return this.#core.checkpoint()
  }

  async snapshot(path: string): Promise<AppliedState> {
    return copyDatabase(this.#core.dataFile, path)
  }

  async contentDigest(): Promise<Uint8Array> {
    return this.#core.contentDigest()
  }

  async close(): Promise<void> {
    if (this.#upkeep !== null) clearImmediate(this.#upkeep)
    this.#core.close()
  }

  /** For whoever knows that nobody has called for a while: makes reads quicker. Whether there is nothing left to do. */
  rest(): boolean {
    return this.#core.rest()
  }

  /** When the answer has left. */
  #tendSoon(): void {
    this.#upkeep ??= setImmediate(() => {
      this.#upkeep = null
      this.#core.tend()
    })
  }
}
