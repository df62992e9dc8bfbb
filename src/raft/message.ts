/**
 * Messages between the replicas of one group: a union by `type`, one interface for each.
 *
 * The host carries them between members. It may lose, delay, reorder and duplicate them; it must not change
 * them. Heartbeats have a fixed size and name nothing but positions, so a host packs those of all groups for
 * one peer into one frame (coalesced heartbeats).
 */

import type { Entry, SnapshotMetadata } from './entry.ts'

/** What every message says: whose it is, for whom, and the sender's term. */
export interface Envelope {
  readonly group: number
  readonly from: number
  readonly fromGeneration: number
  readonly to: number
  readonly toGeneration: number
  /** The sender's term; in a pre-vote request and in its granting response, the term that is asked for. */
  readonly term: number
}

/** RequestVote without consequences: would you vote for me at `term`? (thesis 9.6) */
export interface PreVoteRequest extends Envelope {
  readonly type: 'pre-vote-request'
  readonly lastIndex: number
  readonly lastTerm: number
}

export interface PreVoteResponse extends Envelope {
  readonly type: 'pre-vote-response'
  readonly granted: boolean
}

/** RequestVote (§5.2, §5.4.1). */
export interface VoteRequest extends Envelope {
  readonly type: 'vote-request'
  readonly lastIndex: number
  readonly lastTerm: number
  /** The leader itself asked for this election, so a live leader is no reason to ignore it (thesis 4.2.3). */
  readonly forced: boolean
}

export interface VoteResponse extends Envelope {
  readonly type: 'vote-response'
  readonly granted: boolean
}

/** AppendEntries (§5.3). Without entries it tells the commit index and checks that the logs match. */
export interface AppendRequest extends Envelope {
  readonly type: 'append-request'
  readonly previousIndex: number
  readonly previousTerm: number
  /** Consecutive, beginning at `previousIndex` + 1. */
  readonly entries: readonly Entry[]
  readonly commit: number
}

/** The sender's log holds, durably, what the leader's log holds up to `index`. */
export interface AppendAccepted extends Envelope {
  readonly type: 'append-accepted'
  readonly index: number
}

/** The sender's log has no entry that matches `previousIndex` of the request (§5.3). */
export interface AppendRejected extends Envelope {
  readonly type: 'append-rejected'
  /** `previousIndex` of the request that is answered. */
  readonly previousIndex: number
  /** Where the logs may match: the sender's last index whose term is not above the request's `previousTerm`. */
  readonly hintIndex: number
  /** The term of the entry at `hintIndex`. */
  readonly hintTerm: number
}

/** The sender's term is above that of a leader's message that it got: that leader is out of date (§5.1). */
export interface StaleLeader extends Envelope {
  readonly type: 'stale-leader'
}

/** Keeps the leadership, and asks whether it still stands (§5.2, thesis 6.4). */
export interface HeartbeatRequest extends Envelope {
  readonly type: 'heartbeat-request'
  /** The leader's commit index, but no more than the receiver is known to hold. */
  readonly commit: number
  /** The newest round of leadership confirmation; counts up within a term. */
  readonly round: number
  /** The group is idle: stop the clock until something happens. */
  readonly quiesce: boolean
}

export interface HeartbeatResponse extends Envelope {
  readonly type: 'heartbeat-response'
  /** `round` of the request that is answered. */
  readonly round: number
}

/**
 * InstallSnapshot (§7). The host of the sender moves the snapshot's bytes in chunks, as it likes; the host of
 * the receiver steps this message when it has them all.
 */
export interface SnapshotRequest extends Envelope {
  readonly type: 'snapshot-request'
  readonly snapshot: SnapshotMetadata
}

/** The leader hands over: start an election at once (thesis 3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now'
}

/** A follower asks for an index at which a read is linearizable (thesis 6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'read-index-request'
  /** Chosen by the asking replica, never used twice. */
  readonly request: number
}

export interface ReadIndexResponse extends Envelope {
  readonly type: 'read-index-response'
  readonly request: number
  readonly index: number
}

/** A follower of an idle group woke up: its leader should too. */
export interface WakeRequest extends Envelope {
  readonly type: 'wake-request'
}

/** The receiver is not part of the committed configuration and never will be again under this generation. */
export interface TombstoneNotice extends Envelope {
  readonly type: 'tombstone-notice'
}

export type Message =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendAccepted
  | AppendRejected
  | StaleLeader
  | HeartbeatRequest
  | HeartbeatResponse
  | SnapshotRequest
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse
  | WakeRequest
  | TombstoneNotice

export type MessageType = Message['type']

/** Messages that only the leader of their term sends: whoever gets one knows who leads. */
export type LeaderMessage = AppendRequest | HeartbeatRequest | SnapshotRequest
