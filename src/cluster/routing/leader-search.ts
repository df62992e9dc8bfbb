/**
 * Where the next try of a request goes. A search belongs to one request that has failed once; most requests never need one.
 *
 * What is asked next, in this order, each member once before a pause: the leader that the rejecting member named; the leader that the replica
 * here knows; after `leaderSilenceMs` without one, what other members say. Then a pause, which ends early when the replica here hears of
 * another leader. Pauses double, with some chance in them, so that a crowd of requests does not ask in step.
 */

import { HarmonyError } from '../../base/errors.ts'
import type { HarmonyErrorCode } from '../../base/errors.ts'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { Carrier } from './carrier.ts'
import type { RoutingLimits } from './limits.ts'
import type { LocalReplica } from './parts.ts'

export interface SearchParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: RoutingLimits
  readonly carrier: Carrier
  /** Numbers of the other members. */
  readonly peers: () => readonly number[]
}

/** A try that came to nothing, for certain. */
export interface FailedTry {
  /** Null before the first try: nobody was known to lead. */
  readonly asked: number | null
  /** Who leads, as the asked member says. */
  readonly hint: number | null
  readonly code: HarmonyErrorCode
  readonly detail: string
}

export const NOBODY_KNOWN: FailedTry = {
  asked: null,
  hint: null,
  code: 'NOT_LEADER',
  detail: 'no leader is known',
}

/** Of one question about who leads. */
const FIND_TIMEOUT_MS = 500

export class LeaderSearch {
  readonly #parts: SearchParts
  readonly #replica: LocalReplica
  readonly #deadlineMs: number
  readonly #startMs: number
  /** Since the last pause. */
  readonly #asked = new Set<number>()
  #pauseMs: number
  #nextPeer: number

  constructor(parts: SearchParts, replica: LocalReplica, deadlineMs: number) {
    this.#parts = parts
    this.#replica = replica
    this.#deadlineMs = deadlineMs
    this.#startMs = parts.clock.nowMs()
    this.#pauseMs = parts.limits.retryMinMs
    this.#nextPeer = parts.random.integer(1_024)
  }

  /**
   * Whom to ask now. Rejects with the code of `failed` when the time is up, and with why the database can't be used any more if the replica
   * here says so.
   */
  async next(failed: FailedTry): Promise<number> {
    if (failed.asked !== null) this.#asked.add(failed.asked)
    const known = this.#unasked(failed.hint) ?? this.#unasked(this.#replica.leader)
    if (known !== null) return known
    for (;;) {
      await this.#replica.waitApplied(0n, this.#parts.limits.retryMaxMs)
      await this.#pause(failed)
      const leader = this.#replica.leader ?? (await this.#askPeers())
      if (leader !== null) return leader
    }
  }

  #unasked(member: number | null): number | null {
    return member === null || this.#asked.has(member) ? null : member
  }

  /** Until the replica here hears of a leader, but not for long. */
  async #pause(failed: FailedTry): Promise<void> {
    const { clock, random, limits } = this.#parts
    const leftMs = this.#deadlineMs - clock.nowMs()
    if (leftMs <= 0) throw this.#timeUp(failed)
    const pauseMs = this.#pauseMs * (0.5 + random.float() / 2)
    this.#pauseMs = Math.min(this.#pauseMs * 2, limits.retryMaxMs)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(Math.min(pauseMs, leftMs), resolve)
    const stop = this.#replica.onLeadership(() => {
      if (this.#replica.leader !== null) resolve()
    })
    await promise
    timer.cancel()
    stop()
    this.#asked.clear()
  }

  async #askPeers(): Promise<number | null> {
    const { clock, limits, carrier, peers } = this.#parts
    const nowMs = clock.nowMs()
    const others = peers()
    if (nowMs - this.#startMs < limits.leaderSilenceMs || others.length === 0) return null
    const member = others[this.#nextPeer++ % others.length] as number
    const deadlineMs = Math.min(nowMs + FIND_TIMEOUT_MS, this.#deadlineMs)
    const reply = await carrier.ask(member, { type: 'find-leader', group: this.#replica.group }, deadlineMs)
    return reply.kind === 'answered' && reply.answer.kind === 'leader' ? reply.answer.leader : null
  }

  #timeUp({ code, detail }: FailedTry): HarmonyError {
    const waitedMs = Math.round(this.#parts.clock.nowMs() - this.#startMs)
    // What the last try said of itself ends in advice that was followed until now.
    const reason = detail.replace(/( Nothing was done; try again)?\.$/, '')
    return new HarmonyError(
      code,
      `No leader of the database ${this.#replica.name} took the request within ${waitedMs} ms: ${reason}. ` +
        'Nothing was done; try again later, and look at the health of the cluster.',
    )
  }
}
