/**
 * Interactive transactions that clients of other members have open on databases led here. Each is held by the number that its member chose, and
 * belongs to that member: it ends with it, with its own timeouts, or with the leadership (the group sees to those two).
 *
 *   begin ──▶ beginning ──▶ open ◀──▶ working ──▶ committing
 *                 │           │          │             │
 *                 ▼           ▼          ▼             ▼
 *              forgotten: rolled back unless it committed
 */

import { HarmonyError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { RoutingLimits } from './limits.ts'
import type { RoutingAnswer } from './message.ts'
import type { BeginOptions, LocalReplica, OpenTransaction } from './parts.ts'
import { toErrorData } from '../../base/error-data.ts'

interface Held {
  state: 'beginning' | 'open' | 'working' | 'committing'
  /** Null while it begins. */
  transaction: OpenTransaction | null
  /** Its member has taken BEGIN back. */
  isUnwanted: boolean
  timer: Timer | null
}

export class HeldTransactions {
  readonly #clock: Clock
  readonly #limits: RoutingLimits
  readonly #members = new Map<number, Map<number, Held>>()

  constructor(clock: Clock, limits: RoutingLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get count(): number {
    let count = 0
    for (const held of this.#members.values()) count += held.size
    return count
  }

  /** Rejects with what the replica rejects with. `signal`: the other member does not wait any more. */
  async begin(
    member: number,
    number: number,
    replica: LocalReplica,
    options: BeginOptions,
    signal: AbortSignal,
  ): Promise<RoutingAnswer> {
    const ofMember = this.#ofMember(member)
    this.#checkRoom(ofMember, number)
    const held: Held = { state: 'beginning', transaction: null, isUnwanted: false, timer: null }
    ofMember.set(number, held)
    try {
      const transaction = await replica.begin(options)
      held.transaction = transaction
      // Nobody would ever end it: it would keep the writer until its idle timeout.
      if (held.isUnwanted || signal.aborted) {
        await this.#forget(ofMember, number, held)
        return { kind: 'no-transaction' }
      }
      held.state = 'open'
      const lifeMs = options.totalTimeoutMs + this.#limits.graceMs
      held.timer = this.#clock.after(lifeMs, () => void this.#forget(ofMember, number, held))
      return { kind: 'done' }
    } catch (error) {
      ofMember.delete(number)
      throw error
    }
  }

  /** Runs `work`, a statement or a description, in the transaction. */
  async work(
    member: number,
    number: number,
    work: (transaction: OpenTransaction) => Promise<RoutingAnswer>,
  ): Promise<RoutingAnswer> {
    const held = this.#open(member, number)
    if (held === null) return { kind: 'no-transaction' }
    held.state = 'working'
    try {
      return await work(held.transaction)
    } catch (error) {
      const { ended } = held.transaction
      if (ended !== null) void this.#forget(this.#ofMember(member), number, held)
      return { kind: 'statement-failed', error: toErrorData(error), ended: ended && toErrorData(ended) }
    } finally {
      held.state = 'open'
    }
  }

  /** Over in any case. */
  async commit(member: number, number: number): Promise<RoutingAnswer> {
    const held = this.#open(member, number)
    if (held === null) return { kind: 'no-transaction' }
    held.state = 'committing'
    try {
      const { index, context } = await held.transaction.commit()
      return { kind: 'committed', index, context }
    } catch (error) {
      const data = toErrorData(error)
      return { kind: 'statement-failed', error: data, ended: data }
    } finally {
      this.#drop(this.#ofMember(member), number, held)
    }
  }

  /** Also of one that is just beginning. */
  async rollback(member: number, number: number): Promise<RoutingAnswer> {
    const held = this.#members.get(member)?.get(number)
    if (held === undefined || held.state === 'committing') return { kind: 'no-transaction' }
    await this.#forget(this.#ofMember(member), number, held)
    return { kind: 'done' }
  }

  /** The result of a statement can't be given back, so its client can't go on: the transaction ends. */
  async abandon(member: number, number: number): Promise<void> {
    await this.rollback(member, number)
  }

  /** The member is gone, and its clients with it. */
  memberLost(member: number): void {
    const ofMember = this.#members.get(member)
    if (ofMember === undefined) return
    for (const [number, held] of ofMember)
      if (held.state !== 'committing') void this.#forget(ofMember, number, held)
  }

  close(): void {
    for (const member of this.#members.keys()) this.memberLost(member)
  }

  #ofMember(member: number): Map<number, Held> {
    const known = this.#members.get(member)
    if (known !== undefined) return known
    const made = new Map<number, Held>()
    this.#members.set(member, made)
    return made
  }

  #checkRoom(ofMember: ReadonlyMap<number, Held>, number: number): void {
    if (ofMember.has(number))
      throw new HarmonyError(
        'REQUEST_INVALID',
        `The transaction ${number} is open already. Nothing was done.`,
      )
    if (ofMember.size < this.#limits.heldTransactionsMax) return
    throw new HarmonyError(
      'OVERLOADED',
      `${ofMember.size} transactions of the asking member are open here, which is the limit. Nothing was done; try again later.`,
    )
  }

  #open(member: number, number: number): (Held & { readonly transaction: OpenTransaction }) | null {
    const held = this.#members.get(member)?.get(number)
    if (held === undefined) return null
    if (held.state === 'open' && held.transaction !== null)
      return held as Held & { transaction: OpenTransaction }
    throw new HarmonyError(
      'REQUEST_INVALID',
      `The transaction ${number} is busy: its calls must not overlap.`,
    )
  }

  /** Rolls back what is open of it. */
  async #forget(ofMember: Map<number, Held>, number: number, held: Held): Promise<void> {
    held.isUnwanted = true
    if (held.state === 'beginning' && held.transaction === null) return
    this.#drop(ofMember, number, held)
    const { transaction } = held
    if (transaction === null || transaction.ended !== null) return
    // It may have ended by itself in this moment; that is what was wanted.
    await transaction.rollback().catch(() => undefined)
  }

  #drop(ofMember: Map<number, Held>, number: number, held: Held): void {
    held.timer?.cancel()
    if (ofMember.get(number) === held) ofMember.delete(number)
  }
}
