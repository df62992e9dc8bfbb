/**
 * What can happen to members. A fault begins, lasts for a while, and is ended; then the cluster must become whole again by itself, and only after that the
 * next one begins. Some take more members than a cluster can lose: while they last nobody is promised an answer, but no answer may be wrong.
 */

import type { Random } from '../../sim/random.ts'
import { until } from '../cluster/cluster.ts'
import type { HostTrouble } from './faulty-host.ts'
import { NO_TROUBLE } from './faulty-host.ts'
import type { Members } from './members.ts'
import type { Namespaces } from './namespaces.ts'

export interface Stage {
  readonly members: Members
  /** Null: all members share one network, which can't be cut. */
  readonly network: Namespaces | null
  readonly random: Random
}

export interface Fault {
  readonly name: string
  /** What not every machine has; nothing if left out. */
  readonly needs?: 'networks' | 'lossy networks' | 'narrow networks' | 'disks'
  /** Tells what it does to whom, and gives what ends it. */
  readonly begin: (
    stage: Stage,
    victims: readonly number[],
  ) => Promise<{ what: string; end: () => Promise<void> }>
  /** Milliseconds, at least and at most. */
  readonly lastsMs: readonly [number, number]
}

const name = (index: number | undefined): string => `m${index}`

function cutting(
  title: string,
  pairs: (victims: readonly number[], all: readonly number[]) => (readonly [number, number])[],
  tell: (victims: readonly number[]) => string,
): Fault {
  return {
    name: title,
    needs: 'networks',
    lastsMs: [2_000, 12_000],
    begin: async ({ members, network }, victims) => {
      for (const [from, to] of pairs(victims, members.indexes)) network?.cut(from, to)
      return { what: tell(victims), end: async () => network?.heal() }
    },
  }
}

function restore(members: Members, network: Namespaces | null): void {
  for (const index of members.indexes) network?.restore(index)
}

function heal(members: Members, victims: readonly number[]): void {
  for (const index of victims) members.hurt(index, NO_TROUBLE)
}

function hurting(
  members: Members,
  victims: readonly number[],
  trouble: Partial<HostTrouble>,
  what: string,
): { what: string; end: () => Promise<void> } {
  for (const index of victims) members.hurt(index, { ...NO_TROUBLE, ...trouble })
  return { what, end: async () => heal(members, victims) }
}

const others = (all: readonly number[], some: readonly number[]): number[] =>
  all.filter((index) => !some.includes(index))

