/** Settings of a replica. All of a group's replicas should have the same timeouts. */

import { assert } from '../base/assert.ts'

/**
 * Lease reads: the leader answers a read without asking anyone while a quorum's promise not to elect
 * another leader can't have run out (thesis 6.4.1).
 *
 * **Clock assumption.** On every member, the time between two `tick()` calls is never shorter than `tickMs`
 * as the leader's clock measures it, less `driftPercentMax`: no ticks are delivered in a burst to catch up
 * after a pause, and no clock runs faster than that. `nowMs` is read from a monotonic clock at the call that
 * passes it, not before. Where this does not hold, a lease read may be stale; quorum reads never are.
 */
export interface LeaseConfig {
  readonly tickMs: number
  /** How much faster than the leader's any clock may run. 0 to 50. */
  readonly driftPercentMax: number
}

export interface RaftConfig {
  /**
   * A follower that hears nothing from a leader for this many ticks, plus a random share of as many again,
   * campaigns. Must be above `heartbeatTicks`.
   */
  readonly electionTimeoutTicks: number
  readonly heartbeatTicks: number
  /**
   * 0 to 3. A replica waits one more election timeout for each step below 3, so a better one campaigns
   * first. Only a preference: it takes no vote away from anybody, and never blocks an election.
   */
  readonly electionPriority: number
  /** Entries of one append request, in bytes; a single larger entry still goes alone. */
  readonly appendSizeBytesMax: number
  /** Append requests on their way to one follower. */
  readonly inflightMessagesMax: number
  /** Bytes of entries on their way to one follower. */
  readonly inflightBytesMax: number
  /** Proposals are refused while this many bytes of entries are uncommitted. */
  readonly uncommittedBytesMax: number
  /** Committed entries handed out and not yet reported applied. */
  readonly applyBytesMax: number
  /** Durable entries that are kept in memory because they are not applied yet; beyond it storage is read. */
  readonly memoryTailBytesMax: number
  /** Reads waiting for an answer; beyond it `requestRead` refuses. */
  readonly pendingReadsMax: number
  /** A leader with nothing to do for this many ticks puts the group to sleep. 0: never. */
  readonly quiesceAfterTicks: number
  /** Null: every linearizable read asks a quorum. */
  readonly lease: LeaseConfig | null
}

export const DEFAULT_RAFT_CONFIG: RaftConfig = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 1,
  electionPriority: 3,
  appendSizeBytesMax: 1 << 20,
  inflightMessagesMax: 256,
  inflightBytesMax: 16 << 20,
  uncommittedBytesMax: 64 << 20,
  applyBytesMax: 16 << 20,
  memoryTailBytesMax: 32 << 20,
  pendingReadsMax: 1 << 16,
  quiesceAfterTicks: 0,
  lease: null,
}

/** Throws if a setting is out of its range: a host's mistake, found at the start. */
export function checkConfig(config: RaftConfig): void {
  const { electionTimeoutTicks, heartbeatTicks, electionPriority, lease } = config
  assert(Number.isInteger(heartbeatTicks) && heartbeatTicks >= 1, 'heartbeatTicks is 1 or more')
  assert(
    Number.isInteger(electionTimeoutTicks) && electionTimeoutTicks > heartbeatTicks,
    'electionTimeoutTicks is more than heartbeatTicks',
  )
  assert(
    Number.isInteger(electionPriority) && electionPriority >= 0 && electionPriority <= 3,
    'electionPriority is 0 to 3',
  )
  for (const limit of limitsOf(config)) assert(limit >= 1, 'every limit is 1 or more')
  assert(config.quiesceAfterTicks >= 0, 'quiesceAfterTicks is 0 or more')
  if (lease === null) return
  assert(lease.tickMs > 0, 'a tick of a lease lasts some time')
  assert(lease.driftPercentMax >= 0 && lease.driftPercentMax <= 50, 'driftPercentMax is 0 to 50')
}

function limitsOf(config: RaftConfig): readonly number[] {
  const { appendSizeBytesMax, inflightMessagesMax, inflightBytesMax } = config
  const { uncommittedBytesMax, applyBytesMax, memoryTailBytesMax, pendingReadsMax } = config
  return [
    appendSizeBytesMax,
    inflightMessagesMax,
    inflightBytesMax,
    uncommittedBytesMax,
    applyBytesMax,
    memoryTailBytesMax,
    pendingReadsMax,
  ]
}
