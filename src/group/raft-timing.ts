/** How fast groups notice what happens to their members. The same on all members of a cluster. */

export interface RaftTiming {
  /** Of one tick of the clock that all groups of a member share. */
  readonly tickMs: number
  readonly heartbeatTicks: number
  /** A follower that hears nothing for this many ticks, plus a random share of as many again, campaigns. */
  readonly electionTimeoutTicks: number
  /** A group with nothing to do for this many ticks falls asleep: no ticks, no messages. 0: never. */
  readonly quiesceAfterTicks: number
}

/**
 * Heartbeats every 100 ms; an election after 0.5 to 1 s, so that a leader that died is replaced within a second. Shorter timeouts would take
 * a busy event loop or a slow sync for a death.
 */
export const DEFAULT_TIMING: RaftTiming = {
  tickMs: 50,
  heartbeatTicks: 2,
  electionTimeoutTicks: 10,
  quiesceAfterTicks: 60,
}