/** Victims are all members in a random order; the first one is the leader, half of the time. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9',
    lastsMs: [200, 6_000],
    begin: async ({ members }, [victim = 0]) => {
      await members.kill(victim)
      return { what: `${name(victim)} is killed`, end: async () => members.start(victim) }
    },
  },
  {
    name: 'kill -9 of two',
    lastsMs: [200, 4_000],
    begin: async ({ members }, [one = 0, other = 1]) => {
      await Promise.all([members.kill(one), members.kill(other)])
      const end = async (): Promise<void> => {
        members.start(one)
        members.start(other)
      }
      return { what: `${name(one)} and ${name(other)} are killed`, end }
    },
  },
  {
    name: 'kill -9 of all',
    lastsMs: [100, 1_000],
    begin: async ({ members }) => {
      await Promise.all(members.indexes.map((index) => members.kill(index)))
      const end = async (): Promise<void> => {
        for (const index of members.indexes) members.start(index)
      }
      return { what: 'all are killed at once', end }
    },
  },
  {
    name: 'restart',
    lastsMs: [100, 3_000],
    begin: async ({ members }, [victim = 0]) => {
      await members.stop(victim)
      return { what: `${name(victim)} is stopped in good order`, end: async () => members.start(victim) }
    },
  },
  {
    name: 'pause',
    lastsMs: [500, 8_000],
    begin: async ({ members }, [victim = 0]) => {
      members.signal(victim, 'SIGSTOP')
      return { what: `${name(victim)} hangs (SIGSTOP)`, end: async () => members.signal(victim, 'SIGCONT') }
    },
  },
  cutting(
    'partition of one',
    ([victim = 0], all) => others(all, [victim]).flatMap((other) => both(victim, other)),
    ([victim]) => `${name(victim)} is cut off from the others`,
  ),
  cutting(
    'partition in halves',
    (victims, all) => {
      const half = victims.slice(0, 2)
      return half.flatMap((one) => others(all, half).flatMap((other) => both(one, other)))
    },
    (victims) => `${victims.slice(0, 2).map(name).join(' and ')} are cut off from the others`,
  ),
  cutting(
    'one-way partition',
    ([victim = 0], all) => others(all, [victim]).map((other) => [victim, other] as const),
    ([victim]) => `nobody hears ${name(victim)}, which hears all`,
  ),
  cutting(
    'partition of two',
    ([one = 0, other = 1]) => both(one, other),
    ([one, other]) => `${name(one)} and ${name(other)} do not hear each other`,
  ),
  {
    name: 'packet loss',
    needs: 'lossy networks',
    lastsMs: [3_000, 15_000],
    begin: async ({ members, network, random }) => {
      const percent = random.integer(1, 20)
      for (const index of members.indexes) network?.lose(index, percent)
      return { what: `${percent}% of all packets are lost`, end: async () => restore(members, network) }
    },
  },
  {
    name: 'narrow network',
    needs: 'narrow networks',
    lastsMs: [3_000, 12_000],
    begin: async ({ members, network, random }, [victim = 0]) => {
      const kilobits = random.integer(64, 512)
      network?.narrow(victim, kilobits)
      const what = `${name(victim)} sends through a cable of ${kilobits} kbit/s`
      return { what, end: async () => restore(members, network) }
    },
  },
  {
    name: 'slow network',
    lastsMs: [3_000, 15_000],
    begin: async ({ members, random }) => {
      const networkDelayMs = random.integer(10, 150)
      return hurting(
        members,
        members.indexes,
        { networkDelayMs },
        `members hear each other up to ${networkDelayMs} ms late`,
      )
    },
  },
  {
    name: 'slow member',
    lastsMs: [3_000, 12_000],
    begin: async ({ members, random }, [victim = 0]) => {
      const networkDelayMs = random.integer(200, 1_500)
      return hurting(
        members,
        [victim],
        { networkDelayMs },
        `${name(victim)} hears the others up to ${networkDelayMs} ms late`,
      )
    },
  },
  {
    name: 'slow disk',
    lastsMs: [3_000, 12_000],
    begin: async ({ members, random }, [victim = 0]) => {
      const diskDelayMs = random.pick([20, 100, 400, 2_000])
      return hurting(
        members,
        [victim],
        { diskDelayMs },
        `the disk of ${name(victim)} takes up to ${diskDelayMs} ms longer`,
      )
    },
  },
  {
    name: 'clock step',
    lastsMs: [1_000, 10_000],
    begin: async ({ members, random }, [victim = 0]) => {
      const clockOffsetMs = random.pick([-86_400_000, -60_000, -5_000, 5_000, 60_000, 86_400_000])
      return hurting(
        members,
        [victim],
        { clockOffsetMs },
        `the clock of ${name(victim)} jumps by ${clockOffsetMs / 1000} s, and back`,
      )
    },
  },
  {
    name: 'clocks step',
    lastsMs: [1_000, 10_000],
    begin: async ({ members, random }) => {
      for (const index of members.indexes)
        members.hurt(index, { ...NO_TROUBLE, clockOffsetMs: random.integer(-3_600_000, 3_600_000) })
      return { what: 'all clocks jump, each elsewhere', end: async () => heal(members, members.indexes) }
    },
  },
  {
    name: 'full disk',
    needs: 'disks',
    lastsMs: [2_000, 8_000],
    begin: async ({ members }, [victim = 0]) => {
      await members.fillDisk(victim)
      const end = async (): Promise<void> => {
        members.emptyDisk(victim)
        // A member whose journal could not be written stops itself; whoever looks after it starts it again.
        if (!members.running.includes(victim)) members.start(victim)
        else if (!(await members.isHealthy(victim))) {
          await members.kill(victim)
          members.start(victim)
        }
      }
      return { what: `the disk of ${name(victim)} is full`, end }
    },
  },
  {
    name: 'lost disk',
    lastsMs: [500, 4_000],
    begin: async ({ members }, [victim = 0]) => {
      await members.kill(victim)
      members.removeData(victim)
      return {
        what: `${name(victim)} loses its disk, and joins anew`,
        end: async () => members.start(victim),
      }
    },
  },
]

function both(one: number, other: number): (readonly [number, number])[] {
  return [
    [one, other],
    [other, one],
  ]
}

const RECOVERY_MS = 120_000

/** Resolves when all members run, are healthy, and their replicas follow one leader. */
export async function untilWhole(members: Members): Promise<void> {
  const reasons = (): string =>
    members.indexes.map((index) => `m${index}:\n${members.log(index).slice(-1500)}`).join('\n')
  await until(
    'all members are healthy again',
    async () => (await Promise.all(members.indexes.map((index) => members.isHealthy(index)))).every(Boolean),
    reasons,
    RECOVERY_MS,
  )
  await until('there is a leader', async () => (await members.leader()) !== null, reasons, RECOVERY_MS)
  await until(
    'all votes are where they should be',
    async () => {
      const states = await Promise.all(members.indexes.map((index) => members.state(index)))
      return states.every((state) =>
        state?.groups.every(
          ({ voters, learners }) =>
            voters.length === 3 && voters.length + learners.length === members.indexes.length,
        ),
      )
    },
    reasons,
    RECOVERY_MS,
  )
}
