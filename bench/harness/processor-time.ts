/**
 * Processor time of a process and its children: of all figures the one that other load on the machine disturbs least. From /proc, so on Linux
 * alone.
 */

import { readdirSync, readFileSync } from 'node:fs'

/** Ticks per second of the times in /proc (sysconf(_SC_CLK_TCK)): 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100

interface ProcessTimes {
  readonly parent: number
  readonly ticks: number
  /** Of children that have ended and were waited for. */
  readonly endedChildrenTicks: number
}

/** Fields of /proc/PID/stat (proc(5)); the name in parentheses may hold anything. */
export function parseStat(stat: string): ProcessTimes {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return { parent: field(4), ticks: field(14) + field(15), endedChildrenTicks: field(16) + field(17) }
}

function readAll(): Map<number, ProcessTimes> {
  const processes = new Map<number, ProcessTimes>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      processes.set(Number(name), parseStat(readFileSync(`/proc/${name}/stat`, 'utf8')))
    } catch {
      // It has ended meanwhile.
    }
  }
  return processes
}

/** Seconds that the process, its children and theirs have used so far; null where there is no /proc. */
export function processorSeconds(root: number): number | null {
  if (process.platform !== 'linux') return null
  const processes = readAll()
  const isBelow = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined; at = processes.get(at)?.parent) {
      if (at === root) return true
    }
    return false
  }
  let ticks = processes.get(root)?.endedChildrenTicks ?? 0
  for (const [id, times] of processes) if (isBelow(id)) ticks += times.ticks
  return ticks / TICKS_PER_SECOND
}
