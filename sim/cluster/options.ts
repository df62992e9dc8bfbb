/**
 * What one run of the simulated cluster is like. Every run draws its own options from its seed: not only
 * when faults happen, but which kinds of fault exist at all and how often they come ("swarm testing", Groce
 * and others, 2012). A run with every fault at once spends its life in elections; one that has, say, only
 * crashes and membership changes gets far enough to find what those two do to each other.
 */

import { DEFAULT_RAFT_CONFIG } from '../../src/raft/config.ts'
import type { RaftConfig } from '../../src/raft/config.ts'
import type { MembershipStep } from '../../src/raft/membership.ts'
import type { DiskOptions } from '../disk.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import { CALM_NETWORK } from '../network.ts'
import type { NetworkOptions } from '../network.ts'
import type { Random } from '../random.ts'

/** Mean times between faults of a kind, for the whole cluster; Infinity where a run has none. */
export interface FaultRates {
  readonly partition: TimeUs
  readonly crash: TimeUs
  /** Crashes set between two disk writes, rather than at any moment. */
  readonly crashAtWrite: TimeUs
  /** All members lose power at once. */
  readonly blackout: TimeUs
  readonly pause: TimeUs
  readonly diskStall: TimeUs
  readonly transfer: TimeUs
  readonly membership: TimeUs
  /** A replica is destroyed for good while it is still part of its group. */
  readonly destroy: TimeUs
  readonly campaign: TimeUs
  /** A clock begins to run at another rate, within the drift of the run. */
  readonly clock: TimeUs
  readonly priority: TimeUs
}

export interface FaultOptions {
  readonly rates: FaultRates
  readonly oneWayPartitionShare: number
  /** Share of partitions that put the newest leader on one side and the one before it on the other. */
  readonly leadersApartShare: number
  /** A partition lasts at least the first and on average about the sum of both. */
  readonly partitionMinUs: TimeUs
  readonly partitionMeanUs: TimeUs
  readonly downMeanUs: TimeUs
  readonly pauseMeanUs: TimeUs
  readonly stallMeanUs: TimeUs
  /** Faults prefer the leader with this probability. */
  readonly leaderBias: number
  /** Steps that one change of the membership may have, and their kinds. */
  readonly membershipStepsMax: number
  readonly membershipSteps: readonly MembershipStep['kind'][]
  /** How members may be broken that stay so when faults have stopped. */
  readonly brokenKinds: readonly BrokenKind[]
}

export const BROKEN_KINDS = ['down', 'paused', 'stalled', 'cut off', 'deaf', 'mute'] as const
/** Stalled: its disk never answers. Deaf: receives nothing. Mute: nothing that it sends arrives. */
export type BrokenKind = (typeof BROKEN_KINDS)[number]

export interface HostOptions {
  readonly tickUs: TimeUs
  /** Clocks run at rates from 1 - drift to 1 + drift. */
  readonly clockDrift: number
  /** Ticks missed in a pause are delivered in a burst afterwards (never in runs with leases). */
  readonly tickBursts: boolean
  /** Mean time from an input to the turn of the event loop that takes its outputs. */
  readonly turnDelayMeanUs: TimeUs
  readonly applyDelayMeanUs: TimeUs
  readonly applyBatchMax: number
  /** A write is shown to the core when it is handed to the disk, rather than when it is durable. */
  readonly showWritesEarlyProbability: number
  /** Storage answers "being read" with this probability. */
  readonly storageBusyProbability: number
  readonly snapshotBusyProbability: number
  /** Applied entries between checkpoints of the state machine; each makes a snapshot that can be sent. */
  readonly checkpointEvery: number
  /** Entries that compaction leaves before the checkpoint; Infinity: never compact. */
  readonly keepEntries: number
  readonly snapshotChunks: number
  /** A write that is under way for longer makes the host report a stalled disk. */
  readonly diskStallAfterUs: TimeUs
  /** The host notices a message that could not be sent with this probability. */
  readonly unreachableProbability: number
}

