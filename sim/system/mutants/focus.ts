/** Kinds of runs that make one kind of trouble likely. */

import { MILLISECOND, SECOND } from '../../event-queue.ts'
import { CALM } from '../network-faults.ts'
import { NO_FAULTS, NO_OPERATORS, type SystemOptions } from '../options.ts'

const FOCUSES = [
  'power-cuts',
  'reads',
  'sessions',
  'transactions',
  'batches',
  'engine-deaths',
  'outliving-engines',
  'schema',
  'leaders',
  'hand-overs',
  'ended-transactions',
  'postgres',
  'stops',
  'broken-connections',
  'broken-transactions',
  'short-logs',
  'divergence',
  'damaged-journals',
  'catalog',
] as const
export type Focus = (typeof FOCUSES)[number]

/** Whoever is not back by then will not be: a mutant should die soon. */
const QUICK = {
  recoveryLimitUs: 20 * SECOND,
  thinkUs: 10_000,
  answerTimeoutUs: 5 * SECOND,
  faultsForUs: 10 * SECOND,
  weather: CALM,
  operators: NO_OPERATORS,
  postgresShare: 0,
}
const SHORT_LOGS = { checkpointEntries: 5, tailEntries: 5, restingTailEntries: 5 }
/** Without a catalog, whose own traffic is most of what happens in a small cluster. */
const THREE = { ...QUICK, kind: 'static', machines: 3, faults: NO_FAULTS, clientsPerWorkload: 6 } as const
const PARTITIONED = { ...CALM, partitionEveryUs: 2 * SECOND, partitionMaxMs: 2_500 }

const CHANGES: Readonly<Record<Focus, Partial<SystemOptions>>> = {
  'power-cuts': {
    ...QUICK,
    machines: 1,
    workloads: ['registers', 'once'],
    clientsPerWorkload: 6,
    // So slow that the power mostly fails while a frame of several sectors is being written.
    disk: { readUs: 20, writeUs: 20, syncUs: 15_000 },
    faults: { ...NO_FAULTS, powerCutEveryUs: 1 * SECOND },
    limits: SHORT_LOGS,
  },
  reads: {
    ...THREE,
    faultsForUs: 4 * SECOND,
    workloads: ['registers'],
    engine: { callUs: 300, wayUs: 50, slowCallChance: 0.2 },
  },
  sessions: {
    ...THREE,
    workloads: ['registers'],
    weather: { ...PARTITIONED, delayMaxMs: 20 },
    engine: { callUs: 500, wayUs: 50, slowCallChance: 0.05 },
  },
  transactions: {
    ...THREE,
    workloads: ['transfers'],
  },
  batches: {
    ...QUICK,
    machines: 1,
    workloads: ['once'],
    thinkUs: 1 * MILLISECOND,
    faultsForUs: 1 * SECOND,
    clientsPerWorkload: 8,
    faults: NO_FAULTS,
    limits: {},
    engine: { callUs: 2_000, wayUs: 50, slowCallChance: 0 },
  },
  'engine-deaths': {
    ...QUICK,
    machines: 1,
    workloads: ['registers', 'once'],
    faults: { ...NO_FAULTS, engineDeathEveryUs: 0.3 * SECOND, killEveryUs: 2 * SECOND },
  },
  'outliving-engines': {
    ...QUICK,
    machines: 1,
    workloads: ['once'],
    clientsPerWorkload: 8,
    // What was sent is carried out so late that the next member is there already.
    engine: { callUs: 2_000, wayUs: 50, slowCallChance: 0.3 },
    faults: { ...NO_FAULTS, killEveryUs: 0.3 * SECOND },
  },
  schema: {
    ...QUICK,
    kind: 'static',
    machines: 2,
    workloads: ['schema'],
    faults: NO_FAULTS,
  },
  leaders: {
    ...THREE,
    workloads: ['registers', 'once'],
    weather: PARTITIONED,
    // Proposals are on their way for long, so that leaders are lost in the middle of them.
    disk: { readUs: 20, writeUs: 20, syncUs: 20_000 },
    engine: { callUs: 2_000, wayUs: 50, slowCallChance: 0.02 },
    faults: { ...NO_FAULTS, pauseEveryUs: 2 * SECOND },
  },
  'hand-overs': {
    ...THREE,
    workloads: ['registers', 'once'],
    operators: { ...NO_OPERATORS, transferEveryUs: 0.2 * SECOND },
  },
  'ended-transactions': {
    ...THREE,
    workloads: ['transfers'],
    // Protocols may leave out a COMMIT.
    postgresShare: 1,
    operators: { ...NO_OPERATORS, transferEveryUs: 0.2 * SECOND },
  },
  postgres: {
    ...QUICK,
    kind: 'static',
    machines: 1,
    workloads: ['lists', 'transfers'],
    faultsForUs: 5 * SECOND,
    faults: NO_FAULTS,
    clientsPerWorkload: 4,
    postgresShare: 1,
  },
  stops: {
    ...THREE,
    workloads: ['once', 'registers'],
    thinkUs: 1 * MILLISECOND,
    clientsPerWorkload: 10,
    faults: { ...NO_FAULTS, stopEveryUs: 0.2 * SECOND },
    postgresShare: 1,
  },
  'broken-connections': {
    ...THREE,
    workloads: ['registers', 'once'],
    weather: { ...CALM, delayMaxMs: 20, breakEveryUs: 1 * SECOND },
  },
  'broken-transactions': {
    ...THREE,
    workloads: ['transfers'],
    // One of the two connections of a pair breaks alone.
    weather: { ...CALM, delayMaxMs: 20, breakEveryUs: 1 * SECOND, breakChance: 0.002 },
  },
  'short-logs': {
    ...THREE,
    workloads: ['registers', 'once'],
    weather: { ...CALM, partitionEveryUs: 2 * SECOND },
    limits: SHORT_LOGS,
  },
  divergence: {
    ...THREE,
    workloads: ['once'],
    faults: { ...NO_FAULTS, loss: { kind: 'diverge', atUs: 3 * SECOND } },
  },
  'damaged-journals': {
    ...QUICK,
    machines: 3,
    workloads: ['registers'],
    faults: { ...NO_FAULTS, loss: { kind: 'damage', atUs: 8 * SECOND } },
    journal: { segmentSizeBytes: 16 * 1024, segmentCountTarget: 4 },
  },
  catalog: {
    ...QUICK,
    machines: 3,
    thinkUs: 3_000,
    workloads: ['databases'],
    weather: { ...CALM, partitionEveryUs: 1 * SECOND, breakEveryUs: 0.5 * SECOND },
    faults: { ...NO_FAULTS, killEveryUs: 3 * SECOND },
  },
}

export function isFocus(name: string): name is Focus {
  return (FOCUSES as readonly string[]).includes(name)
}

export function focused(focus: Focus): (options: SystemOptions) => SystemOptions {
  return (options) => ({ ...options, ...CHANGES[focus] })
}
