/** All workloads, in the order in which they are shown. */

import type { Workload } from '../workload.ts'
import { BANK } from './bank.ts'
import { DURABLE_INSERTS } from './durable-inserts.ts'
import { FORUM } from './forum.ts'
import { PGBENCH } from './pgbench.ts'
import { POINT_READS } from './point-reads.ts'
import { TPCC } from './tpcc.ts'
import { YCSB } from './ycsb.ts'

export const WORKLOADS: readonly Workload[] = [
  POINT_READS,
  DURABLE_INSERTS,
  ...YCSB,
  TPCC,
  FORUM,
  BANK,
  ...PGBENCH,
]

export function workloadNamed(name: string): Workload | undefined {
  return WORKLOADS.find((workload) => workload.name === name)
}
