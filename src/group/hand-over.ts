/** A member that stops hands its leaderships over, so that nobody waits for an election. */

import type { Clock } from '../host/clock.ts'
import { isVoter } from '../raft/membership.ts'
import type { RaftStatus } from '../raft/api.ts'
import type { RaftLog } from './raft-log.ts'

/** The voter that has most of the log and answered lately; null if there is none. */
export function bestSuccessor(status: RaftStatus): number | null {
  const candidates = status.followers.filter(
    ({ id, generation, recentlyActive, state }) =>
      recentlyActive && state !== 'snapshot' && isVoter(status.configuration, { id, generation }),
  )
  const best = candidates.toSorted((left, right) => right.match - left.match)[0]
  return best?.id ?? null
}

/** Resolves when another member leads, or nobody can take over in time. */
export async function handOver(
  log: RaftLog,
  clock: Clock,
  timeoutMs: number,
  onLeadership: (listener: () => void) => () => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const transfer = (): void => {
    const { replica } = log
    if (replica === null || log.leadership.role !== 'leader') {
      if (log.leader !== null || replica === null) resolve()
      return
    }
    const successor = bestSuccessor(replica.raft.status())
    if (successor === null) resolve()
    else log.transferLeadership(successor)
  }
  const stopListening = onLeadership(transfer)
  const timer = clock.after(timeoutMs, resolve)
  if (log.leadership.role === 'leader') transfer()
  else resolve()
  await promise
  timer.cancel()
  stopListening()
}
