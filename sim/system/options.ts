/** How a run is set up: drawn from the seed, so that every run is another mix (swarm testing, Groce and others 2012). */

import type { GroupLimits } from '../../src/group/limits.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { LossKind } from './losses.ts'
import type { DiskSpeed } from './machine-disk.ts'
import type { EngineTrouble } from './machine-engine.ts'
import type { OperatorRates } from './operators.ts'
import { drawWeather } from './network-faults.ts'
import type { NetworkWeather } from './network-faults.ts'

/** Mean time between two faults of a kind; 0 for never. */
export interface FaultRates {
  readonly killEveryUs: TimeUs
  readonly powerCutEveryUs: TimeUs
  readonly stopEveryUs: TimeUs
  readonly pauseEveryUs: TimeUs
  readonly slowDiskEveryUs: TimeUs
  readonly stalledDiskEveryUs: TimeUs
  readonly fullDiskEveryUs: TimeUs
  readonly engineDeathEveryUs: TimeUs
  readonly engineStallEveryUs: TimeUs
  readonly clockJumpEveryUs: TimeUs
  /** What one machine's disk does once; null for nothing. */
  readonly loss: { readonly kind: LossKind; readonly atUs: TimeUs } | null
}

export const NO_FAULTS: FaultRates = {
  killEveryUs: 0,
  powerCutEveryUs: 0,
  stopEveryUs: 0,
  pauseEveryUs: 0,
  slowDiskEveryUs: 0,
  stalledDiskEveryUs: 0,
  fullDiskEveryUs: 0,
  engineDeathEveryUs: 0,
  engineStallEveryUs: 0,
  clockJumpEveryUs: 0,
  loss: null,
}

export const NO_OPERATORS: OperatorRates = {
  transferEveryUs: 0,
  rollingRestartEveryUs: 0,
  replaceAtUs: null,
  upgrade: null,
}

export interface SystemOptions {
  readonly operators: OperatorRates
  /** `static`: one database with a replica on each machine, no catalog (`static-member.ts`). */
  readonly kind: 'cluster' | 'static'
  readonly machines: number
  readonly faultsForUs: TimeUs
  /** How long the system may take to serve again after the last fault, and to come to rest. */
  readonly recoveryLimitUs: TimeUs
  readonly faults: FaultRates
  readonly weather: NetworkWeather
  readonly workloads: readonly WorkloadName[]
  readonly clientsPerWorkload: number
  /** Chance that a client speaks the PostgreSQL protocol. */
  readonly postgresShare: number
  readonly thinkUs: TimeUs
  /** Clients wait no longer for an answer. */
  readonly answerTimeoutUs: TimeUs
  readonly disk: DiskSpeed
  readonly engine: EngineTrouble
  /** A process's clock runs at a rate from 1 - this to 1 + this. */
  readonly clockDrift: number
  readonly limits: Partial<GroupLimits>
  readonly journal: { readonly segmentSizeBytes: number; readonly segmentCountTarget: number }
  readonly databaseIdleTimeMs: number
  readonly statementTimeoutMs: number
}

export const WORKLOADS = [
  'registers',
  'transfers',
  'lists',
  'once',
  'library',
  'schema',
  'databases',
] as const
export type WorkloadName = (typeof WORKLOADS)[number]

/** Each kind of fault is left out of half of the runs, so that others are seen alone. */
function sometimes(random: Random, low: number, high: number): TimeUs {
  const everyUs = random.between(low, high) * SECOND
  return random.chance(0.5) ? everyUs : 0
}

/** The others go on and make it good, which needs two of them. */
export const MACHINES_FOR_LOSS = 3

function drawLoss(random: Random, machines: number): FaultRates['loss'] {
  if (machines < MACHINES_FOR_LOSS || random.chance(0.5)) return null
  return { kind: random.pick(['wipe', 'damage', 'corrupt', 'diverge']), atUs: random.between(1, 12) * SECOND }
}

function drawFaults(random: Random, machines: number): FaultRates {
  return {
    killEveryUs: sometimes(random, 2, 10),
    powerCutEveryUs: sometimes(random, 2, 10),
    stopEveryUs: sometimes(random, 4, 15),
    pauseEveryUs: sometimes(random, 3, 10),
    slowDiskEveryUs: sometimes(random, 3, 10),
    stalledDiskEveryUs: sometimes(random, 3, 15),
    fullDiskEveryUs: sometimes(random, 5, 15),
    engineDeathEveryUs: sometimes(random, 2, 10),
    engineStallEveryUs: sometimes(random, 2, 10),
    clockJumpEveryUs: sometimes(random, 2, 10),
    loss: drawLoss(random.fork('loss'), machines),
  }
}

function drawUpgrade(random: Random): OperatorRates['upgrade'] {
  if (!random.chance(0.25)) return null
  return { atUs: random.between(1, 8) * SECOND, isInTwoSteps: random.chance(0.7) }
}

function drawOperators(random: Random, machines: number, hasLoss: boolean): OperatorRates {
  // Of a member that was removed nothing is left, so that no other disk may be lost in the same run.
  const mayReplace = machines >= MACHINES_FOR_LOSS && !hasLoss
  return {
    transferEveryUs: sometimes(random, 1, 5),
    rollingRestartEveryUs: random.chance(0.2) ? random.between(5, 15) * SECOND : 0,
    replaceAtUs: mayReplace && random.chance(0.3) ? random.between(1, 10) * SECOND : null,
    upgrade: drawUpgrade(random.fork('upgrade')),
  }
}

export function drawOptions(random: Random): SystemOptions {
  const machines = random.pick([1, 2, 3, 3, 3, 4])
  const faults = drawFaults(random.fork('faults'), machines)
  const picked = WORKLOADS.filter(() => random.chance(0.5))
  return {
    kind: 'cluster',
    machines,
    faultsForUs: random.integer(10, 25) * SECOND,
    recoveryLimitUs: 60 * SECOND,
    faults,
    operators: drawOperators(random.fork('operators'), machines, faults.loss !== null),
    weather: drawWeather(random.fork('weather')),
    workloads: picked.length > 0 ? picked : ['registers'],
    clientsPerWorkload: random.integer(2, 5),
    postgresShare: random.fork('postgres').pick([0, 0.5, 0.5, 1]),
    thinkUs: random.between(5, 100) * MILLISECOND,
    answerTimeoutUs: random.between(1, 12) * SECOND,
    disk: {
      readUs: random.between(10, 200),
      writeUs: random.between(10, 200),
      syncUs: random.between(50, 8_000),
    },
    engine: {
      callUs: random.between(20, 2_000),
      wayUs: random.between(5, 200),
      slowCallChance: random.pick([0, 0.001, 0.01, 0.05]),
    },
    clockDrift: random.pick([0, 0.001, 0.05]),
    limits: {
      checkpointEntries: random.pick([5, 50, 500]),
      // Short logs: whoever was away for a while needs a snapshot.
      tailEntries: random.pick([5, 50, 10_000]),
      restingTailEntries: random.pick([5, 500]),
      batchRequestsMax: random.pick([1, 4, 1024]),
      engineProcessesMax: random.pick([1, 2]),
    },
    journal: {
      segmentSizeBytes: random.pick([16, 64]) * 1024,
      segmentCountTarget: random.pick([1, 4]),
    },
    databaseIdleTimeMs: random.pick([1_000, 60_000]),
    statementTimeoutMs: random.pick([1_000, 30_000]),
  }
}
