/**
 * The engine of a group and the log, kept in step: opening and replaying, committing, checkpoints. The engine may be closed and opened
 * again at any time between transactions (after a failure, or because nobody uses the database); `wake` brings it back to where
 * the log is.
 *
 *             wake: open, check, replay
 *   ┌────────┐ ───────────────────────▶ ┌───────┐  the leader: propose → commit → applied
 *   │ asleep │                          │ awake │  others: replay → applied
 *   └────────┘ ◀─────────────────────── └───────┘
 *             rest: checkpoint, close; or the engine failed; or a snapshot takes the file's place
 *
 * Commits and replays are calls of whoever holds the writer, so they come in log order; opening replays before anyone has the engine.
 */

import { assert, must } from '../base/assert.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { TransactionOutcome } from '../base/transaction.ts'
import type { Clock } from '../host/clock.ts'
import type { Entry } from '../raft/entry.ts'
import { entriesSizeBytes } from '../raft/entry.ts'
import type { CommitResult, Engine, EngineOpener } from '../engine/engine.ts'
import { EngineEndedError } from '../engine/engine-ended.ts'
import type { AppliedIndex } from './applied-index.ts'
import type { CommitLog } from './commit-log.ts'
import type { GroupLimits } from './limits.ts'
import { checkAppliedState, replayFrom } from './recovery.ts'

export interface StateMachineOptions {
  readonly database: string
  readonly dataFile: string
  readonly openEngine: EngineOpener
  readonly log: CommitLog
  readonly applied: AppliedIndex
  readonly clock: Clock
  readonly limits: GroupLimits
  readonly statementTimeoutMs: number
  /** The file can't become what the log says; it has to be replaced. */
  readonly onDamaged: (error: HarmonyError) => void
}

/** What the holder of the writer needs for a transaction of the leader. */
export interface Leading {
  readonly engine: Engine
  /** In which this member leads; the transaction may be proposed in no other. */
  readonly term: number
}

/** After a failed attempt to open the engine, requests get its error for so long before there is another attempt. */
const WAKE_PAUSE_MS = 500

/** A process may end, for another database's statement, while it opens this one. */
const OPEN_ATTEMPTS = 3

/** After these the engine is of no use any more; it is closed and opened again. */
const FATAL_CODES: ReadonlySet<string> = new Set([
  'INTERNAL',
  'DISK_FAILED',
  'DATA_CORRUPT',
  'REPLICA_DIVERGED',
])

/**
 * Not SQLITE_CORRUPT_VTAB and SQLITE_CORRUPT_SEQUENCE, which clients can bring about themselves, on all replicas alike.
 */
const CORRUPTION = /\bSQLITE_CORRUPT(_INDEX)?:/

function isCorruption(error: unknown): boolean {
  return error instanceof HarmonyError && error.code === 'DATA_CORRUPT' && CORRUPTION.test(error.message)
}

/** The file can't become what the log says. */
export const DAMAGE_CODES: ReadonlySet<string> = new Set(['DATA_CORRUPT', 'REPLICA_DIVERGED'])

/** Tells those who want to know as early as that. Whether there were any. */
export type OnCertain = (outcomes: readonly TransactionOutcome[]) => boolean

/** What waits for a promise of now has run, and the answers that came of it are written. */
function answersHaveLeft(clock: Clock): Promise<void> {
  return new Promise((resolve) => process.nextTick(() => clock.soon(resolve)))
}

export class StateMachine {
  readonly #options: StateMachineOptions
  #engine: Engine | null = null
  #waking: Promise<Engine> | null = null
  #lastFailure: { readonly error: HarmonyError; readonly atMs: number } | null = null
  #isClosed = false
  #isCurrent = false
  #isCommitting = false
  /** Commits that the engine was told and has not answered. */
  #unanswered = 0
  /** Every command up to it is in the file; before the file was opened once, every command up to it was committed at the start. */
  #position = 0
  /** The newest entry that clients may have heard of before the file had it. */
  #acknowledged = 0
  #replacing: Promise<void> | null = null
  /** A statement met a malformed page, which opening the file again would not notice: only another file helps, where others have one. */
  #corruption: HarmonyError | null = null
  #bytesSinceCheckpoint = 0
  #entriesSinceCheckpoint = 0
  #checkpointCount = 0

