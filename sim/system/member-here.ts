/** What the harness needs of a member: a directory of databases for the gateway, and signs of life. `Member` has it by structure. */

import type { HarmonyError } from '../../src/base/errors.ts'
import type { TransportStatistics } from '../../src/cluster/transport/peer-transport.ts'
import type { DatabaseDirectory } from '../../src/gateway/core.ts'
import type { JournalStats } from '../../src/journal/journal.ts'

/** Of one group on this member. */
export interface GroupView {
  readonly group: number
  readonly database: string
  readonly baseIndex: number
  readonly appliedIndex: number
  readonly commitIndex: number
  readonly failure: string | null
  readonly openTransactions: number
  readonly waitingTransactions: number
}

/** What it says of itself; without a catalog only of its databases. */
export interface MemberView {
  readonly databases: readonly GroupView[]
  readonly journal?: Pick<JournalStats, 'pendingBytes' | 'pendingMs' | 'cacheBytes'>
  readonly transport?: Pick<TransportStatistics, 'links' | 'inbound'> | null
  readonly routing?: { readonly heldTransactions: number }
}

/** The replica of a database on this member. */
export interface ReplicaHere {
  readonly isLeading: boolean
  transferLeadership(member: number): unknown
}

export interface MemberHere extends DatabaseDirectory {
  /** Its number in the cluster. */
  readonly number: number
  /** Null where there is none. */
  replica(database: string): ReplicaHere | null
  /** What operators do. Not there without a catalog. */
  addMember?(peerAddress: string, role: 'voter' | 'learner'): Promise<number>
  removeMember?(member: number): Promise<void>
  promoteMember?(member: number): Promise<void>
  /** Resolves when the member can't write any more until it is started again. */
  readonly failed: Promise<HarmonyError>
  stats(): MemberView
  /** For the message of a run that did not come to rest. */
  clusterState?(): unknown
  close(): Promise<void>
}
