/** What a leader does with the answers of its followers: progress, commit, and the end of its leadership. */

import { assert } from '../base/assert.ts'
import { senderOf } from './election.ts'
import { encodeConfiguration } from './configuration-codec.ts'
import { entrySizeBytes } from './entry.ts'
import type { EntryKind, ReplicaId } from './entry.ts'
import { applyChange, isJoint, isVoter } from './membership.ts'
import type { Configuration } from './membership.ts'
import type { AppendAccepted, AppendRejected, HeartbeatResponse } from './message.ts'
import type { Progress } from './progress.ts'
import { jointQuorumValue } from './quorum.ts'
import { confirmReads } from './reads.ts'
import { noteCommitted } from './removal.ts'
import { becomeFollower, becomeLeader, trackMembers } from './roles.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'
import { checkTransferTarget, continueTransfer, handOver } from './transfer.ts'

const NO_DATA = new Uint8Array(0)

/** Won: begins the term with an empty entry, whose commit settles everything before it (§5.4.2, §8). */
export function startLeading(state: ReplicaState): void {
  // The vote requests waited for it, and a candidate's log does not change.
  assert(state.log.durableIndex === state.log.lastIndex, 'a leader was elected for a log that is not durable')
  const role = becomeLeader(state)
  appendEntry(state, role, 'empty', NO_DATA)
  noteDurable(state, role)
}

/** "If command received from client: append entry to local log" (Figure 2). Sending is up to `replication.ts`. */
export function appendEntry(
  state: ReplicaState,
  role: LeaderRole,
  kind: EntryKind,
  data: Uint8Array,
): number {
  const entry = { index: state.log.lastIndex + 1, term: state.term, kind, data }
  state.log.append(entry)
  role.sendDue = true
  role.idleTicks = 0
  return entrySizeBytes(entry)
}

/** Appends a configuration, which is in force from now on (thesis 4.1). */
export function appendConfiguration(
  state: ReplicaState,
  role: LeaderRole,
  configuration: Configuration,
): void {
  assert(configuration.index === state.log.lastIndex + 1, 'a configuration names another index')
  const sizeBytes = appendEntry(state, role, 'membership', encodeConfiguration(configuration))
  role.uncommitted.add(state.log.lastIndex, sizeBytes)
  trackMembers(state, role)
  role.lease.restart()
  checkTransferTarget(state, role)
  // Those whose answer was missing may not be asked any more.
  confirmReads(state, role)
}

/** The leader's own log counts like any other: as far as it is durable (thesis 10.2.1). */
export function noteDurable(state: ReplicaState, role: LeaderRole): void {
  const own = role.progress.get(state.self.id)
  if (own !== undefined && own.accept(state.log.durableIndex)) advanceCommit(state, role)
}

/** The follower's progress, if the message is from a replica that takes part, under its present generation. */
export function progressOf(role: LeaderRole, sender: ReplicaId): Progress | null {
  const progress = role.progress.get(sender.id)
  return progress !== undefined && progress.replica.generation === sender.generation ? progress : null
}

/** "If successful: update nextIndex and matchIndex for follower" (§5.3). */
export function takeAccepted(state: ReplicaState, role: LeaderRole, message: AppendAccepted): void {
  const progress = progressOf(role, senderOf(message))
  if (progress === null) return state.drop('unknown-follower')
  if (message.index > state.log.lastIndex) return state.drop('beyond-log')
  progress.recentlyActive = true
  role.sendDue = true
  const isNews = progress.accept(message.index)
  if (progress.state === 'replicate') progress.inflights.freeTo(message.index)
  else if (canReplicate(state, progress, message.index)) progress.becomeReplicate()
  if (!isNews) return
  advanceCommit(state, role)
  continueTransfer(state)
}

/** Whether the place where the logs match is known, and what follows is still in the leader's log. */
function canReplicate(state: ReplicaState, progress: Progress, index: number): boolean {
  if (index < progress.match) return false
  return progress.state === 'probe' || progress.match >= state.log.baseIndex
}

