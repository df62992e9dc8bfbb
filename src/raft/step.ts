/**
 * A message's way to the function that takes it: is it well-formed, is it for this replica, what does its term
 * say (§5.1), and what does this replica's role make of it.
 */

import { unreachable } from '../base/assert.ts'
import { takePreVote, takeVote } from './candidate.ts'
import { answerPreVote, answerVote, isLeaderAlive, refuseOldCandidate, senderOf } from './election.ts'
import { acceptLeader, takeAppend, takeHeartbeat, takeSnapshot, takeTimeoutNow } from './follower.ts'
import { takeAccepted, takeHeartbeatResponse, takeRejected } from './leader.ts'
import type { LeaderMessage, Message } from './message.ts'
import { wakeFor } from './quiescence.ts'
import { takeReadRequest, takeReadResponse } from './reads.ts'
import { retire, tellIfGone } from './removal.ts'
import { becomeFollower } from './roles.ts'
import type { DropReason, ReplicaState } from './state.ts'
import { isWellFormed } from './validate.ts'

/** A message from a peer. Never throws, whatever it holds. */
export function stepMessage(state: ReplicaState, message: Message): void {
  const problem = admissionProblem(state, message)
  if (problem !== null) return state.drop(problem)
  deliver(state, message)
}

/** Why the message is none for this replica, or null. */
function admissionProblem(state: ReplicaState, message: Message): DropReason | null {
  if (typeof message !== 'object' || message === null || !isWellFormed(message)) return 'malformed'
  if (message.group !== state.group) return 'other-group'
  if (message.to !== state.self.id || message.from === state.self.id) return 'other-replica'
  if (message.toGeneration !== state.self.generation) return 'old-generation'
  if (state.removed) return 'removed'
  return isFromOldGeneration(state, message) ? 'old-generation' : null
}

/** The sender's member has a newer replica by now: the old one has no say any more. */
function isFromOldGeneration(state: ReplicaState, message: Message): boolean {
  const { voters, votersOutgoing, learners } = state.configuration
  for (const list of [voters, votersOutgoing, learners])
    for (const { id, generation } of list) if (id === message.from) return message.fromGeneration < generation
  return false
}

/** A message that was admitted, or one of this replica to itself. */
export function deliver(state: ReplicaState, message: Message): void {
  if (message.type === 'tombstone-notice') return retire(state)
  wakeFor(state, message)
  const isQuestion = message.type === 'pre-vote-request' || message.type === 'vote-request'
  if (isQuestion && tellIfGone(state, message)) return
  if (message.term > state.term) deliverHigherTerm(state, message)
  else if (message.term < state.term) deliverLowerTerm(state, message)
  else deliverSameTerm(state, message)
}

/** "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower" (§5.1). */
function deliverHigherTerm(state: ReplicaState, message: Message): void {
  // A question about a term begins none, nor does a yes to it (thesis 9.6).
  if (message.type === 'pre-vote-request')
    return isLeaderAlive(state) ? state.drop('leader-alive') : answerPreVote(state, message)
  if (message.type === 'pre-vote-response' && message.granted) return takePreVote(state, message)
  if (message.type === 'vote-request') {
    if (!message.forced && isLeaderAlive(state)) return state.drop('leader-alive')
    // A leader that orders an election has given up its lease.
    state.leaderSilenceTicks = Infinity
  }
  becomeFollower(state, message.term, isLeaderMessage(message) ? senderOf(message) : null)
  deliverSameTerm(state, message)
}

/** "If a server receives a request with a stale term number, it rejects the request" (§5.1), and tells its own. */
function deliverLowerTerm(state: ReplicaState, message: Message): void {
  if (message.type === 'pre-vote-request') return answerPreVote(state, message)
  if (message.type === 'vote-request') return refuseOldCandidate(state, message)
  if (isLeaderMessage(message))
    // Ignoring it would leave a replica alone whose term got ahead, for as long as that leader lives.
    return state.sendWhenTermDurable({ ...state.envelope(senderOf(message)), type: 'stale-leader' })
  state.drop('stale-term')
}

function isLeaderMessage(message: Message): message is LeaderMessage {
  const { type } = message
  return type === 'append-request' || type === 'heartbeat-request' || type === 'snapshot-request'
}

function deliverSameTerm(state: ReplicaState, message: Message): void {
  switch (message.type) {
    case 'append-request':
      return acceptLeader(state, message) ? takeAppend(state, message) : undefined
    case 'heartbeat-request':
      return acceptLeader(state, message) ? takeHeartbeat(state, message) : undefined
    case 'snapshot-request':
      return acceptLeader(state, message) ? takeSnapshot(state, message) : undefined
    case 'append-accepted':
    case 'append-rejected':
    case 'heartbeat-response':
      return deliverToLeader(state, message)
    case 'pre-vote-request':
      return answerPreVote(state, message)
    case 'vote-request':
      return answerVote(state, message)
    case 'pre-vote-response':
      return takePreVote(state, message)
    case 'vote-response':
      return takeVote(state, message)
    case 'timeout-now':
      return takeTimeoutNow(state, message)
    case 'read-index-request':
      return takeReadRequest(state, message)
    case 'read-index-response':
      return takeReadResponse(state, message)
    case 'wake-request': // Waking up was all.
    case 'stale-leader': // The term was all.
    case 'tombstone-notice':
      return
    default:
      return unreachable(message)
  }
}

type FollowerAnswer = Extract<Message, { type: 'append-accepted' | 'append-rejected' | 'heartbeat-response' }>

function deliverToLeader(state: ReplicaState, message: FollowerAnswer): void {
  const { role } = state
  if (role.kind !== 'leader') return state.drop('not-leader')
  if (message.type === 'append-accepted') takeAccepted(state, role, message)
  else if (message.type === 'append-rejected') takeRejected(state, role, message)
  else takeHeartbeatResponse(state, role, message)
}
