/** The one place where the simulator puts a member together, as `cli/start.ts` does for a real one. */

import { HarmonyError } from '../../src/base/errors.ts'
import type { Disk } from '../../src/host/disk.ts'
import type { Clock } from '../../src/host/clock.ts'
import type { Network } from '../../src/host/network.ts'
import type { Random } from '../../src/host/random.ts'
import { TRANSPORT_DEFAULTS } from '../../src/cluster/transport/limits.ts'
import type { EngineOpener } from '../../src/engine/engine.ts'
import type { ReplicaFile } from './final-state.ts'
import type { Machine } from './machine.ts'
import type { GroupView, MemberHere } from './member-here.ts'
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
export async function openMember(parts: MemberParts): Promise<MemberHere> {
  if (parts.options.kind === 'static') {
    const { StaticMember } = await import('./static-member.ts')
    return StaticMember.open(parts)
  }
  const { Member } = await import('../../src/cluster/member.ts')
  const { folder, disk, clock, random, openEngine, options, machine, machines, network } = parts
  const isAlone = machines.length === 1
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
    statementTimeoutMs: options.statementTimeoutMs,
    name: machine.host,
    log: (_, event, fields) => parts.log(`${event} ${JSON.stringify(fields)}`),
    ...(!isAlone && {
      cluster: {
        listen: { host: machine.host, port: PEER_PORT },
        advertise: null,
        secret: SECRET,
        network,
        seeds: async () => machines.map(({ host }) => `${host}:${PEER_PORT}`),
        start: { expected: machines.length },
        limits: TRANSPORT_DEFAULTS,
      },
    }),
  })
}

export const PEER_PORT = 7000
export const SECRET: Uint8Array = new TextEncoder().encode('the secret of the simulated cluster')

/** The database that every workload but those of databases themselves uses. */
export const DATABASE = 'shop'

const WAKE_PAUSE_MS = 100

/** Every replica of every database has applied everything that is committed. */
export function areAtRest(machines: readonly Machine[]): boolean {
  const groups = machines.flatMap((machine) => machine.member?.stats().databases ?? [])
  const byDatabase = Map.groupBy(groups, ({ database }) => database)
    .values()
    .toArray()
  const isEverywhere = byDatabase.every((replicas) => replicas.length === machines.length)
  return byDatabase.length > 0 && isEverywhere && byDatabase.every((replicas) => areEqual(replicas))
}

/** Files of databases that are gone: what kept a member from deleting them, such as a full disk, is over, so they go as well. */
export function orphanFiles(machines: readonly Machine[]): ReplicaFile[] {
  return machines.flatMap((machine) => {
    const groups = new Set(machine.member?.stats().databases.map(({ group }) => group))
    return machine.replicaFiles().filter(({ group }) => !groups.has(group))
  })
}

/** Of all databases together: it stands still where nothing is written. */
export function lastCommitIndex(machines: readonly Machine[]): number {
  const groups = machines.flatMap((machine) => machine.member?.stats().databases ?? [])
  return groups.reduce((sum, { commitIndex }) => sum + commitIndex, 0)
}

function areEqual(replicas: readonly GroupView[]): boolean {
  const commitIndex = Math.max(...replicas.map((replica) => replica.commitIndex))
  return replicas.every(({ appliedIndex }) => appliedIndex === commitIndex)
}

/** Opens all databases, the sleeping ones too, so that their files catch up with their logs; then removes `machine` from `asleep`. */
export function wakeDatabases(machine: Machine, asleep: Set<Machine>): void {
  const wake = async (): Promise<void> => {
    const { member } = machine
    try {
      for (const { name } of (await member?.list()) ?? []) await member?.get(name)
      asleep.delete(machine)
    } catch (error) {
      // One that could not be opened for a moment: again, for as long as the run allows.
      if (!(error instanceof HarmonyError)) throw error
      setTimeout(() => void wake(), WAKE_PAUSE_MS)
    }
  }
  machine.run(() => void wake())
}