export interface WorkloadOptions {
  readonly clients: number
  readonly keys: number
  readonly thinkMeanUs: TimeUs
  readonly timeoutUs: TimeUs
  readonly readShare: number
  readonly compareAndSetShare: number
  /** A client asks the member that it believes to lead with this probability, else any. */
  readonly leaderShare: number
  /** Commands that one client proposes in one call. */
  readonly batchMax: number
  readonly paddingWordsMax: number
}

export interface ClusterOptions {
  /** Members that exist; some may be in no configuration at first. */
  readonly members: number
  readonly voters: number
  readonly learners: number
  readonly faultsForUs: TimeUs
  readonly network: NetworkOptions
  /** The network when faults have stopped. */
  readonly calmNetwork: NetworkOptions
  readonly disk: DiskOptions
  readonly raft: RaftConfig
  readonly host: HostOptions
  readonly faults: FaultOptions
  readonly workload: WorkloadOptions
  /** When the faults stop, some minority stays broken, and the rest must do without it. */
  readonly leaveMinorityBroken: boolean
  /** Messages and entries are frozen, so that a core that changes what it shared is caught. */
  readonly freeze: boolean
}

export function drawOptions(random: Random): ClusterOptions {
  const leases = random.chance(0.3)
  const members = random.pick([1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7])
  const voters = random.integer(Math.min(members, 1), Math.min(members, 5))
  const tickUs = 10 * MILLISECOND
  return {
    members,
    voters: random.chance(0.8) ? Math.min(members, Math.max(voters, 3)) : voters,
    learners: random.chance(0.3) ? random.integer(0, 2) : 0,
    faultsForUs: random.integer(4, 16) * SECOND,
    network: drawNetwork(random.fork('network')),
    calmNetwork: CALM_NETWORK,
    disk: drawDisk(random.fork('disk')),
    raft: drawRaft(random.fork('raft'), leases, tickUs),
    host: drawHost(random.fork('host'), leases, tickUs),
    faults: drawFaults(random.fork('faults')),
    workload: drawWorkload(random.fork('workload')),
    leaveMinorityBroken: random.chance(0.4),
    freeze: random.chance(0.1),
  }
}

/** `value` in some runs, `otherwise` in the rest. Always draws both. */
function sometimes(random: Random, probability: number, value: number, otherwise = 0): number {
  return random.chance(probability) ? value : otherwise
}

function drawNetwork(random: Random): NetworkOptions {
  return {
    delayMinUs: random.integer(50, 1000),
    delayMeanUs: random.pick([200, 1000, 3000, 10_000]),
    ordered: random.chance(0.4),
    lossProbability: sometimes(random, 0.5, random.between(0, 0.25)),
    duplicateProbability: sometimes(random, 0.5, random.between(0, 0.3)),
    duplicateDelayMeanUs: random.pick([MILLISECOND, 100 * MILLISECOND, 2 * SECOND]),
    clogProbability: sometimes(random, 0.3, random.between(0, 0.01)),
    clogMeanUs: random.integer(50, 1000) * MILLISECOND,
    pathCapacity: sometimes(random, 0.3, random.integer(2, 30), Infinity),
  }
}

function drawDisk(random: Random): DiskOptions {
  return {
    writeMeanUs: random.pick([5, 20, 200]),
    syncMinUs: random.integer(20, 300),
    syncMeanUs: random.pick([50, 300, 2000, 10_000]),
    slowSyncProbability: sometimes(random, 0.4, random.between(0, 0.1)),
    slowSyncMeanUs: random.integer(10, 300) * MILLISECOND,
    overlappingSyncs: random.chance(0.6),
    syncCoversEarlier: random.chance(0.5),
  }
}

