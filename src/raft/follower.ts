/** What a follower does with its leader's messages: AppendEntries, heartbeats, InstallSnapshot, TimeoutNow. */

import { senderOf, startElection } from './election.ts'
import type {
  AppendRequest,
  HeartbeatRequest,
  LeaderMessage,
  SnapshotRequest,
  TimeoutNow,
} from './message.ts'
import { fallAsleep } from './quiescence.ts'
import { noteCommitted } from './removal.ts'
import { becomeFollower } from './roles.ts'
import type { ReplicaState } from './state.ts'

/**
 * Accepts the sender as the leader of this term: a candidate gives up, a follower waits anew (§5.2). False for a
 * second leader in one term, which election safety rules out.
 */
export function acceptLeader(state: ReplicaState, message: LeaderMessage): boolean {
  const sender = senderOf(message)
  const isOther =
    state.leader !== null && (state.leader.id !== sender.id || state.leader.generation !== sender.generation)
  if (state.role.kind === 'leader' || isOther) {
    state.drop('second-leader')
    return false
  }
  if (state.role.kind !== 'follower' || state.leader === null) becomeFollower(state, state.term, sender)
  state.electionElapsedTicks = 0
  state.leaderSilenceTicks = 0
  return true
}

/** The receiver's part of AppendEntries (Figure 2). */
export function takeAppend(state: ReplicaState, message: AppendRequest): void {
  const { log } = state
  // Late or repeated. What is committed is the same everywhere (State Machine Safety, §5.4.3).
  if (message.previousIndex < log.commit) return acceptUpTo(state, message, log.commit)
  // "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm" (Figure 2).
  if (!log.matches(message.previousIndex, message.previousTerm)) return rejectAppend(state, message)
  if (!log.merge(message.entries)) return state.drop('conflicts-with-committed')
  const lastNew = message.previousIndex + message.entries.length
  // "set commitIndex = min(leaderCommit, index of last new entry)" (Figure 2).
  if (log.commitTo(Math.min(message.commit, lastNew))) noteCommitted(state)
  acceptUpTo(state, message, lastNew)
}

/** Acknowledges what is durable, or will be when all that is known now is. */
function acceptUpTo(state: ReplicaState, message: LeaderMessage, index: number): void {
  const answer = { ...state.envelope(senderOf(message)), type: 'append-accepted', index } as const
  if (index <= state.log.durableIndex) state.sendWhenTermDurable(answer)
  else state.sendWhenAllDurable(answer)
}

/** Tells where the logs may match, so that the leader jumps over a whole term at a time (§5.3). */
function rejectAppend(state: ReplicaState, message: AppendRequest): void {
  const { previousIndex, previousTerm } = message
  const hintIndex = state.log.lastIndexNotAbove(previousTerm, previousIndex)
  const hintTerm = state.log.termAt(hintIndex) ?? 0
  const envelope = state.envelope(senderOf(message))
  state.sendWhenTermDurable({ ...envelope, type: 'append-rejected', previousIndex, hintIndex, hintTerm })
}

export function takeHeartbeat(state: ReplicaState, message: HeartbeatRequest): void {
  const { log } = state
  // The leader tells no more than this replica acknowledged: it must have lost its disk since.
  if (message.commit > log.lastIndex) return state.drop('beyond-log')
  if (log.commitTo(message.commit)) noteCommitted(state)
  if (message.quiesce) return fallAsleep(state, message.round)
  const envelope = state.envelope(senderOf(message))
  state.sendWhenTermDurable({ ...envelope, type: 'heartbeat-response', round: message.round })
}

/** The receiver's part of InstallSnapshot (§7, Figure 13). The host has the snapshot's bytes already. */
export function takeSnapshot(state: ReplicaState, message: SnapshotRequest): void {
  const { log } = state
  const { snapshot } = message
  // An old one, perhaps even one that conflicts: what is committed here stays.
  if (snapshot.index <= log.commit) return acceptUpTo(state, message, log.commit)
  if (log.isInstallingSnapshot) return state.drop('snapshot-in-progress')
  // "If existing log entry has same index and term as snapshot's last included entry, retain log entries
  // following it and reply" (Figure 13); otherwise "discard the entire log".
  if (log.matches(snapshot.index, snapshot.term)) log.commitTo(snapshot.index)
  else log.restore(snapshot)
  noteCommitted(state)
  acceptUpTo(state, message, snapshot.index)
}

/** The leader hands over: an election at once, without asking first (thesis 3.10). */
export function takeTimeoutNow(state: ReplicaState, _message: TimeoutNow): void {
  if (state.role.kind === 'leader') return state.drop('stale-answer')
  if (!state.isPromotable()) return state.drop('not-voter')
  startElection(state, true)
}
