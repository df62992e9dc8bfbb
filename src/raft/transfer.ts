/** Leadership transfer (thesis 3.10). */

import { isVoter } from './membership.ts'
import type { TransferResult } from './api.ts'
import type { Progress } from './progress.ts'
import type { LeaderRole } from './role.ts'
import type { ReplicaState } from './state.ts'

/** Stops taking proposals, brings the target up to date, then tells it to campaign. */
export function startTransfer(state: ReplicaState, to: number): TransferResult {
  const { role } = state
  if (role.kind !== 'leader') return { accepted: false, reason: 'not-leader' }
  if (to === state.self.id) return { accepted: false, reason: 'already-leader' }
  if (role.transfer !== null && role.transfer.to !== to) return { accepted: false, reason: 'transferring' }
  const progress = role.progress.get(to)
  if (progress === undefined || !isVoter(state.configuration, progress.replica))
    return { accepted: false, reason: 'not-voter' }
  if (role.transfer === null) {
    role.transfer = { to, elapsedTicks: 0, ordered: false }
    role.sendDue = true
    continueTransfer(state)
  }
  return { accepted: true }
}

/** "The prior leader ensures that the target server's log matches its own, then sends a TimeoutNow" (thesis 3.10). */
export function continueTransfer(state: ReplicaState): void {
  const { role } = state
  if (role.kind !== 'leader' || role.transfer === null || role.transfer.ordered) return
  const progress = role.progress.get(role.transfer.to)
  if (progress === undefined || progress.match < state.log.lastIndex) return
  role.transfer.ordered = true
  orderElection(state, role, progress)
}

/**
 * The election that follows ignores that this leader lives, so its lease can't be relied on any more in this
 * term, even if the transfer is given up: the order may arrive late.
 */
function orderElection(state: ReplicaState, role: LeaderRole, progress: Progress): void {
  role.lease.forfeit()
  state.send({ ...state.envelope(progress.replica), type: 'timeout-now' })
}

/** "If leadership transfer does not complete after about an election timeout, the prior leader aborts" (thesis 3.10). */
export function tickTransfer(state: ReplicaState, role: LeaderRole): void {
  if (role.transfer === null) return
  role.transfer.elapsedTicks += 1
  if (role.transfer.elapsedTicks >= state.config.electionTimeoutTicks) role.transfer = null
}

/** The target left, or lost its vote. */
export function checkTransferTarget(state: ReplicaState, role: LeaderRole): void {
  if (role.transfer === null) return
  const progress = role.progress.get(role.transfer.to)
  if (progress === undefined || !isVoter(state.configuration, progress.replica)) role.transfer = null
}

/** A leader that has to go tells the voter that is furthest to take over, so that nobody waits for a timeout. */
export function handOver(state: ReplicaState, role: LeaderRole): void {
  let best: Progress | null = null
  for (const progress of role.progress.values()) {
    if (state.isSelf(progress.replica) || !isVoter(state.configuration, progress.replica)) continue
    if (progress.recentlyActive && (best === null || progress.match > best.match)) best = progress
  }
  if (best !== null) orderElection(state, role, best)
}
