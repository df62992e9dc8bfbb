/** What a member is made from, and what it shows of itself. */

import type { HarmonyError } from '../base/errors.ts'
import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { FolderLock } from '../host/folder-lock.ts'
import type { Random } from '../host/random.ts'
import type { GroupStats } from '../group/database-group.ts'
import type { EngineEndedError } from '../group/engines.ts'
import type { EngineOpener, GroupHostOptions, JournalStats } from '../group/group-host.ts'
import type { ClusterOptions } from './enter-cluster.ts'
import type { RoutingLimits } from './routing/limits.ts'
import type { RoutingStatistics } from './routing/routing.ts'
import type { TransportLog } from './transport/context.ts'
import type { TransportStatistics } from './transport/peer-transport.ts'

export interface MemberOptions {
  /** The data folder; made if missing. */
  readonly folder: string
  /** What people call this member. Default: its peer address, or `member`. */
  readonly name?: string
  /** How it is one of several. Default: it is alone, and nothing listens for peers. */
  readonly cluster?: ClusterOptions | null
  /** How engines are opened. Default: in processes of the member's own. */
  readonly openEngine?: EngineOpener
  /** Called when a process of engines has ended that nobody stopped. Its databases are opened again. */
  readonly onEngineEnd?: (error: EngineEndedError) => void
  /** What happens between members. Default: nobody hears of it. */
  readonly log?: TransportLog
  /** Gives up opening: a member may wait for others for long. */
  readonly signal?: AbortSignal
  /** Of one statement on the writer. Default 30 s. */
  readonly statementTimeoutMs?: number
  /** How long `close` waits for what runs; then it is stopped. Default 5 s. */
  readonly drainTimeoutMs?: number
  /** Databases that a new cluster begins with. Default: `default`. */
  readonly firstDatabases?: readonly string[]
  /** A database that was not used for so long gets its engine closed. Default 60 s. */
  readonly databaseIdleTimeMs?: number
  /** A member that was away gets its leaderships back after so long. Default 5 s. */
  readonly steadyAfterMs?: number
  readonly limits?: GroupHostOptions['limits']
  readonly routing?: Partial<RoutingLimits>
  readonly timing?: GroupHostOptions['timing']
  readonly journal?: GroupHostOptions['journal']
  /** The machine's, unless a simulator brings others. */
  readonly disk?: Disk
  readonly clock?: Clock
  readonly random?: Random
  readonly lock?: (folder: string) => FolderLock
}

export interface DatabaseInfo {
  readonly name: string
  readonly appliedIndex: bigint
  readonly sizeBytes: number
}

export interface MemberStats {
  readonly journal: JournalStats
  readonly databases: readonly GroupStats[]
  /** Null for a member without peers. */
  readonly transport: TransportStatistics | null
  readonly routing: RoutingStatistics
}

export type MemberFailure = HarmonyError
