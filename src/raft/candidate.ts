/** What a candidate and a pre-candidate do with messages of their term (§5.2, thesis 9.6). */

import { countVote, loseElection, startElection } from './election.ts'
import { startLeading } from './leader.ts'
import type { PreVoteResponse, VoteResponse } from './message.ts'
import type { CandidateRole } from './role.ts'
import type { ReplicaState } from './state.ts'

/** An answer to the question of a pre-candidate. One that grants carries the term that was asked for. */
export function takePreVote(state: ReplicaState, message: PreVoteResponse): void {
  const isAnswer = message.granted ? message.term === state.term + 1 : message.term === state.term
  if (state.role.kind !== 'pre-candidate' || !isAnswer) return state.drop('stale-answer')
  settle(state, state.role, message)
}

/** A vote of this term. */
export function takeVote(state: ReplicaState, message: VoteResponse): void {
  if (state.role.kind !== 'candidate') return state.drop('stale-answer')
  settle(state, state.role, message)
}

function settle(state: ReplicaState, role: CandidateRole, message: PreVoteResponse | VoteResponse): void {
  const outcome = countVote(state, role, message)
  if (outcome === 'lost') loseElection(state)
  else if (outcome === 'won' && role.kind === 'pre-candidate') startElection(state, false)
  else if (outcome === 'won') startLeading(state)
}
