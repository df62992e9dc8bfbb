/**
 * Named mixes of faults. `swarm` draws everything. The others keep most of what was drawn and make one kind of
 * trouble likely: they find in seconds what the swarm finds in minutes, and name what a mutant needs to show itself.
 */

import { DEFAULT_RAFT_CONFIG } from '../../src/raft/config.ts'
import { CALM_DISK } from '../disk.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { Random } from '../random.ts'
import { drawOptions } from './options.ts'
import type { ClusterOptions, FaultOptions, FaultRates, HostOptions, WorkloadOptions } from './options.ts'

type Change = (options: ClusterOptions, random: Random) => ClusterOptions

interface Changes {
  readonly rates?: Partial<FaultRates>
  readonly faults?: Partial<Omit<FaultOptions, 'rates'>>
  readonly host?: Partial<HostOptions>
  readonly workload?: Partial<WorkloadOptions>
  readonly raft?: Partial<ClusterOptions['raft']>
  readonly network?: Partial<ClusterOptions['network']>
  readonly calmNetwork?: Partial<ClusterOptions['network']>
  readonly disk?: Partial<ClusterOptions['disk']>
  readonly cluster?: Partial<
    Pick<ClusterOptions, 'members' | 'voters' | 'learners' | 'leaveMinorityBroken' | 'faultsForUs'>
  >
}

function changed(options: ClusterOptions, changes: Changes): ClusterOptions {
  return {
    ...options,
    ...changes.cluster,
    network: { ...options.network, ...changes.network },
    calmNetwork: { ...options.calmNetwork, ...changes.calmNetwork },
    disk: { ...options.disk, ...changes.disk },
    raft: { ...options.raft, ...changes.raft },
    host: { ...options.host, ...changes.host },
    workload: { ...options.workload, ...changes.workload },
    faults: {
      ...options.faults,
      ...changes.faults,
      rates: { ...options.faults.rates, ...changes.rates },
    },
  }
}

const NO_FAULTS: FaultRates = {
  partition: Infinity,
  crash: Infinity,
  crashAtWrite: Infinity,
  blackout: Infinity,
  pause: Infinity,
  diskStall: Infinity,
  transfer: Infinity,
  membership: Infinity,
  destroy: Infinity,
  campaign: Infinity,
  clock: Infinity,
  priority: Infinity,
}

const between = (random: Random, lowMs: number, highMs: number): number =>
  random.integer(lowMs, highMs) * MILLISECOND

/** Membership changes all the time, partitions and crashes in between. */
const membership: Change = (options, random) =>
  changed(options, {
    cluster: { members: random.integer(3, 6), voters: random.integer(1, 4), learners: random.integer(0, 1) },
    rates: {
      membership: between(random, 50, 400),
      partition: between(random, 200, 1500),
      crash: between(random, 300, 2000),
      transfer: between(random, 300, 3000),
    },
  })

/** Voters come and go one by one, asked for by whoever leads, while leaders are cut off in the middle of it. */
const singleChanges: Change = (options, random) =>
  changed(options, {
    cluster: { members: 5, voters: 4, learners: 0 },
    rates: {
      ...NO_FAULTS,
      membership: between(random, 10, 60),
      partition: between(random, 100, 500),
      campaign: between(random, 100, 400),
    },
    faults: {
      membershipStepsMax: 1,
      membershipSteps: ['add-voter', 'remove'],
      partitionMinUs: 50 * MILLISECOND,
      partitionMeanUs: between(random, 50, 400),
      oneWayPartitionShare: 0,
      leadersApartShare: 0.8,
    },
    network: {
      delayMeanUs: random.pick([2000, 5000, 10_000]),
      lossProbability: random.between(0, 0.2),
      clogProbability: random.between(0.01, 0.05),
      clogMeanUs: between(random, 50, 400),
    },
    raft: { electionTimeoutTicks: random.integer(4, 7), heartbeatTicks: 1, quiesceAfterTicks: 0 },
  })

/** Replicas are destroyed and replaced while messages of long ago still arrive. */
const replacement: Change = (options, random) =>
  changed(options, {
    cluster: { members: random.integer(3, 4), voters: 3, learners: 0 },
    rates: {
      destroy: between(random, 300, 1500),
      membership: between(random, 100, 600),
      partition: between(random, 200, 1500),
      campaign: between(random, 100, 500),
    },
    network: { duplicateProbability: 0.3, duplicateDelayMeanUs: 2 * SECOND },
  })

/** Disks that stop answering, and one that never does again. */
const stalls: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: 3, learners: 0, leaveMinorityBroken: true },
    rates: { diskStall: between(random, 300, 1500) },
    faults: { leaderBias: 0.8, brokenKinds: ['stalled'] },
  })

