/** What all groups of a member share: the journal, the engines, the clock. The layer above opens groups here and sees no file. */

import type { Clock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { Random } from '../host/random.ts'
import type { EngineOpener } from '../engine/engine.ts'
import type { JournalOptions, JournalStats } from '../journal/journal.ts'
import { Journal } from '../journal/journal.ts'
import { HarmonyError } from '../base/errors.ts'
import { DEFAULT_RAFT_CONFIG } from '../raft/config.ts'
import type { Message } from '../raft/message.ts'
import { STATEMENT_TIMEOUT_MS } from '../base/statement-timeout.ts'
import { DatabaseGroup } from './database-group.ts'
import type { GroupLimits } from './limits.ts'
import type { InitialMembers } from './group-start.ts'
import { initialConfigurationFor } from './group-start.ts'
import { GROUP_DEFAULTS } from './limits.ts'
import type { GroupEventLog } from './events.ts'
import type { GroupPeers, IncomingPeerCall, IncomingPeerStream, PeerStreamSink } from './peers.ts'
import { NO_PEERS } from './peers.ts'
import { RaftLog } from './raft-log.ts'
import type { RaftTiming } from './raft-timing.ts'
import { DEFAULT_TIMING } from './raft-timing.ts'
import { decodePull, decodeTransfer, groupOf } from './snapshot/copy-codec.ts'
import { PULL_CALL_KIND } from './snapshot/healing.ts'
import type { IncomingRecord } from './snapshot/incoming-record.ts'
import { settleLeftovers } from './snapshot/leftovers.ts'
import { Snapshots } from './snapshot/snapshots.ts'
import type { SnapshotMover, SnapshotHost } from './snapshot-mover.ts'
import { noSnapshots } from './snapshot-mover.ts'
import { Ticker } from './ticker.ts'

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
  /**
   * Where the SQLite files of all groups are: what the last life of the member left there is brought in order first. Default: no
   * snapshots are taken, sent or installed.
   */
  readonly databasesFolder?: string
  /** What happens to replicas that operators want to know. Default: nobody hears of it. */
  readonly log?: GroupEventLog
  /** A message came for a group that is not open here: the catalog may know more by now. Called at most once for each batch. */
  readonly onUnknownGroup?: (group: number, from: number) => void
  /** The group went on without this member: its replica and its files are gone. Whoever wants another one opens the group again. */
  readonly onRemoved?: (group: number) => void
  readonly limits?: Partial<GroupLimits>
  /** Of one statement on the writer. Default 30 s. */
  readonly statementTimeoutMs?: number
  readonly journal?: Partial<
    Pick<JournalOptions, 'segmentSizeBytes' | 'cacheSizeBytes' | 'segmentCountTarget'>
  >
}

interface OpenGroup {
  readonly group: DatabaseGroup
  readonly log: RaftLog
}

export class GroupHost {
  readonly #options: GroupHostOptions
  readonly #journal: Journal
  readonly #limits: GroupLimits
  readonly #timing: RaftTiming
  readonly #ticker: Ticker
  readonly #groups = new Map<number, OpenGroup>()
  /** Of copies that the last life of this member received, by data file; for the first opening of a group. */
  readonly #records: Map<string, IncomingRecord>
  /** Whether another member has been heard of: from then on, this one must not be silent while its disk takes its time. */
  readonly #company: { hasPeers: boolean }
  #isDiskStalled = false

  /** Rejects with DATA_CORRUPT, FORMAT_TOO_NEW, DISK_FULL or DISK_FAILED. */
  static async open(options: GroupHostOptions): Promise<GroupHost> {
    const { disk, clock, random, journalFolder, databasesFolder } = options
    const company = { hasPeers: false }
    const mayBlock = (): boolean => !company.hasPeers
    const folder = journalFolder
    const journal = await Journal.open({ ...options.journal, disk, clock, random, folder, mayBlock })
    const records = databasesFolder === undefined ? [] : await settleLeftovers(disk, databasesFolder)
    return new GroupHost(options, journal, company, new Map(records))
  }

