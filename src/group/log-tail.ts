/** How much of a log stays for other members after a checkpoint has made it unnecessary for this one. */

import type { GroupLog } from '../journal/group-log.ts'
import type { GroupLimits } from './limits.ts'

export interface TailNeeds {
  /** There is no other replica. */
  readonly isAlone: boolean
  /** Nobody uses the database. */
  readonly isResting: boolean
  /** Who is being sent a snapshot needs everything from here on; null if nobody is. */
  readonly retainedFrom: number | null
}

/** Entries up to this index may go, if those up to `index` are in a file that survives a crash. */
export function compactableIndex(
  log: GroupLog,
  limits: GroupLimits,
  index: number,
  needs: TailNeeds,
): number {
  if (needs.isAlone) return index
  const entries = needs.isResting ? limits.restingTailEntries : limits.tailEntries
  const kept = log.tailStart(entries, limits.tailSizeBytes) - 1
  return Math.min(index, kept, keptForSnapshots(log, limits, needs.retainedFrom))
}

/** Within bounds: a receiver may be slower than the writers. */
function keptForSnapshots(log: GroupLog, limits: GroupLimits, retainedFrom: number | null): number {
  if (retainedFrom === null) return Number.POSITIVE_INFINITY
  const { snapshotTailEntries, snapshotTailSizeBytes } = limits
  return Math.max(retainedFrom, log.tailStart(snapshotTailEntries, snapshotTailSizeBytes) - 1)
}
