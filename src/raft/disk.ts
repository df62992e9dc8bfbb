/** A disk that does not answer. */

import { becomeFollower } from './roles.ts'
import type { ReplicaState } from './state.ts'
import { handOver } from './transfer.ts'

/**
 * A leader that can't write still can send heartbeats, and would keep a healthy follower from taking over for
 * ever. It hands over and steps down, and does not campaign until its disk is back.
 */
export function retireFromLeading(state: ReplicaState): void {
  state.diskStalled = true
  if (state.role.kind === 'leader') handOver(state, state.role)
  if (state.role.kind !== 'follower') becomeFollower(state, state.term, null)
}

export function noteAvailable(state: ReplicaState): void {
  if (!state.diskStalled) return
  state.diskStalled = false
  state.resetElectionTimer()
}
