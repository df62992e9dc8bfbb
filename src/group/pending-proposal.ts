/**
 * A proposal whose fate is not known yet. The engine holds its transaction open until it is: committed at its place (it is applied), another
 * entry is committed there (it never happened), or a snapshot covers the place (nobody here can tell).
 *
 * A client waits no longer than a limit after the leadership was lost; the engine goes on waiting, because its file must not miss the entry
 * if it is committed after all.
 */

import { HarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { LogPosition } from './commit-log.ts'

export class PendingProposal {
  readonly position: LogPosition
  readonly #clock: Clock
  readonly #database: string
  readonly #fate = Promise.withResolvers<LogPosition>()
  readonly #onOverdue: (error: HarmonyError) => void
  #timer: Timer | null = null

  constructor(
    position: LogPosition,
    database: string,
    clock: Clock,
    onOverdue: (error: HarmonyError) => void,
  ) {
    this.position = position
    this.#database = database
    this.#clock = clock
    this.#onOverdue = onOverdue
  }

  /** Resolves when the entry is committed; rejects when it is certain that it never will be, or that this member won't know. */
  get fate(): Promise<LogPosition> {
    return this.#fate.promise
  }

  /** Whoever leads now decides. After `limitMs` the client is told that. */
  leadershipLost(limitMs: number): void {
    this.#timer ??= this.#clock.after(limitMs, () => this.#onOverdue(this.unknown(`for ${limitMs} ms`)))
  }

  committed(): void {
    this.#timer?.cancel()
    this.#fate.resolve(this.position)
  }

  failed(error: Error): void {
    this.#timer?.cancel()
    this.#fate.reject(error)
  }

  unknown(detail: string): HarmonyError {
    return new HarmonyError(
      'OUTCOME_UNKNOWN',
      `The leadership of the database ${this.#database} was lost while the transaction was being committed, and whether it is ` +
        `could not be told ${detail}. Send it again with its idempotency key, or read what it would have changed.`,
    )
  }
}
