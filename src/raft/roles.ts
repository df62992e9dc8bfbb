/**
 * Changes of role and term: the arrows of Figure 4, and the only functions that set `role`, `term` and
 * `leader`.
 *
 * ```
 *              timeout                 would win                 won
 *   follower ───────────▶ pre-candidate ─────────▶ candidate ─────────▶ leader
 *      ▲   ▲  └─────────────(timeout-now)────────────▲   │                 │
 *      │   └── lost, or a leader of this term ────┴──────┘                 │
 *      └────── a higher term, no quorum, removed, disk stalled ────────────┘
 * ```
 */

import { assert } from '../base/assert.ts'
import type { ReplicaId } from './entry.ts'
import { LeaderReads } from './leader-reads.ts'
import { LeaseTracker } from './lease.ts'
import { members } from './membership.ts'
import { Progress } from './progress.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'
import { UncommittedLedger } from './uncommitted-ledger.ts'

/** Follows `leader`, or nobody yet, in `term`, which is the present one or a higher one (§5.1). */
export function becomeFollower(state: ReplicaState, term: number, leader: ReplicaId | null): void {
  assert(term >= state.term, () => `term goes back from ${state.term} to ${term}`)
  const wasFollower = state.role.kind === 'follower'
  leaveRole(state, term, leader)
  adoptTerm(state, term)
  state.role = { kind: 'follower' }
  state.leader = leader
  // A higher term alone is no reason to wait: only a leader or a vote given is (§5.2).
  if (leader !== null || !wasFollower) state.resetElectionTimer()
}

/** Asks who would vote for it; neither term nor vote change (thesis 9.6). */
export function becomePreCandidate(state: ReplicaState): void {
  enterCandidacy(state)
  state.role = { kind: 'pre-candidate', votes: new Map([[state.self.id, true]]) }
}

/** Begins a term and votes for itself (§5.2). The vote counts when it is durable. */
export function becomeCandidate(state: ReplicaState): void {
  enterCandidacy(state)
  adoptTerm(state, state.term + 1)
  state.votedFor = state.self
  state.markHardState()
  state.role = { kind: 'candidate', votes: new Map() }
}

function enterCandidacy(state: ReplicaState): void {
  assert(state.role.kind !== 'leader', 'a leader campaigns')
  assert(state.isPromotable(), 'a replica campaigns that must not')
  leaveRole(state, state.term, null)
  state.leader = null
  state.resetElectionTimer()
}

/** Leads `state.term`. The caller appends the empty entry at `firstIndex`. */
export function becomeLeader(state: ReplicaState): LeaderRole {
  assert(state.role.kind === 'candidate', () => `a ${state.role.kind} becomes leader`)
  leaveRole(state, state.term, state.self)
  state.leader = state.self
  state.electionElapsedTicks = 0
  state.heartbeatElapsedTicks = 0
  const role: LeaderRole = {
    kind: 'leader',
    firstIndex: state.log.lastIndex + 1,
    progress: new Map(),
    reads: new LeaderReads(),
    lease: new LeaseTracker(state.config.lease, state.config.electionTimeoutTicks),
    uncommitted: new UncommittedLedger(),
    transfer: null,
    sendDue: true,
    heartbeatDue: false,
    idleTicks: 0,
  }
  state.role = role
  trackMembers(state, role)
  return role
}

/** Makes the followers' progress fit the configuration in force. */
export function trackMembers(state: ReplicaState, role: LeaderRole): void {
  const wanted = members(state.configuration)
  for (const { replica } of role.progress.values())
    if (!wanted.some(({ id, generation }) => id === replica.id && generation === replica.generation))
      role.progress.delete(replica.id)
  for (const replica of wanted) {
    if (role.progress.has(replica.id)) continue
    // "initialized to leader last log index + 1" (Figure 2).
    const progress = new Progress(replica, state.log.lastIndex + 1, state.config)
    progress.recentlyActive = true
    role.progress.set(replica.id, progress)
  }
  role.sendDue = true
}

/** "If one server's current term is smaller than the other's, then it updates its current term" (§5.1). */
function adoptTerm(state: ReplicaState, term: number): void {
  if (term === state.term) return
  assert(Number.isSafeInteger(term), 'terms have run out')
  state.term = term
  state.votedFor = null
  state.markHardState()
  state.outbox.forgetBefore(term)
}

/** Fails the reads that hang on the role, the term or the leader that is left. */
function leaveRole(state: ReplicaState, term: number, leader: ReplicaId | null): void {
  state.quiesced = false
  if (state.role.kind === 'leader') {
    for (const read of state.role.reads.takeAll()) if (read.kind === 'local') failRead(state, read.context)
  }
  const sameLeader = term === state.term && leader !== null && leader.id === state.leader?.id
  if (!sameLeader) for (const context of state.followerReads.takeAll()) failRead(state, context)
}

function failRead(state: ReplicaState, context: number): void {
  state.readFailures.push({ context, reason: 'leader-lost' })
}
