/** Bugs of the layers above the core, each put into a copy of the sources, where the whole system in the simulator, or a named test, must find it. */

import { CLUSTER_MUTANTS } from './cluster.ts'
import { ENGINE_MUTANTS } from './engine.ts'
import { GATEWAY_MUTANTS } from './gateway.ts'
import { GROUP_MUTANTS } from './group.ts'
import { JOURNAL_MUTANTS } from './journal.ts'
import { POSTGRES_MUTANTS } from './postgres.ts'
import { ROUTING_MUTANTS } from './routing.ts'
import { SNAPSHOT_MUTANTS } from './snapshots.ts'
import type { SystemMutant } from './system-mutant.ts'

export const SYSTEM_MUTANTS: readonly SystemMutant[] = [
  ...JOURNAL_MUTANTS,
  ...ENGINE_MUTANTS,
  ...GROUP_MUTANTS,
  ...SNAPSHOT_MUTANTS,
  ...CLUSTER_MUTANTS,
  ...ROUTING_MUTANTS,
  ...GATEWAY_MUTANTS,
  ...POSTGRES_MUTANTS,
]
