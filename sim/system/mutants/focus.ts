/** Kinds of runs that make one kind of trouble likely. */

import { SECOND } from '../../event-queue.ts'
import { CALM } from '../network-faults.ts'
import type { FaultRates, SystemOptions } from '../options.ts'

const NO_FAULTS: FaultRates = {
  killEveryUs: 0,
  powerCutEveryUs: 0,
  stopEveryUs: 0,
  pauseEveryUs: 0,
  slowDiskEveryUs: 0,
  stalledDiskEveryUs: 0,
  fullDiskEveryUs: 0,
  engineDeathEveryUs: 0,
  clockJumpEveryUs: 0,
  loss: null,
}

const FOCUSES = ['power-cuts', 'reads', 'transactions', 'engine-deaths', 'schema'] as const
export type Focus = (typeof FOCUSES)[number]

const QUICK = { thinkUs: 10_000, answerTimeoutUs: 5 * SECOND, faultsForUs: 10 * SECOND, weather: CALM }
const SHORT_LOGS = { checkpointEntries: 5, tailEntries: 5, restingTailEntries: 5 }

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
    ...QUICK,
    kind: 'static',
    machines: 3,
    workloads: ['registers'],
    clientsPerWorkload: 6,
    faults: NO_FAULTS,
    engine: { callUs: 500, slowCallChance: 0.05 },
  },
  transactions: {
    ...QUICK,
    machines: 1,
    workloads: ['transfers'],
    clientsPerWorkload: 5,
    faults: NO_FAULTS,
  },
  'engine-deaths': {
    ...QUICK,
    machines: 1,
    workloads: ['registers', 'once'],
    faults: { ...NO_FAULTS, engineDeathEveryUs: 0.3 * SECOND, killEveryUs: 2 * SECOND },
  },
  schema: {
    ...QUICK,
    kind: 'static',
    machines: 2,
    workloads: ['schema'],
    faults: NO_FAULTS,
  },
}

export function isFocus(name: string): name is Focus {
  return (FOCUSES as readonly string[]).includes(name)
}

export function focused(focus: Focus): (options: SystemOptions) => SystemOptions {
  return (options) => ({ ...options, ...CHANGES[focus] })
}
