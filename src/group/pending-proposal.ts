/**
 * A proposal whose fate is not known yet. The engine holds its transaction open until it is: committed at its place (it is applied), another
 * entry is committed there (it never happened), or a snapshot covers the place (nobody here can tell).
 *
 * A client waits no longer than a limit after the leadership was lost; the engine goes on waiting, because its file must not miss the entry
 * if it is committed after all.
 */

import { assert } from '../base/assert.ts'
import { HarmonyError } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import type { LogPosition } from './commit-log.ts'

class Proposal {
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

export interface PendingProposalOptions {
  readonly database: string
  readonly clock: Clock
  /** What a client hears whose entry is certainly not in the log. */
  readonly toRefusal: () => HarmonyError
}

/** The one proposal of a group, if there is one. */
export class PendingProposal {
  readonly #options: PendingProposalOptions
  #proposal: Proposal | null = null

  constructor(options: PendingProposalOptions) {
    this.#options = options
  }

  get isPending(): boolean {
    return this.#proposal !== null
  }

  /** The core has taken it. Resolves when it is committed; rejects when it never will be, or this member won't know. */
  begin(position: LogPosition, onOverdue: (error: HarmonyError) => void): Promise<LogPosition> {
    assert(this.#proposal === null, 'one proposal at a time')
    const { database, clock } = this.#options
    const proposal = new Proposal(position, database, clock, onOverdue)
    this.#proposal = proposal
    return proposal.fate
  }

  /** The log is committed up to `commitIndex`. */
  committedTo(commitIndex: number, termAt: (index: number) => number | null): void {
    const position = this.#proposal?.position
    if (position === undefined || position.index > commitIndex) return
    const isOurs = termAt(position.index) === position.term
    this.#settle((proposal) => (isOurs ? proposal.committed() : proposal.failed(this.#options.toRefusal())))
  }

  /** The log is replaced as a whole, and the engine is needed. What is in the snapshot's file at the place of the proposal nobody knows. */
  replacedBy({ index, term }: LogPosition): void {
    this.#settle((proposal) => {
      const isOther = proposal.position.index === index && proposal.position.term !== term
      const unknown = proposal.unknown('from the snapshot that this member got')
      proposal.failed(isOther ? this.#options.toRefusal() : unknown)
    })
  }

  leadershipLost(limitMs: number): void {
    this.#proposal?.leadershipLost(limitMs)
  }

  /** It is certain, or will never be known here: `error` says which. */
  failed(error: HarmonyError): void {
    this.#settle((proposal) => proposal.failed(error))
  }

  /** Its fate is of no interest any more: the member stops. */
  abandon(): void {
    this.#settle((proposal) => proposal.failed(proposal.unknown('before the member stopped')))
  }

  #settle(settle: (proposal: Proposal) => void): void {
    const proposal = this.#proposal
    this.#proposal = null
    if (proposal !== null) settle(proposal)
  }
}
