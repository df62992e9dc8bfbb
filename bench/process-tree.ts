/** A process and those that it has started, as Linux tells it in /proc. */

import { readdirSync, readFileSync } from 'node:fs'
import { parseStat, TICKS_PER_SECOND } from '../src/bench/load/usage.ts'

/** Those that any of its threads has started; none where it is gone. */
export function childrenOf(parent: number): number[] {
  try {
    return readdirSync(`/proc/${parent}/task`)
      .flatMap((task) => readFileSync(`/proc/${parent}/task/${task}/children`, 'utf8').split(' '))
      .filter((child) => child !== '')
      .map(Number)
  } catch {
    return []
  }
}

/** Processor time of all its threads; `stat`: what /proc/PID/stat holds. */
export function processorSeconds(stat: string): number {
  return parseStat(stat).ticks / TICKS_PER_SECOND
}
