/** Memory of processes, and of the kernel for sockets, as Linux tells it. */

import { readFileSync } from 'node:fs'

const KIB = 1024

export interface ProcessMemory {
  /** What nobody else can have instead: pages of its own that belong to no file. */
  readonly anonymousBytes: number
  /** What ends with the process: the same, and pages of files that nobody else has mapped. */
  readonly privateBytes: number
  /** Its part of what it shares, besides. */
  readonly proportionalBytes: number
}

/** Throws if it is gone. */
export function memoryOf(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0) * KIB
  return {
    anonymousBytes: bytes('Anonymous'),
    privateBytes: bytes('Private_Clean') + bytes('Private_Dirty'),
    proportionalBytes: bytes('Pss'),
  }
}

/** The kernel's objects for an open socket; TCPv6 is what a listener on `::` has. */
const SOCKET_SLABS: ReadonlySet<string> = new Set([
  'TCP',
  'TCPv6',
  'sock_inode_cache',
  'eventpoll_epi',
  'filp',
])

/** Of all processes of the machine, load processes included; null where only the administrator may know. */
export function kernelSocketBytes(): number | null {
  try {
    const slabs = readFileSync('/proc/slabinfo', 'utf8').split('\n')
    return slabs.reduce((sum, line) => {
      const [name = '', active, , size] = line.split(/\s+/)
      return SOCKET_SLABS.has(name) ? sum + Number(active) * Number(size) : sum
    }, 0)
  } catch {
    return null
  }
}
