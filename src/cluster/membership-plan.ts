/**
 * The next step of a group from the replicas that it has to those that it should have, and whether its leader should hand over. Pure: the leader
 * of each group asks here again and again, and there is nothing more to do when the answer is null.
 *
 * - Everyone of the cluster gets a replica, first as a learner: it catches up without a vote (Raft thesis 4.2.1).
 * - A learner becomes a voter once it has caught up and is connected. All changes of voters that are possible are one change.
 * - Who was removed from the cluster goes at once: it may never come back, and its vote counts against everybody until then.
 * - Voters that only lost their place in the placement stay until the others are ready: a vote moves, it is not given up.
 * - A leader does not take its own vote away: it hands over first, and its successor does it.
 * - Nothing that changes voters is begun without a majority of both the old and the new ones: it would never be committed.
 * - A replica of a member that the catalog here does not know was added by a leader with a later catalog. Nothing is done until that is
 *   here: by the old one the newcomer would have to go, and lose its copy; from the catalog's group, even its place in the cluster.
 */

import type { GroupFollower, GroupStatus } from '../group/group-status.ts'
import type { Configuration, MembershipChange, MembershipStep } from '../raft/membership.ts'
import { isJoint, members as replicasOf } from '../raft/membership.ts'
import type { Placement } from './placement.ts'

/** Entries that a replica may lack and count as caught up: what it gets within a heartbeat or two. */
const LAG_MAX = 1_000

export type GroupView = Pick<GroupStatus, 'configuration' | 'followers' | 'lastIndex'>

export interface PlanInput {
  /** Of the group, from its leader. */
  readonly view: GroupView
  /** The member that leads. */
  readonly self: number
  readonly placement: Placement
  readonly isConnected: (member: number) => boolean
}

export interface ChangeInput extends PlanInput {
  /** Whether the catalog here has the member, be it as one that was removed. */
  readonly isKnown: (member: number) => boolean
}

/** Null if nothing is to be done, or nothing can be done now. */
export function nextChange(input: ChangeInput): MembershipChange | null {
  const { configuration } = input.view
  if (isJoint(configuration) || !replicasOf(configuration).every(({ id }) => input.isKnown(id))) return null
  const voters = nextVoters(input)
  const steps = stepsTo(configuration, voters, input.placement)
  return steps.length === 0 ? null : { kind: 'change', steps, autoLeave: true }
}

/** Whether the group has the replicas that it should have, each with the role that it should have. */
export function isInPlace(
  { configuration }: Pick<GroupView, 'configuration'>,
  { voters, learners }: Placement,
): boolean {
  const same = (ids: readonly number[], wanted: readonly number[]): boolean =>
    ids.length === wanted.length && wanted.every((id) => ids.includes(id))
  return (
    !isJoint(configuration) &&
    same(idsOf(configuration.voters), voters) &&
    same(idsOf(configuration.learners), learners)
  )
}

/**
 * The member that should lead instead of this one, and can at once; null to stay. `isSteady`: connected long enough that it is not about to
 * go again.
 */
export function successor(input: PlanInput, isSteady: (member: number) => boolean): number | null {
  const { view, self, placement } = input
  const present = idsOf(view.configuration.voters)
  for (const member of placement.voters) {
    if (member === self) return null
    if (present.includes(member) && isSteady(member) && isCaughtUp(view, member)) return member
  }
  return null
}

/** The connected voter that has the most of the log: who takes over from a leader that goes. Null if there is none. */
export function bestSuccessor({ view, self, placement, isConnected }: PlanInput): number | null {
  const rank = (member: number): number => {
    const place = placement.voters.indexOf(member)
    return place === -1 ? placement.voters.length : place
  }
  const [best] = idsOf(view.configuration.voters)
    .filter((member) => member !== self && isConnected(member))
    .map((member) => ({ member, match: followerOf(view, member)?.matchIndex ?? 0 }))
    .toSorted((left, right) => right.match - left.match || rank(left.member) - rank(right.member))
  return best?.member ?? null
}

function nextVoters(input: PlanInput): readonly number[] {
  const { view, self, placement } = input
  const before = idsOf(view.configuration.voters)
  const staying = before.filter((member) => isWanted(placement, member))
  const ready = placement.voters.filter((member) => before.includes(member) || canVote(input, member))
  const isComplete = ready.length === placement.voters.length
  const spare = staying.filter((member) => !ready.includes(member))
  const kept = isComplete ? [] : spare.slice(0, placement.voters.length - ready.length)
  const next = [...ready, ...kept]
  const withSelf = next.includes(self) ? next : [...next, self]
  return hasMajority(input, before) && hasMajority(input, withSelf) ? withSelf : before
}

function canVote({ view, isConnected }: PlanInput, member: number): boolean {
  return (
    idsOf(view.configuration.learners).includes(member) && isConnected(member) && isCaughtUp(view, member)
  )
}

function isCaughtUp(view: GroupView, member: number): boolean {
  const follower = followerOf(view, member)
  return (
    follower !== undefined &&
    follower.state === 'replicate' &&
    view.lastIndex - follower.matchIndex <= LAG_MAX
  )
}

function followerOf({ followers }: GroupView, member: number): GroupFollower | undefined {
  return followers.find((follower) => follower.member === member)
}

function hasMajority({ self, isConnected }: PlanInput, voters: readonly number[]): boolean {
  const present = voters.filter((member) => member === self || isConnected(member))
  return present.length > voters.length / 2
}

function stepsTo(
  configuration: Configuration,
  voters: readonly number[],
  placement: Placement,
): MembershipStep[] {
  const [before, learners] = [idsOf(configuration.voters), idsOf(configuration.learners)]
  const wanted = [...placement.voters, ...placement.learners]
  return [
    ...voters.filter((id) => !before.includes(id)).map((id) => ({ kind: 'promote', id }) as const),
    ...before
      .filter((id) => !voters.includes(id))
      .map((id) => ({ kind: wanted.includes(id) ? 'demote' : 'remove', id }) as const),
    ...learners.filter((id) => !wanted.includes(id)).map((id) => ({ kind: 'remove', id }) as const),
    ...wanted
      .filter((id) => !before.includes(id) && !learners.includes(id))
      .map((id) => ({ kind: 'add-learner', id }) as const),
  ]
}

function isWanted({ voters, learners }: Placement, member: number): boolean {
  return voters.includes(member) || learners.includes(member)
}

function idsOf(replicas: readonly { readonly id: number }[]): number[] {
  return replicas.map(({ id }) => id)
}
