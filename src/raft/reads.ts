/** Linearizable reads: the ways between `LeaderReads`, `FollowerReads`, the lease and the messages (thesis 6.4). */

import { senderOf } from './election.ts'
import { sameReplica } from './entry.ts'
import type { ReplicaId } from './entry.ts'
import type { ReadIndexRequest, ReadIndexResponse } from './message.ts'
import { jointQuorumValue } from './quorum.ts'
import type { ReadResult } from './api.ts'
import type { LeaderRead, ReadRound } from './leader-reads.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'

/** A read of this replica's host. */
export function startRead(state: ReplicaState, context: number, nowMs: number | undefined): ReadResult {
  const { role } = state
  if (role.kind === 'leader') return startLeaderRead(state, role, context, nowMs)
  if (role.kind !== 'follower' || state.leader === null) return { accepted: false, reason: 'no-leader' }
  if (state.followerReads.count >= state.config.pendingReadsMax)
    return { accepted: false, reason: 'too-many-reads' }
  state.followerReads.arrive(context)
  return { accepted: true }
}

function startLeaderRead(
  state: ReplicaState,
  role: LeaderRole,
  context: number,
  nowMs: number | undefined,
): ReadResult {
  if (role.reads.count >= state.config.pendingReadsMax) return { accepted: false, reason: 'too-many-reads' }
  role.idleTicks = 0
  if (nowMs !== undefined && canReadByLease(state, role, nowMs))
    state.readStates.push({ context, index: state.log.commit })
  else role.reads.arrive({ kind: 'local', context })
  return { accepted: true }
}

/** Only for a leader that knows what is committed, and that nobody was told to replace. */
function canReadByLease(state: ReplicaState, role: LeaderRole, nowMs: number): boolean {
  return role.lease.isValid(nowMs) && role.transfer === null && knowsCommit(state, role)
}

/**
 * Whether the leader has committed an entry of its own term. Until then it may not know of everything that is
 * committed (thesis 6.4, step 1).
 */
function knowsCommit(state: ReplicaState, role: LeaderRole): boolean {
  return state.log.commit >= role.firstIndex
}

/** A follower asks. A replica that does not lead says nothing: the follower asks again, or gives up. */
export function takeReadRequest(state: ReplicaState, message: ReadIndexRequest): void {
  const { role } = state
  if (role.kind !== 'leader') return state.drop('not-leader')
  if (role.reads.count >= state.config.pendingReadsMax) return state.drop('too-many-reads')
  role.idleTicks = 0
  const replica = senderOf(message)
  const read: LeaderRead = { kind: 'remote', replica, request: message.request }
  if (knowsCommit(state, role) && isQuorumWith(state, replica)) answerRead(state, read, state.log.commit)
  else role.reads.arrive(read)
}

/**
 * Whether this leader and the follower that asks are a quorum, as any two of three voters are. Then its question is the acknowledgement that a round of
 * heartbeats would ask for: it was in this term when it asked, and so is the leader now. Whoever leads a later term needs a vote of one of the
 * two, which neither had given when the question was asked; so whatever was acknowledged before that, the leader knows to be committed.
 */
function isQuorumWith(state: ReplicaState, asker: ReplicaId): boolean {
  const isOfBoth = (voter: ReplicaId): boolean => sameReplica(voter, state.self) || sameReplica(voter, asker)
  return jointQuorumValue(state.configuration, (voter) => (isOfBoth(voter) ? 1 : 0)) === 1
}

/** The leader answered. */
export function takeReadResponse(state: ReplicaState, message: ReadIndexResponse): void {
  const answers = state.followerReads.answer(message.request, message.index)
  if (answers.length === 0) return state.drop('stale-answer')
  state.readStates.push(...answers)
}

/** Whether a round is needed, and may begin, for reads that wait. */
export function isRoundDue(state: ReplicaState, role: LeaderRole): boolean {
  return role.reads.hasArrived && knowsCommit(state, role)
}

/**
 * Starts a round: "it issues a new round of heartbeats and waits for their acknowledgments from a majority of the
 * cluster" (thesis 6.4, step 3).
 */
export function startRound(state: ReplicaState, role: LeaderRole, nowMs: number | undefined): void {
  const round = role.reads.startRound(state.log.commit, knowsCommit(state, role))
  if (nowMs !== undefined && role.lease.isEnabled) role.lease.sent(round, nowMs)
  const own = role.progress.get(state.self.id)
  if (own !== undefined) own.ackedRound = round
  role.heartbeatDue = true
  confirmReads(state, role)
}

/** Answers every read whose round, or a later one, a quorum has confirmed. */
export function confirmReads(state: ReplicaState, role: LeaderRole): void {
  const round = jointQuorumValue(state.configuration, (voter) => role.progress.get(voter.id)!.ackedRound)
  role.lease.confirm(round)
  for (const confirmed of role.reads.confirm(round)) answerRound(state, confirmed)
}

function answerRound(state: ReplicaState, round: ReadRound): void {
  for (const read of round.reads) answerRead(state, read, round.index)
}

function answerRead(state: ReplicaState, read: LeaderRead, index: number): void {
  if (read.kind === 'local') state.readStates.push({ context: read.context, index })
  else
    state.send({ ...state.envelope(read.replica), type: 'read-index-response', request: read.request, index })
}

/** Asks the leader, once for all reads that came in since the last time. */
export function sendReadRequests(state: ReplicaState): void {
  if (state.followerReads.hasArrived) sendReadRequest(state, state.followerReads.startRequest())
}

function sendReadRequest(state: ReplicaState, request: number): void {
  if (state.leader === null) return
  state.send({ ...state.envelope(state.leader), type: 'read-index-request', request })
}

/** Asks again where an answer is late, and gives up after two election timeouts. */
export function tickFollowerReads(state: ReplicaState): void {
  if (state.followerReads.count === 0) return
  const { electionTimeoutTicks, heartbeatTicks } = state.config
  const { resend, expired } = state.followerReads.tick(2 * heartbeatTicks, 2 * electionTimeoutTicks)
  for (const request of resend) sendReadRequest(state, request)
  for (const context of expired) state.readFailures.push({ context, reason: 'timeout' })
}
