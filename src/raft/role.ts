/** What a replica keeps only while it has a role. Leaving the role drops it. */

import type { LeaseTracker } from './lease.ts'
import type { LeaderReads } from './leader-reads.ts'
import type { Progress } from './progress.ts'
import type { UncommittedLedger } from './uncommitted-ledger.ts'

export interface FollowerRole {
  readonly kind: 'follower'
}

/** `pre-candidate` asks whether it would win (thesis 9.6), `candidate` asks for votes (§5.2). */
export interface CandidateRole {
  readonly kind: 'pre-candidate' | 'candidate'
  /** Answers by member. Only those of voters of this replica's configuration get in. */
  readonly votes: Map<number, boolean>
}

export interface Transfer {
  readonly to: number
  elapsedTicks: number
  /** `timeout-now` went out. */
  ordered: boolean
}

export interface LeaderRole {
  readonly kind: 'leader'
  /** The index of the empty entry that began this term. Entries at or above it are of this term. */
  readonly firstIndex: number
  /** Everyone who gets the log, the leader itself included. */
  readonly progress: Map<number, Progress>
  readonly reads: LeaderReads
  readonly lease: LeaseTracker
  readonly uncommitted: UncommittedLedger
  transfer: Transfer | null
  /** Something changed that may let a follower be sent something. */
  sendDue: boolean
  heartbeatDue: boolean
  /** Ticks with nothing to do. */
  idleTicks: number
}

export type RoleState = FollowerRole | CandidateRole | LeaderRole
