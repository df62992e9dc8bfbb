/**
 * How many connections a process may have at most, whatever the limits of its protocols say: every connection is an open file, and a member that can't
 * open its journal's next file for all the clients would have to stop. Clients that need no token to connect could do that to it.
 */

import { readFileSync } from 'node:fs'
import { Slots } from '../base/slots.ts'

/** What is left for the database's own files. */
const OWN_SHARE = 0.2
/** Where the system does not tell (it is not Linux). */
const UNKNOWN_MAX = 20_000

/** For the connections of all protocols of this process. */
export function connectionSlots(openFilesMax: number = systemOpenFilesMax()): Slots {
  return new Slots(Math.floor(openFilesMax * (1 - OWN_SHARE)))
}

/** `ulimit -n`: Node.js raises it to the hard limit when it starts. */
function systemOpenFilesMax(): number {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === 'unlimited' ? Infinity : Number(limit ?? UNKNOWN_MAX)
  } catch {
    return UNKNOWN_MAX
  }
}
