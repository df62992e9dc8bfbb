/** What this member puts into an entry as its leader: the time and the randomness that every replica will see. */

import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { EntryStamp } from '../engine/engine.ts'

const SEED_BYTES = 16

export function newStamp(clock: Clock, random: Random): EntryStamp {
  return { timeMs: clock.wallTimeMs(), seed: random.bytes(SEED_BYTES) }
}
