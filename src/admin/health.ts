/**
 * Whether a member can serve (readiness, for load balancers) and whether it should be started again (liveness, for whoever supervises
 * it). They are two questions: a member that waits for a majority of its cluster is not helped by a restart.
 *
 * While it starts, a member is ready once all its databases have a leader and it has applied what was committed when it first heard of
 * that leader; what is committed at each moment, a member under load is always a little behind. From then on only the catalog counts, and only after a while without a leader: a failover takes a second in which requests wait, and a
 * balancer that took every member out in that second would make an outage of it.
 */

import type { ClusterState, GroupState } from '../cluster/cluster-state.ts'

export type Health =
  | { readonly status: 'ok' }
  /** It runs, and can't serve yet, or can't reach those that it needs. A restart would not help. */
  | { readonly status: 'waiting'; readonly reason: string }
  /** It can't serve until it is started again; `reason` is for the operator. */
  | { readonly status: 'failing'; readonly reason: string }

export interface HealthSources {
  /** Why the member can't go on; null while it can. */
  readonly failure: () => Error | null
  readonly state: () => ClusterState
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

const CATALOG_GROUP = 0
/** Longer than an election takes, by far. */
export const LEADERLESS_MS_MAX = 10_000

export class HealthCheck {
  readonly #sources: HealthSources
  #hasBeenReady = false
  #leaderSeenMs: number
  /** Group → what was committed in it when its leader was first known. */
  readonly #targets = new Map<number, number>()

  constructor(sources: HealthSources) {
    this.#sources = sources
    this.#leaderSeenMs = sources.now()
  }

  check(): Health {
    const failure = this.#sources.failure()
    if (failure !== null) return { status: 'failing', reason: failure.message }
    const { groups } = this.#sources.state()
    const reason = this.#hasBeenReady ? this.#isolation(groups) : this.#startProblem(groups)
    if (reason !== null) return { status: 'waiting', reason }
    this.#hasBeenReady = true
    this.#targets.clear()
    return { status: 'ok' }
  }

  #startProblem(groups: readonly GroupState[]): string | null {
    if (catalogOf(groups) === undefined)
      return 'The member belongs to no cluster yet: it looks for the other members.'
    const leaderless = groups.filter(({ leader }) => leader === null)
    if (leaderless.length > 0)
      return `${databases(leaderless)} no leader yet: an election is under way, or most members do not run.`
    const behind = groups.filter((group) => group.role === 'none' || !this.#hasCaughtUp(group))
    if (behind.length > 0) return `${databases(behind)} not applied yet what is committed.`
    return null
  }

  #hasCaughtUp({ group, commitIndex, appliedIndex }: GroupState): boolean {
    const target = this.#targets.get(group) ?? commitIndex
    this.#targets.set(group, target)
    return appliedIndex >= target
  }

  #isolation(groups: readonly GroupState[]): string | null {
    const nowMs = this.#sources.now()
    if (typeof catalogOf(groups)?.leader === 'number') this.#leaderSeenMs = nowMs
    if (nowMs - this.#leaderSeenMs < LEADERLESS_MS_MAX) return null
    return 'No leader is known: most members of the cluster do not run or can not be reached from here.'
  }
}

/** `The database shop has` or `3 databases, shop among them, have`. */
function databases(groups: readonly GroupState[]): string {
  const name = groups[0]?.database ?? ''
  return groups.length === 1
    ? `The database ${name} has`
    : `${groups.length} databases, ${name} among them, have`
}

function catalogOf(groups: readonly GroupState[]): GroupState | undefined {
  return groups.find(({ group }) => group === CATALOG_GROUP)
}
