/**
 * What a leader sends: append requests, snapshots and heartbeats. Runs once for each `ready()`, however much
 * was proposed or acknowledged before it, so a turn's proposals share a request.
 */

import type { Entry, SnapshotMetadata } from './entry.ts'
import { entriesSizeBytes } from './entry.ts'
import type { Progress } from './progress.ts'
import { isRoundDue, startRound } from './reads.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'

const NO_ENTRIES: readonly Entry[] = []

/** Makes every message that is due. `nowMs` is a moment not after any of them is sent. */
export function sendAll(state: ReplicaState, role: LeaderRole, nowMs: number | undefined): void {
  const isLeaseRound = role.heartbeatDue && role.lease.isEnabled && nowMs !== undefined
  if (isRoundDue(state, role) || isLeaseRound) startRound(state, role, nowMs)
  if (role.heartbeatDue) sendHeartbeats(state, role)
  if (role.sendDue) sendAppends(state, role)
}

/** "Upon election: send initial empty AppendEntries RPCs to each server; repeat during idle periods" (Figure 2). */
function sendHeartbeats(state: ReplicaState, role: LeaderRole): void {
  role.heartbeatDue = false
  state.heartbeatElapsedTicks = 0
  for (const { replica, match } of role.progress.values()) {
    if (state.isSelf(replica)) continue
    state.send({
      ...state.envelope(replica),
      type: 'heartbeat-request',
      // No more than it is known to hold, because a heartbeat does not check that the logs match.
      commit: Math.min(match, state.log.commit),
      round: role.reads.round,
      quiesce: false,
    })
  }
}

function sendAppends(state: ReplicaState, role: LeaderRole): void {
  role.sendDue = false
  for (const progress of role.progress.values()) if (!state.isSelf(progress.replica)) sendTo(state, progress)
}

/** "If last log index ≥ nextIndex for a follower: send AppendEntries RPC with log entries starting at nextIndex" (Figure 2). */
function sendTo(state: ReplicaState, progress: Progress): void {
  while (isRequestDue(state, progress)) if (!sendEntries(state, progress)) break
  if (progress.state === 'replicate' && (progress.checkDue || hasCommitNews(state, progress)))
    sendRequest(state, progress, NO_ENTRIES)
}

/** A probe asks even if there is nothing new. */
function isRequestDue(state: ReplicaState, progress: Progress): boolean {
  if (progress.isPaused()) return false
  return progress.state === 'probe' || progress.next <= state.log.lastIndex
}

/** The follower was not told yet that entries are committed which it was sent. */
function hasCommitNews(state: ReplicaState, progress: Progress): boolean {
  return progress.sentCommit < Math.min(state.log.commit, progress.next - 1)
}

/** One request with entries, or, probing, perhaps without; a snapshot if they are not kept any more (§7). */
function sendEntries(state: ReplicaState, progress: Progress): boolean {
  const { log, config } = state
  if (progress.next - 1 < log.baseIndex) {
    sendSnapshot(state, progress)
    return false
  }
  const entries = log.entries(progress.next, log.lastIndex + 1, config.appendSizeBytesMax)
  // Storage is still reading them.
  if (entries.length === 0 && progress.next <= log.lastIndex) return false
  sendRequest(state, progress, entries)
  return true
}

function sendRequest(state: ReplicaState, progress: Progress, entries: readonly Entry[]): void {
  const { log } = state
  const previousIndex = progress.next - 1
  const previousTerm = log.termAt(previousIndex)
  // A check of a follower whose next entry was compacted away meanwhile.
  if (previousTerm === null) return sendSnapshot(state, progress)
  const { commit } = log
  const envelope = state.envelope(progress.replica)
  state.send({ ...envelope, type: 'append-request', previousIndex, previousTerm, entries, commit })
  const lastIndex = previousIndex + entries.length
  progress.checkDue = false
  progress.sentCommit = Math.max(progress.sentCommit, Math.min(commit, lastIndex))
  if (entries.length > 0 || progress.state === 'probe') progress.sent(lastIndex, entriesSizeBytes(entries))
}

/** What it needs next is only in a snapshot. Not sent to who does not answer: it is large. */
function sendSnapshot(state: ReplicaState, progress: Progress): void {
  if (!progress.recentlyActive) return
  const snapshot = state.snapshotSource.snapshot()
  if (snapshot === null || !isUsable(state, snapshot)) return
  progress.becomeSnapshot(snapshot.index)
  state.send({ ...state.envelope(progress.replica), type: 'snapshot-request', snapshot })
}

/** The log has to go on where the snapshot ends, and whoever installs it has to know the group's voters. */
function isUsable(state: ReplicaState, snapshot: SnapshotMetadata): boolean {
  const { baseIndex, commit } = state.log
  return snapshot.index >= baseIndex && snapshot.index <= commit && snapshot.configuration.voters.length > 0
}

/** The host failed to deliver: what is in the pipeline may be lost. */
export function noteUnreachable(role: LeaderRole, id: number): void {
  const progress = role.progress.get(id)
  if (progress?.state === 'replicate') progress.becomeProbe()
}

/** Sending a snapshot ended. Either way the follower is asked where it stands, at its next sign of life. */
export function noteSnapshotSent(role: LeaderRole, id: number, outcome: 'sent' | 'failed'): void {
  const progress = role.progress.get(id)
  if (progress?.state !== 'snapshot') return
  if (outcome === 'failed') progress.pendingSnapshot = 0
  progress.becomeProbe()
  progress.probeSent = true
}
