/**
 * Processor time and memory of processes and their children: of all figures the ones that other load on the machine disturbs least. From /proc, so on
 * Linux alone.
 */

import { readdirSync, readFileSync } from 'node:fs'
import type { TargetProcess } from '../target.ts'

/** Ticks per second of the times in /proc (sysconf(_SC_CLK_TCK)): 100 on every Linux that Node.js runs on. */
export const TICKS_PER_SECOND = 100
const KIB = 1024

interface ProcessTimes {
  readonly parent: number
  readonly ticks: number
  /** Of children that have ended and were waited for. */
  readonly endedChildrenTicks: number
}

export interface ProcessUsage {
  readonly name: string
  /** Used so far; of a difference, in between. */
  readonly processorSeconds: number
  /** Shared pages are counted in part only, where the system tells (PSS); else resident memory. */
  readonly memoryBytes: number
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

function memoryBytes(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss: +(\d+) kB/m.exec(rollup)?.[1] ?? 0) * KIB
  } catch {
    return residentBytes(pid)
  }
}

function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * KIB
  } catch {
    return 0
  }
}

function isBelow(id: number, root: number, processes: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at: number | undefined = id; at !== undefined; at = processes.get(at)?.parent) {
    if (at === root) return true
  }
  return false
}

/** Of each of `roots` with its children and theirs; null where there is no /proc. */
export function usageOf(roots: readonly TargetProcess[]): readonly ProcessUsage[] | null {
  if (process.platform !== 'linux') return null
  const processes = readAll()
  return roots.map(({ name, pid }) => {
    const ids = [...processes.keys()].filter((id) => isBelow(id, pid, processes))
    let ticks = processes.get(pid)?.endedChildrenTicks ?? 0
    for (const id of ids) ticks += processes.get(id)?.ticks ?? 0
    const memory = ids.reduce((sum, id) => sum + memoryBytes(id), 0)
    return { name, processorSeconds: ticks / TICKS_PER_SECOND, memoryBytes: memory }
  })
}

/** Processor time between the two, memory of the later one. */
export function usageBetween(
  before: readonly ProcessUsage[],
  after: readonly ProcessUsage[],
): readonly ProcessUsage[] {
  return after.map((usage, index) => ({
    ...usage,
    processorSeconds: usage.processorSeconds - (before[index]?.processorSeconds ?? 0),
  }))
}
