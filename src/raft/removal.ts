/** Replicas that are no part of the group any more: this one, or one that does not know it yet. */

import { senderOf } from './election.ts'
import type { PreVoteRequest, VoteRequest } from './message.ts'
import { becomeFollower } from './roles.ts'
import type { ReplicaState } from './state.ts'

/** To be called when the commit index moved: the configuration that this committed may be without this replica. */
export function noteCommitted(state: ReplicaState): void {
  if (!state.removed && state.isGone(state.self)) retire(state)
}

/** A peer knows that this replica was removed. */
export function retire(state: ReplicaState): void {
  state.removed = true
  if (state.role.kind !== 'follower') becomeFollower(state, state.term, null)
}

/**
 * A removed replica does not get the entry that removes it, so it campaigns (thesis 4.2.3). It is told, and
 * disturbs nobody any more. Whether it was told instead of answered.
 */
export function tellIfGone(state: ReplicaState, request: PreVoteRequest | VoteRequest): boolean {
  const candidate = senderOf(request)
  if (!state.isGone(candidate)) return false
  state.send({ ...state.envelope(candidate), type: 'tombstone-notice' })
  return true
}
