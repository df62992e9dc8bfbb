/** The one place where the simulator puts a member together, as `cli/start.ts` does for a real one. */

import type { Disk } from '../../src/host/disk.ts'
import type { Clock } from '../../src/host/clock.ts'
import type { Network } from '../../src/host/network.ts'
import type { Random } from '../../src/host/random.ts'
import { Member } from '../../src/cluster/member.ts'
import type { EngineOpener } from '../../src/engine/engine.ts'
import type { Machine } from './machine.ts'
import type { SystemOptions } from './options.ts'

export interface MemberParts {
  readonly machine: Machine
  readonly machines: readonly Machine[]
  readonly options: SystemOptions
  readonly folder: string
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly openEngine: EngineOpener
  readonly network: Network
  readonly log: (event: string) => void
}

/** Rejects as `Member.open` does. */
export function openMember(parts: MemberParts): Promise<Member> {
  const { folder, disk, clock, random, openEngine, options } = parts
  return Member.open({
    folder,
    disk,
    clock,
    random,
    openEngine,
    // One process per machine at a time: the harness sees to that.
    lock: () => ({ release: () => {} }),
    firstDatabases: [DATABASE],
    limits: options.limits,
    journal: options.journal,
    databaseIdleTimeMs: options.databaseIdleTimeMs,
  })
}

/** The database that every workload but those of databases themselves uses. */
export const DATABASE = 'shop'

/** Every database has applied what is committed. */
export function isAtRest(machine: Machine): boolean {
  const groups = machine.member?.stats().databases ?? []
  return groups.length > 0 && groups.every(({ appliedIndex, commitIndex }) => appliedIndex === commitIndex)
}

/** Opens all databases, the sleeping ones too, so that their files catch up with their logs; then removes `machine` from `asleep`. */
export function wakeDatabases(machine: Machine, asleep: Set<Machine>): void {
  const wake = async (): Promise<void> => {
    const { member } = machine
    for (const { name } of (await member?.list()) ?? []) await member?.get(name)
    asleep.delete(machine)
  }
  machine.run(() => void wake())
}
