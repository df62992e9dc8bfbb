/** What all groups of a member share: the journal, the engines, the clock. The layer above opens groups here and sees no file. */

import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { Random } from '../host/random.ts'
import type { EngineOpener } from '../engine/engine.ts'
import type { JournalOptions, JournalStats } from '../journal/journal.ts'
import { Journal } from '../journal/journal.ts'
import type { HarmonyError } from '../base/errors.ts'
import type { Message } from '../raft/message.ts'
import { STATEMENT_TIMEOUT_MS } from '../base/statement-timeout.ts'
import { SingleMemberLog } from './commit-log.ts'
import { DatabaseGroup } from './database-group.ts'
import type { GroupLimits } from './limits.ts'
import type { InitialMembers } from './group-start.ts'
import { GROUP_DEFAULTS } from './limits.ts'
import type { GroupPeers } from './peers.ts'
import type { RaftTiming } from './raft-timing.ts'
import type { SnapshotMoverFactory } from './snapshot-mover.ts'

export type { JournalStats } from '../journal/journal.ts'
export type { EngineOpener } from '../engine/engine.ts'

export interface GroupHostOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly journalFolder: string
  readonly openEngine: EngineOpener
  /** This member's number in its cluster. Default 1. */
  readonly member?: number
  /** Default: none. */
  readonly peers?: GroupPeers
  readonly timing?: Partial<RaftTiming>
  /** Default: no snapshots are taken, sent or installed. */
  readonly snapshots?: SnapshotMoverFactory
  /** A message came for a group that is not open here: the catalog may know more by now. Called at most once for each batch. */
  readonly onUnknownGroup?: (group: number, from: number) => void
  readonly limits?: Partial<GroupLimits>
  /** Of one statement on the writer. Default 30 s. */
  readonly statementTimeoutMs?: number
  readonly journal?: Partial<
    Pick<JournalOptions, 'segmentSizeBytes' | 'cacheSizeBytes' | 'segmentCountTarget'>
  >
}

export class GroupHost {
  readonly #options: GroupHostOptions
  readonly #journal: Journal
  readonly #limits: GroupLimits

  /** Rejects with DATA_CORRUPT, FORMAT_TOO_NEW, DISK_FULL or DISK_FAILED. */
  static async open(options: GroupHostOptions): Promise<GroupHost> {
    const { disk, clock, random, journalFolder } = options
    const journal = await Journal.open({ ...options.journal, disk, clock, random, folder: journalFolder })
    return new GroupHost(options, journal)
  }

  private constructor(options: GroupHostOptions, journal: Journal) {
    this.#options = options
    this.#journal = journal
    this.#limits = { ...GROUP_DEFAULTS, ...options.limits }
  }

  /** Why nothing can be written any more, until the member is started again; null while it can. */
  get failure(): HarmonyError | null {
    return this.#journal.failure
  }

  /** Resolves when that has happened. */
  get failed(): Promise<HarmonyError> {
    return this.#journal.failed
  }

  /** Where the journal was cut when it was opened, because a crash had left a write unfinished; null if it was not. */
  get tornTail(): { readonly path: string; readonly offset: number } | null {
    return this.#journal.tornTail
  }

  /** Raft messages of a member, in the order in which they came. Those for groups that are not open here are dropped. */
  receive(_from: number, _messages: readonly Message[]): void {}

  /** What is sent to this member gets there from now on. */
  peerConnected(_member: number): void {}

  /** Messages to this member are being lost. Sleeping groups that it leads wake up. */
  peerUnreachable(_member: number): void {}

  /**
   * The group's engine is opened with the first use. `initial`: who takes part from the beginning, if this is known; null for a group that
   * a leader will tell this member about. It counts only while the journal has nothing of the group. Default: this member alone.
   */
  openGroup(group: number, name: string, dataFile: string, _initial?: InitialMembers | null): DatabaseGroup {
    const { openEngine, clock, random, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = this.#options
    const log = new SingleMemberLog(this.#journal.group(group))
    const limits = this.#limits
    return new DatabaseGroup({
      group,
      name,
      dataFile,
      log,
      openEngine,
      clock,
      random,
      limits,
      statementTimeoutMs,
    })
  }

  journalStats(): JournalStats {
    return this.#journal.stats()
  }

  /** Groups must be closed before. */
  async close(): Promise<void> {
    await this.#journal.close()
  }
}
