/** Elections: campaigning, counting votes, and giving them (§5.2, §5.4.1; thesis 3.10, 4.2.3, 9.6). */

import { sameReplica } from './entry.ts'
import type { ReplicaId } from './entry.ts'
import { isVoter, members } from './membership.ts'
import type { PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse } from './message.ts'
import { jointVoteOutcome } from './quorum.ts'
import type { VoteOutcome } from './quorum.ts'
import { becomeCandidate, becomeFollower, becomePreCandidate } from './roles.ts'
import type { CandidateRole } from './role.ts'
import { ELECTION_PRIORITY_MAX } from './state.ts'
import type { ReplicaState } from './state.ts'

/** First asks whether it would win, so that a replica cut off from the others does not raise terms (thesis 9.6). */
export function startPreVote(state: ReplicaState): void {
  becomePreCandidate(state)
  for (const voter of otherVoters(state)) {
    state.send({
      ...state.envelope(voter, state.term + 1),
      type: 'pre-vote-request',
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
    })
  }
}

/**
 * A new term, and a vote for oneself (§5.2). The requests wait, like the vote, until term, vote and the log
 * that they boast of are durable: a candidate that forgot them in a crash could otherwise campaign in the
 * same term again, with a shorter log, and count the votes that the longer one got.
 */
export function startElection(state: ReplicaState, forced: boolean): void {
  becomeCandidate(state)
  // Counted, like any other, only if it is a voter's.
  state.sendWhenAllDurable({ ...state.envelope(state.self), type: 'vote-response', granted: true })
  for (const voter of otherVoters(state)) {
    state.sendWhenAllDurable({
      ...state.envelope(voter),
      type: 'vote-request',
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
      forced,
    })
  }
}

function otherVoters(state: ReplicaState): readonly ReplicaId[] {
  const { configuration } = state
  return members(configuration).filter((replica) => isVoter(configuration, replica) && !state.isSelf(replica))
}

/** Counts an answer. Only voters of the configuration count, under the generation that it names. */
export function countVote(
  state: ReplicaState,
  role: CandidateRole,
  message: PreVoteResponse | VoteResponse,
): VoteOutcome {
  const voter = { id: message.from, generation: message.fromGeneration }
  if (isVoter(state.configuration, voter)) {
    // The first answer stands: each votes once in a term (§5.2).
    if (!role.votes.has(voter.id)) role.votes.set(voter.id, message.granted)
  } else state.drop('unexpected-vote')
  return candidacyOutcome(state, role)
}

/** "A candidate wins an election if it receives votes from a majority of the servers in the full cluster" (§5.2). */
export function candidacyOutcome(state: ReplicaState, role: CandidateRole): VoteOutcome {
  return jointVoteOutcome(state.configuration, (voter) => role.votes.get(voter.id))
}

/**
 * Would this replica vote for the sender? Nothing is promised, nothing remembered. Configurations play no part:
 * a replica that believes itself a learner may be a voter of a newer one (thesis 4.1).
 */
export function answerPreVote(state: ReplicaState, request: PreVoteRequest): void {
  const granted = request.term > state.term && state.log.isUpToDate(request.lastTerm, request.lastIndex)
  // A refusal tells this replica's term, which a candidate that is behind needs to catch up with.
  const term = granted ? request.term : state.term
  const response = { ...state.envelope(senderOf(request), term), type: 'pre-vote-response', granted } as const
  // Nobody hears of a term before it is durable: a candidate with a stuck disk would depose a healthy leader by it.
  if (granted) state.send(response)
  else state.sendWhenTermDurable(response)
}

/** Gives the vote of this term, at most once, and only to a log that is as up to date as this one (§5.2, §5.4.1). */
export function answerVote(state: ReplicaState, request: VoteRequest): void {
  const candidate = senderOf(request)
  const isFree = state.votedFor === null ? state.leader === null : sameReplica(state.votedFor, candidate)
  const granted = isFree && state.log.isUpToDate(request.lastTerm, request.lastIndex)
  if (granted) giveVote(state, candidate)
  // "Updated on stable storage before responding to RPCs" (Figure 2).
  state.sendWhenTermDurable({ ...state.envelope(candidate), type: 'vote-response', granted })
}

/** A candidate of an earlier term learns the present one (§5.1). */
export function refuseOldCandidate(state: ReplicaState, request: VoteRequest): void {
  state.sendWhenTermDurable({ ...state.envelope(senderOf(request)), type: 'vote-response', granted: false })
}

function giveVote(state: ReplicaState, candidate: ReplicaId): void {
  if (state.votedFor === null) {
    state.votedFor = candidate
    state.markHardState()
  }
  state.resetElectionTimer()
}

/**
 * "If a server receives a RequestVote request within the minimum election timeout of hearing from a current
 * leader, it does not update its term or grant its vote" (thesis 4.2.3), unless that leader asked for it. It counts
 * when it was heard, not whether this replica still follows it: leases rest on that (`lease.ts`).
 */
export function isLeaderAlive(state: ReplicaState): boolean {
  return state.role.kind === 'leader' || state.leaderSilenceTicks < state.config.electionTimeoutTicks
}

/**
 * The connection to the leader is lost, which mostly means that its process has ended: then nobody need wait for its silence to last a whole election
 * timeout. A leader that lives is heard before the time that is left is over, and everything is as it was. Not with leases, which rest on
 * the silence.
 */
export function suspectLeader(state: ReplicaState): void {
  const { electionTimeoutTicks, heartbeatTicks, lease } = state.config
  if (lease !== null || state.role.kind !== 'follower') return
  const patience = Math.min(heartbeatTicks + 1, electionTimeoutTicks)
  state.leaderSilenceTicks = Math.max(state.leaderSilenceTicks, electionTimeoutTicks - patience)
  // The others suspect it a moment earlier or later, and who is preferred goes first.
  const spread = heartbeatTicks + 1
  const handicap = (ELECTION_PRIORITY_MAX - state.electionPriority) * spread
  const waitTicks = patience + 1 + handicap + (state.random() % spread)
  state.electionElapsedTicks = Math.max(state.electionElapsedTicks, state.electionTimeoutTicks - waitTicks)
}

/** The election timed out, or the leader said so: tries, if this replica may lead. */
export function campaign(state: ReplicaState): void {
  if (!state.isPromotable()) return
  startPreVote(state)
  if (state.role.kind !== 'pre-candidate') return
  if (candidacyOutcome(state, state.role) === 'won') startElection(state, false)
}

/** Nobody will vote for it: waits for somebody else, or for the next timeout. */
export function loseElection(state: ReplicaState): void {
  becomeFollower(state, state.term, null)
}

export function senderOf(message: { from: number; fromGeneration: number }): ReplicaId {
  return { id: message.from, generation: message.fromGeneration }
}
