/**
 * Idle groups: a leader whose followers have everything tells them so, and nobody's clock ticks until something
 * happens. A member with thousands of groups then spends nothing on those that nobody uses.
 *
 * The leader of a sleeping group may die unnoticed. So the host wakes a group's replicas when it loses the
 * connection to the member of their leader; whoever wakes asks the leader, and campaigns if no answer comes.
 */

import { isJoint } from './membership.ts'
import type { Message } from './message.ts'
import { startRound } from './reads.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'

/** Puts the group to sleep if nothing is left to do. Whether it did. */
export function quiesceGroup(state: ReplicaState, role: LeaderRole): boolean {
  if (!isIdle(state, role)) return false
  // A round of its own tells it from ordinary heartbeats, which may overtake it or come after it.
  const round = role.reads.startRound(state.log.commit, true)
  for (const { replica, match } of role.progress.values()) {
    if (state.isSelf(replica)) continue
    state.send({ ...state.envelope(replica), type: 'heartbeat-request', commit: match, round, quiesce: true })
  }
  role.heartbeatDue = false
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
export function fallAsleep(state: ReplicaState, round: number): void {
  const { log } = state
  const agrees = log.commit === log.lastIndex && log.durableIndex === log.lastIndex
  if (!agrees || state.followerReads.count > 0) return askLeaderToWake(state)
  state.quiesced = true
  state.quiescedRound = round
}

/** Something happened: the clock ticks again. The leader shows that it lives; a follower asks it to. */
export function wakeUp(state: ReplicaState): void {
  if (!state.quiesced) return
  state.quiesced = false
  state.electionElapsedTicks = 0
  if (state.role.kind === 'leader') wakeLeader(state, state.role)
  else askLeaderToWake(state)
}

function wakeLeader(state: ReplicaState, role: LeaderRole): void {
  role.idleTicks = 0
  // A new round: followers that sleep know by it that these heartbeats are not late ones.
  startRound(state, role, undefined)
  // Nobody was asked while the group slept.
  for (const progress of role.progress.values()) progress.recentlyActive = true
}

export function askLeaderToWake(state: ReplicaState): void {
  if (state.leader !== null && !state.isSelf(state.leader))
    state.send({ ...state.envelope(state.leader), type: 'wake-request' })
}

/** A message came in. What was under way when the group fell asleep does not wake it. */
export function wakeFor(state: ReplicaState, message: Message): void {
  if (!state.quiesced || isLate(state, message)) return
  const { type } = message
  if (type === 'append-request' || type === 'heartbeat-request') {
    // Its leader is awake: no need to ask.
    state.quiesced = false
    state.electionElapsedTicks = 0
  } else wakeUp(state)
}

function isLate(state: ReplicaState, message: Message): boolean {
  const { type, term } = message
  if (type === 'heartbeat-response' || type === 'append-accepted' || term < state.term) return true
  if (term > state.term) return false
  if (type === 'heartbeat-request') return message.quiesce || message.round <= state.quiescedRound
  return type === 'append-request' && message.previousIndex + message.entries.length <= state.log.lastIndex
}
