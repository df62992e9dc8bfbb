/**
 * The engine of a group and the log, kept in step: opening and replaying, committing, checkpoints. The engine may be closed and opened
 * again at any time between transactions (after a failure, or because nobody uses the database); `wake` brings it back to where
 * the log is.
 *
 *             wake: open, check, replay
 *   ┌────────┐ ───────────────────────▶ ┌───────┐
 *   │ asleep │                          │ awake │  propose → commit → applied
 *   └────────┘ ◀─────────────────────── └───────┘
 *             rest: checkpoint, close; or the engine failed
 */

import { assert, must } from '../base/assert.ts'
import { HarmonyError, toHarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { AppliedState, CommitResult, Engine, EngineOpener } from '../engine/engine.ts'
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

export class StateMachine {
  readonly #options: StateMachineOptions
  #engine: Engine | null = null
  #waking: Promise<Engine> | null = null
  #lastFailure: { readonly error: HarmonyError; readonly atMs: number } | null = null
  #isClosed = false
  #isCurrent = false
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

  get checkpointCount(): number {
    return this.#checkpointCount
  }

  /** Why the last attempt to open the engine failed; null if it did not. */
  get failure(): HarmonyError | null {
    return this.#lastFailure?.error ?? null
  }

  get wantsCheckpoint(): boolean {
    const { checkpointSizeBytes, checkpointEntries } = this.#options.limits
    return (
      this.#bytesSinceCheckpoint >= checkpointSizeBytes || this.#entriesSinceCheckpoint >= checkpointEntries
    )
  }

  /**
   * The engine with everything applied that is committed. Rejects with DATA_CORRUPT, REPLICA_DIVERGED, FORMAT_TOO_NEW, DISK_FULL or
   * DISK_FAILED.
   */
  wake(): Promise<Engine> {
    assert(!this.#isClosed, 'a closed group is not used')
    if (this.#engine !== null) return Promise.resolve(this.#engine)
    const failure = this.#lastFailure
    if (failure !== null && this.#options.clock.nowMs() - failure.atMs < WAKE_PAUSE_MS) {
      return Promise.reject(failure.error)
    }
    this.#waking ??= this.#open().finally(() => (this.#waking = null))
    return this.#waking
  }

  /**
   * Commits the engine's open transaction as `payload`. If it rejects, that transaction is rolled back: with OUTCOME_UNKNOWN where the
   * payload may be committed all the same, otherwise it is certain that nothing was done.
   */
  async commitOpen(payload: Uint8Array): Promise<CommitResult> {
    const { log, applied } = this.#options
    const engine = must(this.#engine)
    let position
    try {
      position = await log.propose(payload)
    } catch (error) {
      await this.rollbackOpen()
      throw error
    }
    const result = await this.#commitAt(engine, position)
    this.#bytesSinceCheckpoint += payload.length
    this.#entriesSinceCheckpoint++
    applied.advance(result.applied.index)
    return result
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
    if (isGone) await this.#giveUpEngine()
  }

  /** Makes the SQLite file durable, so that the log can be shorter. No transaction may be open. */
  async checkpoint(): Promise<void> {
    const state = await must(this.#engine).checkpoint()
    this.#checkpointCount++
    this.#bytesSinceCheckpoint = 0
    this.#entriesSinceCheckpoint = 0
    await this.#options.log.compact(Number(state.index))
  }

  /** Closes the engine, after a checkpoint where that works. No transaction may be open. */
  async rest(): Promise<void> {
    const engine = this.#engine
    if (engine === null) return
    try {
      await this.checkpoint()
    } catch {
      // Then the next start replays more: the log has everything.
    }
    await this.#giveUpEngine()
  }

  async close(): Promise<void> {
    await this.#waking?.catch(() => {})
    this.#isClosed = true
    await this.rest()
  }

  /** Closes the engine without a checkpoint: its files are going to be deleted. */
  async abandon(): Promise<void> {
    await this.#waking?.catch(() => {})
    this.#isClosed = true
    await this.#giveUpEngine()
  }

  /** The open transaction becomes visible. The entry is committed already, so a failure here only delays it. */
  async #commitAt(
    engine: Engine,
    position: { readonly index: number; readonly term: number },
  ): Promise<CommitResult> {
    try {
      return await engine.commit(BigInt(position.term), BigInt(position.index))
    } catch (error) {
      await this.#giveUpEngine()
      const cause = toHarmonyError(error)
      throw new HarmonyError(
        'OUTCOME_UNKNOWN',
        `The transaction is stored in the log of the database ${this.#options.database} but could not be applied ` +
          `yet, so its result is not known. It will be applied. ${cause.message}`,
        { cause },
      )
    }
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
        const failure = toHarmonyError(error)
        this.#lastFailure = { error: failure, atMs: this.#options.clock.nowMs() }
        throw failure
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
    const { log, applied, limits } = this.#options
    checkAppliedState(engine.applied, log, this.#options)
    const state: AppliedState = await replayFrom(engine, log, limits.replaySizeBytes)
    applied.advance(state.index)
    this.#isCurrent = true
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