  private constructor(
    options: GroupHostOptions,
    journal: Journal,
    company: { hasPeers: boolean },
    records: Map<string, IncomingRecord>,
  ) {
    this.#company = company
    this.#records = records
    this.#options = options
    this.#journal = journal
    this.#limits = { ...GROUP_DEFAULTS, ...options.limits }
    this.#timing = { ...DEFAULT_TIMING, ...options.timing }
    this.#ticker = new Ticker(options.clock, this.#timing.tickMs, () => this.#watchDisk())
    // Those with a write on its way hear from that first what became of it.
    void journal.failed.then((error) => options.clock.soon(() => this.#failed(error)))
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

  /** Groups whose clock ticks, and ticks so far over all of them: what idle groups cost. */
  get activity(): { readonly awakeGroups: number; readonly ticks: number } {
    return { awakeGroups: this.#ticker.awakeCount, ticks: this.#ticker.tickCount }
  }

  /** Raft messages of a member, in the order in which they came. Those for groups that are not open here are dropped. */
  receive(from: number, messages: readonly Message[]): void {
    this.#company.hasPeers = true
    const byGroup = Map.groupBy(
      messages.filter((message) => message.from === from),
      ({ group }) => group,
    )
    for (const [group, its] of byGroup) {
      const open = this.#groups.get(group)
      if (open === undefined) this.#options.onUnknownGroup?.(group, from)
      else open.log.receive(its)
    }
  }

  /** What is sent to this member gets there from now on. Whoever waits for the answer of a leader there asks again. */
  peerConnected(member: number): void {
    this.#company.hasPeers = true
    for (const { log } of this.#groups.values()) log.peerConnected(member)
  }

  /** Messages to this member are being lost. Sleeping groups that it leads wake up. */
  peerUnreachable(member: number): void {
    this.#company.hasPeers = true
    for (const { log } of this.#groups.values()) log.peerUnreachable(member)
  }

  /**
   * The group's engine is opened with the first use. `initial`: who takes part from the beginning, if this is known; null for a group that
   * a leader will tell this member about. It counts only while the journal has nothing of the group. Default: this member alone.
   * Throws DATA_CORRUPT or FORMAT_TOO_NEW if the log can't be read.
   */
  openGroup(group: number, name: string, dataFile: string, initial?: InitialMembers | null): DatabaseGroup {
    const { openEngine, disk, clock, random } = this.#options
    const log = this.#newLog(group, name, initial)
    const limits = this.#limits
    const database = new DatabaseGroup({
      group,
      name,
      dataFile,
      log,
      disk,
      openEngine,
      snapshots: (host) => this.#snapshotsOf(host),
      clock,
      random,
      limits,
      statementTimeoutMs: this.#options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
      onRemoved: (removed) => this.#options.onRemoved?.(removed.group),
      onGone: () => {
        if (this.#groups.get(group)?.log === log) this.#groups.delete(group)
      },
    })
    if (this.#journal.failure !== null) log.fail(this.#journal.failure)
    this.#groups.set(group, { group: database, log })
    return database
  }

  /** A stream of another member. Rejects with REQUEST_INVALID, NOT_LEADER, OVERLOADED or what the disk says. */
  async receiveStream(stream: IncomingPeerStream): Promise<PeerStreamSink> {
    const transfer = decodeTransfer(stream.description)
    return this.#groupOf(groupOf(transfer)).receiveCopy(stream, transfer)
  }

  /** A call of another member with one of the kinds of groups. Rejects with REQUEST_INVALID or NOT_LEADER. */
  async receiveCall({ from, kind, payload }: IncomingPeerCall): Promise<Uint8Array> {
    if (kind !== PULL_CALL_KIND)
      throw new HarmonyError('REQUEST_INVALID', `There is no call of kind ${kind}.`)
    const pull = decodePull(payload)
    return this.#groupOf(pull.group).pulled(from, pull)
  }

  journalStats(): JournalStats {
    return this.#journal.stats()
  }

  /** Groups must be closed before, which hands their leaderships over. */
  async close(): Promise<void> {
    this.#ticker.stop()
    await this.#journal.close()
  }

  #groupOf(group: number): DatabaseGroup {
    const open = this.#groups.get(group)
    if (open !== undefined) return open.group
    throw new HarmonyError(
      'NOT_LEADER',
      `The group ${group} is not open on this member. Nothing was done; try again.`,
    )
  }

  #snapshotsOf(host: SnapshotHost): SnapshotMover {
    const { databasesFolder, disk, clock, random, peers = NO_PEERS, log = () => {} } = this.#options
    if (databasesFolder === undefined) return noSnapshots(host)
    const record = this.#records.get(host.dataFile) ?? null
    this.#records.delete(host.dataFile)
    const lingerMs = this.#limits.snapshotLingerMs
    return new Snapshots({ host, disk, clock, random, peers, lingerMs, log, record })
  }

  #newLog(group: number, database: string, initial: InitialMembers | null | undefined): RaftLog {
    const { clock, random, member = 1, peers = NO_PEERS } = this.#options
    const { heartbeatTicks, electionTimeoutTicks, quiesceAfterTicks } = this.#timing
    const members = initial === undefined ? { voters: [member], learners: [] } : initial
    const config = { ...DEFAULT_RAFT_CONFIG, heartbeatTicks, electionTimeoutTicks, quiesceAfterTicks }
    return new RaftLog({
      group,
      database,
      member,
      log: this.#journal.group(group),
      initial: members === null ? null : initialConfigurationFor(member, members),
      config,
      clock,
      random,
      limits: this.#limits,
      send: (message) => peers.send(message),
      onActivity: (log) => this.#ticker.update(log),
    })
  }

  /**
   * A disk that takes longer for a write than followers wait for a leader must not lead: others would wait for it although they
   * could go on. Gives whether there is something to watch.
   */
  #watchDisk(): boolean {
    const { tickMs, electionTimeoutTicks } = this.#timing
    const isStalled = this.#journal.pendingMs > tickMs * electionTimeoutTicks
    if (isStalled !== this.#isDiskStalled) {
      this.#isDiskStalled = isStalled
      for (const { log } of this.#groups.values()) log.reportDisk(isStalled)
    }
    return isStalled
  }

  #failed(error: HarmonyError): void {
    for (const { log } of this.#groups.values()) log.fail(error)
  }
}