function drawRaft(random: Random, leases: boolean, tickUs: TimeUs): RaftConfig {
  const small = random.chance(0.5)
  const electionTimeoutTicks = random.integer(5, 20)
  return {
    ...DEFAULT_RAFT_CONFIG,
    electionTimeoutTicks,
    // A slow leader's heartbeats must come in time for a fast follower.
    heartbeatTicks: random.integer(1, Math.floor(electionTimeoutTicks / 5)),
    appendSizeBytesMax: small ? random.integer(50, 500) : 1 << 20,
    inflightMessagesMax: random.pick([1, 2, 8, 256]),
    inflightBytesMax: small ? random.integer(100, 4000) : 16 << 20,
    uncommittedBytesMax: sometimes(random, 0.3, random.integer(200, 4000), 64 << 20),
    applyBytesMax: sometimes(random, 0.4, random.integer(50, 1000), 16 << 20),
    memoryTailBytesMax: sometimes(random, 0.4, random.integer(50, 1000), 32 << 20),
    pendingReadsMax: sometimes(random, 0.1, 2, 1 << 16),
    quiesceAfterTicks: sometimes(random, 0.3, random.integer(5, 60)),
    lease: leases ? { tickMs: tickUs / MILLISECOND, driftPercentMax: 10 } : null,
  }
}

function drawHost(random: Random, leases: boolean, tickUs: TimeUs): HostOptions {
  return {
    tickUs,
    clockDrift: leases ? 0.045 : random.pick([0, 0.02, 0.3]),
    tickBursts: !leases && random.chance(0.3),
    turnDelayMeanUs: random.pick([0, 10, 100, 1000]),
    applyDelayMeanUs: random.pick([0, 50, 500, 10_000]),
    applyBatchMax: random.pick([1, 3, 1000]),
    showWritesEarlyProbability: random.pick([0, 0.5, 1]),
    storageBusyProbability: sometimes(random, 0.3, random.between(0, 0.5)),
    snapshotBusyProbability: sometimes(random, 0.3, random.between(0, 0.5)),
    checkpointEvery: random.pick([3, 10, 30, 100]),
    keepEntries: random.pick([0, 0, 5, 30, Infinity]),
    snapshotChunks: random.integer(1, 6),
    diskStallAfterUs: random.integer(100, 500) * MILLISECOND,
    unreachableProbability: sometimes(random, 0.5, random.between(0, 1)),
  }
}

function drawFaults(random: Random): FaultOptions {
  const rate = (share: number, lowMs: number, highMs: number): TimeUs => {
    const meanUs = random.integer(lowMs, highMs) * MILLISECOND
    return random.chance(share) ? meanUs : Infinity
  }
  return {
    rates: {
      partition: rate(0.5, 300, 4000),
      crash: rate(0.5, 200, 4000),
      crashAtWrite: rate(0.4, 200, 3000),
      blackout: rate(0.1, 2000, 8000),
      pause: rate(0.4, 200, 3000),
      diskStall: rate(0.3, 500, 4000),
      transfer: rate(0.3, 200, 3000),
      membership: rate(0.5, 200, 3000),
      destroy: rate(0.2, 1000, 5000),
      campaign: rate(0.2, 200, 3000),
      clock: rate(0.3, 200, 2000),
      priority: rate(0.1, 500, 2000),
    },
    oneWayPartitionShare: random.pick([0, 0.3, 1]),
    leadersApartShare: random.pick([0, 0, 0.5]),
    partitionMinUs: random.integer(10, 300) * MILLISECOND,
    partitionMeanUs: random.integer(50, 2000) * MILLISECOND,
    downMeanUs: random.pick([10, 200, 1000]) * MILLISECOND,
    pauseMeanUs: random.pick([20, 200, 1000]) * MILLISECOND,
    stallMeanUs: random.pick([100, 500, 2000]) * MILLISECOND,
    leaderBias: random.pick([0, 0.3, 0.8]),
    membershipStepsMax: 3,
    membershipSteps: ['add-voter', 'add-learner', 'promote', 'demote', 'remove'],
    brokenKinds: BROKEN_KINDS,
  }
}

function drawWorkload(random: Random): WorkloadOptions {
  return {
    clients: random.integer(1, 6),
    keys: random.integer(1, 4),
    thinkMeanUs: random.pick([1, 10, 50]) * MILLISECOND,
    timeoutUs: random.integer(100, 2000) * MILLISECOND,
    readShare: random.pick([0, 0.3, 0.5, 0.8]),
    compareAndSetShare: random.pick([0, 0.3]),
    leaderShare: random.pick([0.3, 0.9]),
    batchMax: random.pick([1, 1, 4]),
    paddingWordsMax: random.pick([0, 20, 200]),
  }
}
