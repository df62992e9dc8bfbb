/** What processes cost, as Linux tells it in /proc. */

import { readFileSync } from 'node:fs'
import { childrenOf, processorSeconds } from '../process-tree.ts'

export interface ProcessUsage {
  readonly name: string
  readonly pid: number
  /** Of all its threads. */
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** What nobody else can have instead: without mapped files, which the system can drop. */
  readonly privateBytes: number
}

const KIB = 1024

/** Of those that are still there. */
export function usageOf(
  processes: readonly { readonly name: string; readonly pid: number }[],
): ProcessUsage[] {
  return processes.flatMap(({ name, pid }) => {
    // Not smaps_rollup, which walks all pages and holds the process up: this is asked once a second.
    const memory = read(`/proc/${pid}/status`)
    const stat = read(`/proc/${pid}/stat`)
    if (memory === null || stat === null) return []
    return [
      {
        name,
        pid,
        cpuSeconds: processorSeconds(stat),
        residentBytes: field(memory, 'VmRSS'),
        privateBytes: field(memory, 'RssAnon'),
      },
    ]
  })
}

/** The process and all that it has started, with what they are started with. */
export function treeOf(pid: number): { readonly pid: number; readonly command: string }[] {
  const command = read(`/proc/${pid}/cmdline`)
  if (command === null) return []
  return [{ pid, command: command.replaceAll('\0', ' ') }, ...childrenOf(pid).flatMap(treeOf)]
}

/** The processes of a member by what they are for. */
export function memberProcesses(label: string, pid: number): { name: string; pid: number }[] {
  let gateways = 0
  return treeOf(pid).map((one) => ({ pid: one.pid, name: `${label} ${roleOf(one, pid, () => gateways++)}` }))
}

function roleOf(
  one: { readonly pid: number; readonly command: string },
  member: number,
  nextGateway: () => number,
): string {
  if (one.pid === member) return 'core'
  if (one.command.includes('gateway-process')) return `gateway ${nextGateway()}`
  return one.command.includes('query-process') || one.command.includes('query-worker')
    ? 'query worker'
    : 'engine'
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * KIB
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
