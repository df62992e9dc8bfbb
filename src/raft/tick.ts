/** What the passing of time does, by role. */

import { campaign } from './election.ts'
import { askLeaderToWake, quiesceGroup } from './quiescence.ts'
import { jointVoteOutcome } from './quorum.ts'
import { tickFollowerReads } from './reads.ts'
import { becomeFollower } from './roles.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'
import { tickTransfer } from './transfer.ts'

/** One tick. A sleeping replica's clock stands still. */
export function tickReplica(state: ReplicaState): void {
  if (state.quiesced || state.removed) return
  state.leaderSilenceTicks += 1
  state.electionElapsedTicks += 1
  if (state.role.kind === 'leader') tickLeader(state, state.role)
  else tickOther(state)
}

/** "If election timeout elapses without receiving AppendEntries RPC from current leader or granting vote to
 * candidate: convert to candidate" (Figure 2). */
function tickOther(state: ReplicaState): void {
  tickFollowerReads(state)
  if (state.electionElapsedTicks < state.electionTimeoutTicks) return
  if (state.isPromotable()) campaign(state)
  // One that may not campaign has no other way to find out whether its leader is asleep.
  else if (state.electionElapsedTicks % state.electionTimeoutTicks === 0) askLeaderToWake(state)
}

function tickLeader(state: ReplicaState, role: LeaderRole): void {
  state.heartbeatElapsedTicks += 1
  if (state.heartbeatElapsedTicks >= state.config.heartbeatTicks) {
    state.heartbeatElapsedTicks = 0
    role.heartbeatDue = true
  }
  tickTransfer(state, role)
  if (state.electionElapsedTicks >= state.config.electionTimeoutTicks) checkQuorum(state, role)
  if (state.role === role) tickIdle(state, role)
}

/**
 * "A leader steps down if an election timeout elapses without a successful round of heartbeats to a majority of
 * its cluster" (thesis 6.2).
 */
function checkQuorum(state: ReplicaState, role: LeaderRole): void {
  state.electionElapsedTicks = 0
  const isActive = (id: number): boolean => id === state.self.id || role.progress.get(id)!.recentlyActive
  const outcome = jointVoteOutcome(state.configuration, (voter) => isActive(voter.id))
  if (outcome !== 'won') return becomeFollower(state, state.term, null)
  for (const progress of role.progress.values()) progress.recentlyActive = false
}

function tickIdle(state: ReplicaState, role: LeaderRole): void {
  role.idleTicks += 1
  const { quiesceAfterTicks } = state.config
  if (quiesceAfterTicks > 0 && role.idleTicks >= quiesceAfterTicks) quiesceGroup(state, role)
}