  constructor(options: StateMachineOptions) {
    this.#options = options
  }

  get isAwake(): boolean {
    return this.#engine !== null
  }

  /**
   * Whether the SQLite file has every acknowledged write: it has caught up once, and since then nothing was acknowledged before it was in
   * there. Then reads need no engine.
   */
  get isCurrent(): boolean {
    return this.#isCurrent
  }

  /** Every command up to it is in the file, although the file itself may not have been looked at yet: for those who watch. */
  get position(): number {
    return this.#position
  }

  /** Clients may have heard of entries up to it; the file may get them in this moment. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Whether the engine's open transaction has been proposed and is not known to have been committed: then it is nobody else's to apply. */
  get isCommitting(): boolean {
    return this.#isCommitting
  }

  /**
   * The engine while its open transaction waits for other members, with everything committed in the file. Null at any other time: then the writer
   * gets free by itself.
   */
  get waitingEngine(): Engine | null {
    return this.#isCommitting && this.#unanswered === 0 ? this.#engine : null
  }

  get checkpointCount(): number {
    return this.#checkpointCount
  }

  /** Why the last attempt to open the engine failed; null if it did not. */
  get failure(): HarmonyError | null {
    return this.#lastFailure?.error ?? null
  }

  /** The index that the file itself has; null while nobody has it open. */
  get fileIndex(): bigint | null {
    return this.#engine?.applied.index ?? null
  }

  get wantsCheckpoint(): boolean {
    const { checkpointSizeBytes, checkpointEntries } = this.#options.limits
    return (
      this.#bytesSinceCheckpoint >= checkpointSizeBytes || this.#entriesSinceCheckpoint >= checkpointEntries
    )
  }

  /** What is committed when the member starts is replayed when somebody needs the database; what is committed later, at once. */
  begin(): void {
    this.#position = this.#options.log.commitIndex
  }