/** "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry" (§5.3). */
export function takeRejected(state: ReplicaState, role: LeaderRole, message: AppendRejected): void {
  const progress = progressOf(role, senderOf(message))
  if (progress === null) return state.drop('unknown-follower')
  progress.recentlyActive = true
  if (!progress.reject(message.previousIndex, backOff(state, message))) return state.drop('stale-answer')
  role.sendDue = true
}

/** Jumps over whole terms, on both sides, instead of going back one entry at a time (§5.3). */
function backOff(state: ReplicaState, message: AppendRejected): number {
  const hint = Math.min(message.hintIndex, state.log.lastIndex)
  if (hint < state.log.baseIndex) return hint
  return state.log.lastIndexNotAbove(message.hintTerm, hint)
}

/** The follower is there: the quorum lives, reads get confirmed, and lost requests are found out about. */
export function takeHeartbeatResponse(
  state: ReplicaState,
  role: LeaderRole,
  message: HeartbeatResponse,
): void {
  const progress = progressOf(role, senderOf(message))
  if (progress === null) return state.drop('unknown-follower')
  if (message.round > role.reads.round) return state.drop('stale-answer')
  progress.recentlyActive = true
  progress.probeSent = false
  if (progress.match < state.log.lastIndex) {
    progress.checkDue = true
    role.sendDue = true
  }
  if (message.round > progress.ackedRound) {
    progress.ackedRound = message.round
    confirmReads(state, role)
  }
}

/**
 * "If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥ N, and log[N].term ==
 * currentTerm: set commitIndex = N" (Figure 2). Entries of earlier terms are never committed by counting
 * (§5.4.2): those of this term are exactly the ones from `firstIndex` on.
 */
export function advanceCommit(state: ReplicaState, role: LeaderRole): void {
  const index = jointQuorumValue(state.configuration, (voter) => role.progress.get(voter.id)!.match)
  if (index >= role.firstIndex) commitAsLeader(state, role, index)
}

function commitAsLeader(state: ReplicaState, role: LeaderRole, index: number): void {
  if (!state.log.commitTo(index)) return
  role.uncommitted.commitTo(index)
  role.sendDue = true
  afterCommit(state, role)
}

/**
 * Entries up to `index` are committed, because the state machine has applied them in an earlier life, of whose commits the hard state knows only
 * some. Without that a leader could be stuck: what it has applied it can't give away as a snapshot, and without a snapshot a
 * follower that is needed for a majority never answers.
 */
export function noteKnownCommitted(state: ReplicaState, index: number): void {
  const { role, log } = state
  const known = Math.min(index, log.lastIndex)
  if (role.kind === 'leader') commitAsLeader(state, role, known)
  else if (log.commitTo(known)) noteCommitted(state)
}

/** Whether the leader has committed an entry of its own term, and so knows what is committed (thesis 6.4). */
export function hasCommittedOwnTerm(state: ReplicaState, role: LeaderRole): boolean {
  return state.log.commit >= role.firstIndex
}

/** What the commit of a configuration brings: C_new after C_old,new, or the end of a leader that is not in it. */
function afterCommit(state: ReplicaState, role: LeaderRole): void {
  const { configuration } = state
  if (configuration.index > state.log.commit) return
  // In force means appended, so C_new is appended once: from then on the configuration is not joint (§6).
  if (isJoint(configuration) && configuration.autoLeave) appendLeaveJoint(state, role)
  else if (!isVoter(configuration, state.self)) {
    // "The leader steps down once it has committed the C_new log entry" (§6).
    handOver(state, role)
    becomeFollower(state, state.term, null)
    noteCommitted(state)
  }
}

/** A term that has no generation left can't; the next leader does it. */
function appendLeaveJoint(state: ReplicaState, role: LeaderRole): void {
  const place = { index: state.log.lastIndex + 1, term: state.term }
  const outcome = applyChange(state.configuration, { kind: 'leave-joint' }, place)
  if (!outcome.ok) return
  appendConfiguration(state, role, outcome.configuration)
  advanceCommit(state, role)
}
