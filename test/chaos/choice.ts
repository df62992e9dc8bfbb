/** Which faults a run of chaos draws from: those that are possible on this machine, or of these the ones that were asked for. */

import { OptionError } from '../../sim/command-line.ts'
import type { Fault, Stage } from './faults.ts'
import { FAULTS } from './faults.ts'

/** Where a fault is possible. */
const NEEDS: Readonly<Record<NonNullable<Fault['needs']>, string>> = {
  networks: 'network namespaces: root on Linux',
  'lossy networks': 'network namespaces and BPF filters in tc: root on Linux',
  'narrow networks': 'network namespaces and the token bucket of tc: root on Linux',
  disks: 'a file system for each member: root on Linux',
}

function isPossible({ needs }: Fault, { members, network }: Pick<Stage, 'members' | 'network'>): boolean {
  if (needs === undefined) return true
  if (needs === 'disks') return members.hasDisks
  if (network === null) return false
  if (needs === 'networks') return true
  return needs === 'lossy networks' ? network.canLose : network.canNarrow
}

/** Throws OptionError where one that was asked for would never come. */
export function chosenFaults(
  stage: Pick<Stage, 'members' | 'network'>,
  only: readonly string[] | null,
): readonly Fault[] {
  const possible = FAULTS.filter((fault) => isPossible(fault, stage))
  if (only === null) return possible
  const chosen = FAULTS.filter((fault) => only.includes(fault.name))
  const impossible = chosen.find((fault) => !possible.includes(fault))
  if (impossible === undefined) return chosen
  const { name, needs } = impossible
  throw new OptionError(
    `--only names ${JSON.stringify(name)}, which is not possible here: it needs ${needs === undefined ? 'nothing' : NEEDS[needs]}.`,
  )
}

/** A line for each fault, with what it needs. */
export function faultList(): string {
  const width = Math.max(...FAULTS.map(({ name }) => name.length))
  return FAULTS.map(({ name, needs }) =>
    needs === undefined ? `${name}\n` : `${name.padEnd(width)}  needs ${NEEDS[needs]}\n`,
  ).join('')
}