/** No faults, and clients that never pause. */
const busy: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: 3, learners: 0, leaveMinorityBroken: false, faultsForUs: SECOND / 4 },
    rates: NO_FAULTS,
    network: {
      ordered: true,
      delayMinUs: MILLISECOND,
      delayMeanUs: between(random, 2, 4),
      lossProbability: 0,
      clogProbability: 0,
    },
    disk: CALM_DISK,
    host: { applyDelayMeanUs: 50, applyBatchMax: 1000, turnDelayMeanUs: random.pick([0, 100]) },
    // Clients that think longer than a round trip lasts do not fall into step: there is always one that writes.
    workload: { clients: 120, thinkMeanUs: 8 * MILLISECOND, readShare: 0, leaderShare: 1, batchMax: 1 },
    raft: {
      electionTimeoutTicks: random.integer(5, 8),
      heartbeatTicks: 1,
      inflightMessagesMax: 256,
      inflightBytesMax: 16 << 20,
      appendSizeBytesMax: 1 << 20,
      uncommittedBytesMax: 64 << 20,
    },
  })

/** Every limit in bytes is small. */
const smallLimits: Change = (options, random) =>
  changed(options, {
    raft: {
      appendSizeBytesMax: random.integer(50, 500),
      inflightMessagesMax: random.integer(1, 3),
      inflightBytesMax: random.integer(100, 1000),
      uncommittedBytesMax: random.integer(100, 1000),
      applyBytesMax: random.integer(50, 500),
      memoryTailBytesMax: random.integer(50, 500),
    },
  })

/** Logs are compacted at once, so that whoever was away needs a snapshot. */
const snapshots: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: 3, learners: 0 },
    rates: {
      crash: between(random, 300, 1500),
      partition: between(random, 300, 1500),
      campaign: between(random, 200, 1500),
    },
    faults: { downMeanUs: 300 * MILLISECOND },
    network: { lossProbability: random.between(0, 0.2), ordered: random.chance(0.3) },
    host: {
      keepEntries: random.pick([0, 0, 3]),
      checkpointEvery: random.integer(1, 6),
      applyDelayMeanUs: random.pick([50, 5000, 30_000]),
    },
    raft: { inflightMessagesMax: random.pick([1, 3, 256]) },
  })

/** Messages arrive twice, the second time long after; leaders change often. */
const lateMessages: Change = (options, random) =>
  changed(options, {
    cluster: { members: 5, voters: random.pick([3, 5, 5]), learners: 0 },
    rates: {
      partition: between(random, 100, 800),
      campaign: between(random, 100, 600),
      crash: between(random, 300, 2000),
    },
    faults: { leaderBias: 0.8, leadersApartShare: random.pick([0, 0.8]) },
    network: {
      ordered: false,
      duplicateProbability: random.between(0.2, 0.5),
      duplicateDelayMeanUs: random.pick([200 * MILLISECOND, SECOND]),
    },
  })

/** Syncs take long and end in any order, while leaders replace each other's entries. */
const slowDisks: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: 3, learners: 0 },
    rates: {
      partition: between(random, 200, 1000),
      campaign: between(random, 50, 400),
      transfer: between(random, 200, 1000),
    },
    faults: { leaderBias: 0.8 },
    disk: {
      overlappingSyncs: true,
      syncCoversEarlier: random.chance(0.5),
      syncMeanUs: between(random, 5, 40),
      slowSyncProbability: 0.2,
      slowSyncMeanUs: between(random, 50, 300),
    },
    host: { diskStallAfterUs: 2 * SECOND },
    workload: { thinkMeanUs: 2 * MILLISECOND, leaderShare: 0.9 },
  })

/** Many reads everywhere, and leaders that change or are cut off. Of five voters, a leader and a follower that asks it are no quorum. */
const reads: Change = (options, random) => {
  const members = random.pick([3, 5])
  return changed(options, {
    cluster: { members, voters: random.pick([3, members]), learners: 0 },
    rates: { partition: between(random, 200, 1000), campaign: between(random, 200, 1000) },
    faults: { leaderBias: 0.8 },
    workload: { clients: 6, keys: 1, thinkMeanUs: 3 * MILLISECOND, readShare: 0.6, leaderShare: 0.3 },
    raft: { lease: null, quiesceAfterTicks: 0 },
  })
}