  /**
   * The engine with everything applied that was committed when it was opened. Rejects with DATA_CORRUPT, REPLICA_DIVERGED, FORMAT_TOO_NEW,
   * DISK_FULL or DISK_FAILED.
   */
  wake(): Promise<Engine> {
    assert(!this.#isClosed, 'a closed group is not used')
    if (this.#replacing !== null) return this.#replacing.then(() => this.wake())
    if (this.#engine !== null) return Promise.resolve(this.#engine)
    if (this.#corruption !== null) return Promise.reject(this.#corruption)
    const failure = this.#lastFailure
    if (failure !== null && this.#options.clock.nowMs() - failure.atMs < WAKE_PAUSE_MS) {
      return Promise.reject(failure.error)
    }
    this.#waking ??= this.#open().finally(() => (this.#waking = null))
    return this.#waking
  }

  /** Moves over entries that are not for the engine. Whether that was all there was to do. */
  skipOwnEntries(): boolean {
    const { log } = this.#options
    if (log.nextCommand(this.#position + 1) !== null) return false
    // What the engine has not answered is not in the file for certain; whoever gets the answer comes back here.
    if (this.#unanswered === 0) this.#reach(log.commitIndex)
    return true
  }

  /** The engine with everything committed applied. For the holder of the writer, with no transaction open. */
  async current(): Promise<Engine> {
    const engine = await this.wake()
    if (this.skipOwnEntries()) return engine
    try {
      await this.#replay(engine)
    } catch (error) {
      this.#fail(error)
      await this.#giveUpEngine()
      throw error
    }
    return engine
  }

  /** For the holder of the writer, before a transaction. Rejects with NOT_LEADER, and as `wake`. */
  async lead(): Promise<Leading> {
    const { log } = this.#options
    for (;;) {
      const term = await log.lead()
      const engine = await this.current()
      if (log.isLeading(term)) return { engine, term }
    }
  }

  /** Like `lead`, where nothing needs to be waited for; null where something does. */
  leadNow(): Leading | null {
    const { log } = this.#options
    if (this.#engine === null || this.#replacing !== null || log.leadingTerm === null) return null
    return this.skipOwnEntries() ? { engine: this.#engine, term: log.leadingTerm } : null
  }

  /**
   * Commits the engine's open transaction, begun in `term`, as `payload`. If it rejects, that transaction is rolled back: with
   * OUTCOME_UNKNOWN where the payload may be committed all the same, otherwise it is certain that nothing was done. `onOverdue`: the fate
   * takes longer than a client should wait.
   *
   * It resolves when the payload is committed and the engine has been told so; `applied` when the file has it. The engine carries calls out
   * in order, so the next batch may be sent to it at once: it is executed after the commit, or fails with it.
   */
  async commitOpen(
    payload: Uint8Array,
    term: number,
    onOverdue: (error: HarmonyError) => void,
    onCertain?: OnCertain,
  ): Promise<{ readonly applied: Promise<CommitResult> }> {
    const { log } = this.#options
    const engine = must(this.#engine)
    let position
    this.#isCommitting = true
    try {
      position = await log.propose(payload, term, onOverdue)
    } catch (error) {
      await this.rollbackOpen()
      throw error
    } finally {
      this.#isCommitting = false
    }
    this.#bytesSinceCheckpoint += payload.length
    this.#entriesSinceCheckpoint++
    return { applied: this.#commitAt(engine, position, onCertain) }
  }

  /** Undoes the engine's open transaction, if there is one. Never rejects: an engine that can't is closed, which undoes it too. */
  async rollbackOpen(): Promise<void> {
    try {
      await this.#engine?.rollback()
    } catch {
      await this.#giveUpEngine()
    }
  }

  /** Tells that the engine rejected a call with `error`. Gives it up if it is of no use any more. */
  async noteEngineError(error: unknown): Promise<void> {
    const isGone = error instanceof EngineEndedError || FATAL_CODES.has(toHarmonyError(error).code)
    if (isCorruption(error) && !this.#options.log.isSoleVoter) this.#corruption = this.#fail(error)
    if (isGone) await this.#giveUpEngine()
  }

  /** `engine` has lost its process: gives it up, unless there is another one already. For the holder of the writer. */
  async noteEnd(engine: Engine): Promise<void> {
    if (this.#engine === engine) await this.#giveUpEngine()
  }

  /** Makes the SQLite file durable, so that the log can be shorter. No transaction may be open. */
  async checkpoint(isResting = false): Promise<void> {
    const state = await must(this.#engine).checkpoint()
    this.#checkpointCount++
    this.#bytesSinceCheckpoint = 0
    this.#entriesSinceCheckpoint = 0
    await this.#options.log.compact(Number(state.index), isResting)
  }

  /**
   * Another file takes the place of the database's: `work` puts it there. It has everything up to `index`. For the holder of the writer, with no
   * transaction open.
   */
  async replaceFile(index: number, work: () => Promise<void>): Promise<void> {
    // From here on: whoever wakes the engine without the writer waits.
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#replacing = promise
    try {
      await this.#waking?.catch(() => {})
      await this.#giveUpEngine()
      await work()
      this.#corruption = null
      this.#position = index
      this.#isCurrent = true
      this.#lastFailure = null
      this.#bytesSinceCheckpoint = 0
      this.#entriesSinceCheckpoint = 0
      this.#reach(index)
    } finally {
      this.#replacing = null
      resolve()
    }
  }

  /** Closes the engine, after a checkpoint where that works. No transaction may be open. */
  async rest(): Promise<void> {
    const engine = this.#engine
    if (engine === null) return
    try {
      await this.checkpoint(true)
      await this.#options.log.noteCommit()
    } catch {
      // Then the next start replays more: the log has everything.
    }
    await this.#giveUpEngine()
  }

  async close(): Promise<void> {
    await this.#replacing
    await this.#waking?.catch(() => {})
    this.#isClosed = true
    await this.rest()
  }

  /** Closes the engine without a checkpoint: its files are going to be deleted. */
  async abandon(): Promise<void> {
    await this.#replacing
    await this.#waking?.catch(() => {})
    this.#isClosed = true
    await this.#giveUpEngine()
  }

  /** The open transaction becomes visible. The entry is committed already, so a failure here only delays it. */
  async #commitAt(
    engine: Engine,
    position: { readonly index: number; readonly term: number },
    onCertain: OnCertain | undefined,
  ): Promise<CommitResult> {
    // Before there is an answer: else whoever asks for the current engine would have the entry replayed.
    this.#position = Math.max(this.#position, position.index)
    this.#unanswered++
    try {
      if (onCertain !== undefined) await this.#tellEarly(engine, position.index, onCertain)
      const result = await engine.commit(BigInt(position.term), BigInt(position.index))
      this.#reach(position.index)
      return result
    } catch (error) {
      // It is not there: it has to be replayed, by an engine that is opened anew.
      this.#position = Math.min(this.#position, position.index - 1)
      await this.#giveUpEngine()
      const cause = toHarmonyError(error)
      throw new HarmonyError(
        'OUTCOME_UNKNOWN',
        `The transaction is stored in the log of the database ${this.#options.database} but could not be applied ` +
          `yet, so its result is not known. It will be applied. ${cause.message}`,
        { cause },
      )
    } finally {
      this.#unanswered--
    }
  }

  /** Clients are at their next request while SQLite commits. */
  async #tellEarly(engine: Engine, index: number, onCertain: OnCertain): Promise<void> {
    const outcomes = engine.outcomesAt?.(BigInt(index)) ?? null
    if (outcomes === null) return
    this.#acknowledged = index
    if (onCertain(outcomes)) await answersHaveLeft(this.#options.clock)
  }

  async #open(): Promise<Engine> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#engine = await this.#openCurrent()
        this.#lastFailure = null
        return this.#engine
      } catch (error) {
        const isOver = error instanceof EngineEndedError && error.end !== 'stopped'
        if (isOver && attempt < OPEN_ATTEMPTS) continue
        throw this.#fail(error)
      }
    }
  }

  /** An engine that has everything committed. */
  async #openCurrent(): Promise<Engine> {
    const { database, dataFile, openEngine, statementTimeoutMs } = this.#options
    const engine = await openEngine({ database, dataFile, statementTimeoutMs })
    try {
      await this.#catchUp(engine)
      return engine
    } catch (error) {
      await engine.close().catch(() => {})
      throw error
    }
  }

  async #catchUp(engine: Engine): Promise<void> {
    checkAppliedState(engine.applied, this.#options.log, this.#options)
    this.#position = Number(engine.applied.index)
    this.#options.log.noteInFile(this.#position)
    await this.#replay(engine)
    this.#isCurrent = true
    this.#reach(this.#position)
  }

  async #replay(engine: Engine): Promise<void> {
    const { log, limits } = this.#options
    const onReplayed = (index: number, commands: readonly Entry[]) => {
      this.#bytesSinceCheckpoint += entriesSizeBytes(commands)
      this.#entriesSinceCheckpoint += commands.length
      this.#reach(index)
    }
    const sizeBytesMax = limits.replaySizeBytes
    this.#reach(await replayFrom(engine, log, this.#position, { sizeBytesMax, onReplayed }))
  }

  /** Every command up to `index` is in the file. */
  #reach(index: number): void {
    const { applied } = this.#options
    this.#position = Math.max(this.#position, index)
    if (this.#isCurrent && this.#position > applied.index) applied.advance(BigInt(this.#position))
  }

  #fail(error: unknown): HarmonyError {
    const failure = toHarmonyError(error)
    this.#lastFailure = { error: failure, atMs: this.#options.clock.nowMs() }
    if (DAMAGE_CODES.has(failure.code)) {
      this.#isCurrent = false
      this.#options.onDamaged(failure)
    }
    return failure
  }

  async #giveUpEngine(): Promise<void> {
    const engine = this.#engine
    this.#engine = null
    try {
      await engine?.close()
    } catch {
      // It is gone either way, and whoever needs it next opens another one.
    }
  }
}
