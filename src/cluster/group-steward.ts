/**
 * Looks after the groups that this member leads: gives them the replicas that placement says, and hands them over to whoever should lead
 * them. It looks only at groups to which something happened, and at those that are not yet as they should be.
 */

import type { Clock, Timer } from '../host/clock.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import { isInPlace, nextChange, successor } from './membership-plan.ts'
import type { ChangeInput } from './membership-plan.ts'
import type { Placement } from './placement.ts'
import type { TransportLog } from './transport/context.ts'

export interface GroupStewardOptions {
  readonly self: number
  readonly clock: Clock
  readonly log: TransportLog
  /** Open here; undefined if it is not any more. */
  readonly group: (group: number) => DatabaseGroup | undefined
  /** Null while it is not known: then nothing is done. */
  readonly placement: (group: number) => Placement | null
  /** Whether the catalog here has the member, be it as one that was removed. */
  readonly isKnown: (member: number) => boolean
  readonly isConnected: (member: number) => boolean
  readonly connectedForMs: (member: number) => number
  /** A member that was away for a moment may be away again soon: it gets its leaderships back after so long. */
  readonly steadyAfterMs: number
}

const INTERVAL_MS = 250
/** Time for what an operator hands leaderships over for; then they go where they should be. */
const HOLD_MS = 10 * 60_000
/** Of one round: each handover makes the clients of one database wait for a moment. */
const HANDOVERS_MAX = 8
const CHANGES_MAX = 64
/** Rounds, 30 s in all: where transactions never cease, the handover comes all the same. */
const POSTPONEMENTS_MAX = 120
/** Each step below 3 waits one more election timeout, so two stay on the first: a failover must not wait for the dead. */
const PRIORITIES = [3, 3, 2, 1] as const

export class GroupSteward {
  readonly #options: GroupStewardOptions
  readonly #dirty = new Set<number>()
  /** Groups that stay where an operator put them. */
  readonly #holds = new Map<number, Timer>()
  /** Group → rounds for which its handover waited for transactions. */
  readonly #postponed = new Map<number, number>()
  #timer: Timer | null = null
  #isStopped = false

  constructor(options: GroupStewardOptions) {
    this.#options = options
  }

  /** A group was opened. Its first election should know already who is to lead. */
  welcome(group: DatabaseGroup): void {
    const placement = this.#options.placement(group.group)
    if (placement !== null) this.#setPriority(group, placement)
    this.touch(group.group)
  }

  /** Something happened that may call for a change: a new leader, another placement, a member that came. */
  touch(group: number): void {
    if (this.#isStopped) return
    this.#dirty.add(group)
    this.#timer ??= this.#options.clock.after(INTERVAL_MS, () => this.#round())
  }

  forget(group: number): void {
    this.#dirty.delete(group)
    this.#postponed.delete(group)
    this.release(group)
  }

  /** This member will lead the group by order of an operator: it is not handed back for a while. */
  hold(group: number): void {
    this.release(group)
    const timer = this.#options.clock.after(HOLD_MS, () => {
      this.#holds.delete(group)
      this.touch(group)
    })
    this.#holds.set(group, timer)
  }

  release(group: number): void {
    this.#holds.get(group)?.cancel()
    this.#holds.delete(group)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const timer of this.#holds.values()) timer.cancel()
  }

  #round(): void {
    this.#timer = null
    let [changes, handovers] = [CHANGES_MAX, HANDOVERS_MAX]
    for (const group of this.#dirty) {
      const open = this.#options.group(group)
      const placement = this.#options.placement(group)
      if (open === undefined || placement === null) this.#dirty.delete(group)
      else {
        this.#setPriority(open, placement)
        if (open.leadership.role !== 'leader') this.#dirty.delete(group)
        else if (changes > 0 && handovers > 0) {
          const done = this.#look(open, placement)
          if (done === 'changed') changes--
          if (done === 'handed-over') handovers--
        }
      }
    }
    if (this.#dirty.size > 0) this.#timer = this.#options.clock.after(INTERVAL_MS, () => this.#round())
  }

  #setPriority(group: DatabaseGroup, { voters }: Placement): void {
    const rank = voters.indexOf(this.#options.self)
    group.setElectionPriority(rank === -1 ? 0 : (PRIORITIES[rank] ?? 0))
  }

  #look(group: DatabaseGroup, placement: Placement): 'changed' | 'handed-over' | 'nothing' {
    const { self, isKnown, isConnected, connectedForMs, steadyAfterMs } = this.#options
    const view = group.status()
    const input: ChangeInput = { view, self, placement, isKnown, isConnected }
    const change = nextChange(input)
    if (change !== null) {
      const result = group.proposeMembership(change)
      if (result.accepted)
        this.#tell(group, 'Changing the replicas of a database', change.kind === 'change' ? change.steps : [])
      return 'changed'
    }
    if (this.#holds.has(group.group)) {
      if (isInPlace(view, placement)) this.#dirty.delete(group.group)
      return 'nothing'
    }
    const next = successor(input, (member) => connectedForMs(member) >= steadyAfterMs)
    if (next !== null) return this.#handOver(group, next)
    // A first choice that is away, or behind, will make itself felt: by its connection, or by the change that waits for it.
    const [first] = placement.voters
    if (isInPlace(view, placement) && (first === self || first === undefined || !isConnected(first)))
      this.#dirty.delete(group.group)
    return 'nothing'
  }

  /** Nobody is in a hurry: open transactions, which would end with it, are given time. It stays on the list meanwhile. */
  #handOver(group: DatabaseGroup, next: number): 'handed-over' | 'nothing' {
    const rounds = (this.#postponed.get(group.group) ?? 0) + 1
    if (group.hasTransactions && rounds <= POSTPONEMENTS_MAX) {
      this.#postponed.set(group.group, rounds)
      return 'nothing'
    }
    this.#postponed.delete(group.group)
    group.transferLeadership(next)
    return 'handed-over'
  }

  #tell(group: DatabaseGroup, event: string, steps: readonly { kind: string; id: number }[]): void {
    const what = steps.map(({ kind, id }) => `${kind} ${id}`).join(', ')
    this.#options.log('info', event, { database: group.name, group: group.group, steps: what })
  }
}