/** Reads by lease, at leaders that are paused, cut off, or about to hand over. */
const leases: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: 3, learners: 0 },
    rates: {
      ...NO_FAULTS,
      clock: between(random, 50, 500),
      pause: between(random, 200, 1000),
      partition: between(random, 60, 600),
      transfer: between(random, 30, 300),
    },
    faults: {
      leaderBias: 0.8,
      pauseMeanUs: between(random, 50, 600),
      oneWayPartitionShare: random.pick([0.5, 1]),
      partitionMinUs: between(random, 10, 60),
      partitionMeanUs: between(random, 10, 300),
    },
    host: { tickBursts: false, clockDrift: 0.045 },
    network: {
      delayMeanUs: random.pick([1000, 5000, 20_000]),
      clogProbability: 0.002,
      clogMeanUs: SECOND / 5,
    },
    workload: { clients: 6, keys: 1, thinkMeanUs: 3 * MILLISECOND, readShare: 0.5, leaderShare: 0.5 },
    raft: {
      ...DEFAULT_RAFT_CONFIG,
      electionTimeoutTicks: random.integer(5, 12),
      heartbeatTicks: 1,
      lease: { tickMs: options.host.tickUs / MILLISECOND, driftPercentMax: 10 },
    },
  })

export const PROFILE_NAMES = [
  'swarm',
  'membership',
  'single-changes',
  'replacement',
  'stalls',
  'busy',
  'small-limits',
  'snapshots',
  'late-messages',
  'slow-disks',
  'reads',
  'leases',
  'last-two',
  'old-terms',
  'sleep',
] as const

export type ProfileName = (typeof PROFILE_NAMES)[number]

/** Leaders crash or are cut off while they replicate the entries of earlier ones, one by one (the paper, Figure 8). */
const oldTerms: Change = (options, random) =>
  changed(options, {
    cluster: { members: 5, voters: 5, learners: 0 },
    rates: {
      ...NO_FAULTS,
      partition: between(random, 80, 400),
      crash: between(random, 50, 300),
      crashAtWrite: between(random, 50, 300),
    },
    faults: {
      leaderBias: 0.9,
      leadersApartShare: 0.5,
      downMeanUs: random.pick([20, 100, 300]) * MILLISECOND,
      partitionMinUs: 10 * MILLISECOND,
      partitionMeanUs: between(random, 20, 200),
    },
    network: {
      delayMeanUs: random.pick([1000, 5000]),
      lossProbability: random.between(0, 0.2),
      clogProbability: 0,
    },
    workload: { thinkMeanUs: 5 * MILLISECOND, leaderShare: 0.9, readShare: 0 },
    raft: {
      electionTimeoutTicks: random.integer(4, 7),
      heartbeatTicks: 1,
      appendSizeBytesMax: 1,
      inflightMessagesMax: random.pick([1, 2]),
      quiesceAfterTicks: 0,
    },
  })

/** Groups that fall asleep soon, over paths that let messages overtake. */
const sleep: Change = (options, random) =>
  changed(options, {
    cluster: { members: 3, voters: random.integer(1, 3), learners: 2, leaveMinorityBroken: false },
    network: { ordered: false, delayMeanUs: between(random, 1, 10) },
    calmNetwork: { delayMeanUs: between(random, 5, 20) },
    raft: {
      quiesceAfterTicks: random.integer(3, 12),
      electionTimeoutTicks: random.integer(15, 20),
      heartbeatTicks: 1,
    },
    workload: { clients: random.integer(1, 2), thinkMeanUs: between(random, 50, 500) },
  })

/** Leaders and logs diverge, and then one of three voters is gone for good: the other two have to agree. */
const lastTwo: Change = (options, random) =>
  changed(options, {
    cluster: {
      members: 3,
      voters: 3,
      learners: 0,
      leaveMinorityBroken: true,
      faultsForUs: random.integer(1, 3) * SECOND,
    },
    rates: {
      ...NO_FAULTS,
      partition: between(random, 50, 400),
      crash: between(random, 100, 1000),
      pause: between(random, 100, 1000),
      campaign: between(random, 50, 400),
    },
    faults: {
      brokenKinds: ['down'],
      leaderBias: random.pick([0.3, 0.8]),
      downMeanUs: 100 * MILLISECOND,
      partitionMinUs: 10 * MILLISECOND,
      partitionMeanUs: between(random, 20, 300),
    },
    network: { lossProbability: random.between(0, 0.3) },
    workload: { thinkMeanUs: 3 * MILLISECOND, leaderShare: 0.9, readShare: 0 },
    raft: { electionTimeoutTicks: random.integer(4, 8), heartbeatTicks: 1, quiesceAfterTicks: 0 },
  })

const PROFILES: Readonly<Record<ProfileName, Change>> = {
  swarm: (options) => options,
  membership,
  'single-changes': singleChanges,
  replacement,
  stalls,
  busy,
  'small-limits': smallLimits,
  snapshots,
  'late-messages': lateMessages,
  'slow-disks': slowDisks,
  reads,
  leases,
  'last-two': lastTwo,
  'old-terms': oldTerms,
  sleep,
}

export function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(PROFILES, name)
}

export function drawProfile(name: ProfileName, random: Random): ClusterOptions {
  return PROFILES[name](drawOptions(random), random.fork('profile'))
}
