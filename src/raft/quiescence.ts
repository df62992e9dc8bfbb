/**
 * Idle groups: a leader whose followers have everything tells them so, and nobody's clock ticks until something
 * happens. A member with thousands of groups then spends nothing on those that nobody uses.
 *
 * The leader of a sleeping group may die unnoticed. So the host wakes a group's replicas when it loses the
 * connection to the member of their leader; whoever wakes asks the leader, and campaigns if no answer comes.
 */

import { isJoint } from './membership.ts'
import type { Message } from './message.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'

/** Puts the group to sleep if nothing is left to do. Whether it did. */
export function quiesceGroup(state: ReplicaState, role: LeaderRole): boolean {
  if (!isIdle(state, role)) return false
  for (const { replica, match } of role.progress.values()) {
    if (state.isSelf(replica)) continue
    const { round } = role.reads
    state.send({ ...state.envelope(replica), type: 'heartbeat-request', commit: match, round, quiesce: true })
  }
  state.quiesced = true
  return true
}

/** Whether everyone has everything, and knows it. */
function isIdle(state: ReplicaState, role: LeaderRole): boolean {
  const { log, configuration } = state
  if (role.transfer !== null || role.reads.count > 0 || isJoint(configuration)) return false
  if (log.applied !== log.lastIndex || log.durableIndex !== log.lastIndex) return false
  for (const progress of role.progress.values()) {
    if (progress.match !== log.lastIndex) return false
    if (!progress.recentlyActive && !state.isSelf(progress.replica)) return false
  }
  return true
}

/** The leader says that the group is idle. A follower that sees it otherwise says so. */
export function fallAsleep(state: ReplicaState): void {
  const { log } = state
  const agrees = log.commit === log.lastIndex && log.durableIndex === log.lastIndex
  if (agrees && state.followerReads.count === 0) state.quiesced = true
  else askLeaderToWake(state)
}

/** Something happened: the clock ticks again. The leader shows that it lives; a follower asks it to. */
export function wakeUp(state: ReplicaState): void {
  if (!state.quiesced) return
  state.quiesced = false
  state.electionElapsedTicks = 0
  if (state.role.kind === 'leader') wakeLeader(state.role)
  else askLeaderToWake(state)
}

function wakeLeader(role: LeaderRole): void {
  role.idleTicks = 0
  role.heartbeatDue = true
  // Nobody was asked while the group slept.
  for (const progress of role.progress.values()) progress.recentlyActive = true
}

function askLeaderToWake(state: ReplicaState): void {
  if (state.leader !== null && !state.isSelf(state.leader))
    state.send({ ...state.envelope(state.leader), type: 'wake-request' })
}

/** A message came in. Late answers do not wake a group; a leader's message needs no question back. */
export function wakeFor(state: ReplicaState, message: Message): void {
  if (!state.quiesced) return
  const { type } = message
  if (type === 'heartbeat-response' || type === 'append-accepted') return
  if (type === 'heartbeat-request' && message.quiesce) return
  if (type === 'append-request' || type === 'heartbeat-request') {
    state.quiesced = false
    state.electionElapsedTicks = 0
  } else wakeUp(state)
}
