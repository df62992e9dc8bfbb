/**
 * A running member: a data folder, its journal, its databases, and its place in the cluster. Implements `DatabaseDirectory` of the gateway by
 * structure. DESIGN.md beside this file tells how members come, go and agree on what databases there are.
 */

import { must } from '../base/assert.ts'
import { HarmonyError, isRetryable } from '../base/errors.ts'
import type { Clock, Timer } from '../host/clock.ts'
import { sleep, SystemClock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import { lockFolder } from '../host/folder-lock.ts'
import type { NetworkAddress } from '../host/network.ts'
import type { Random } from '../host/random.ts'
import { SystemRandom } from '../host/random.ts'
import { SystemDisk } from '../host/system-disk.ts'
import type { DatabaseGroup } from '../group/database-group.ts'
import { EnginePool, openEngineHere } from '../group/engines.ts'
import type { EngineOpener } from '../group/group-host.ts'
import { GroupHost } from '../group/group-host.ts'
import { GROUP_DEFAULTS } from '../group/limits.ts'
import { Administration } from './administration.ts'
import { CATALOG_NAME } from './catalog-schema.ts'
import type { ClusterAdministration, ClusterState, MemberRole, TransferRequest } from './cluster-state.ts'
import { ClusterView } from './cluster-view.ts'
import { DataFolder } from './data-folder.ts'
import { checkDatabaseName } from './database-name.ts'
import type { OpenDatabase } from './databases.ts'
import type { Entry } from './enter-cluster.ts'
import { enterCluster, markLost } from './enter-cluster.ts'
import { canJoinAnew } from './lost-journal.ts'
import { Membership } from './membership.ts'
import type { DatabaseInfo, MemberOptions, MemberStats } from './member-parts.ts'
import type { Placement } from './placement.ts'
import type { RoutedDatabase } from './routing/routed-database.ts'
import type { TransportLog } from './transport/context.ts'

export type { DatabaseInfo, MemberOptions, MemberStats } from './member-parts.ts'

const IDLE_CHECK_INTERVAL_MS = 5_000
const DRAIN_TIMEOUT_MS = 5_000
const WAKE_TIMEOUT_MS = 10_000
const WAKE_RETRY_MS = 50
const CATALOG_TIMEOUT_MS = 10_000

interface Parts {
  readonly folder: DataFolder
  readonly entry: Entry
  readonly engines: EnginePool | null
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly log: TransportLog
}

export class Member implements ClusterAdministration {
  readonly #folder: DataFolder
  readonly #engines: EnginePool | null
  readonly #membership: Membership
  readonly #administration: Administration
  readonly #view: ClusterView
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #databaseIdleTimeMs: number
  readonly #drainTimeoutMs: number
  /** Creations and drops by this member's clients, one after another. */
  #changes: Promise<unknown> = Promise.resolve()
  #idleTimer: Timer | null = null
  #closing: Promise<void> | null = null

  /**
   * Opens the data folder, founds or joins a cluster if it belongs to none, and recovers. Rejects with DATA_LOCKED if another process has the
   * folder, MEMBERSHIP_REFUSED if the cluster does not take this member, DATA_CORRUPT, FORMAT_TOO_NEW, DISK_FULL or DISK_FAILED.
   */
  static async open(options: MemberOptions): Promise<Member> {
    const { disk = new SystemDisk(), clock = new SystemClock(), random = new SystemRandom() } = options
    const { lock = lockFolder, log = () => {}, signal = new AbortController().signal } = options
    for (const name of options.firstDatabases ?? []) checkDatabaseName(name)
    const folder = await DataFolder.open({ folder: options.folder, disk, clock, random, lock })
    const engines = options.openEngine === undefined ? startEngines(options) : null
    let member: Member | null = null
    try {
      const { name = '', cluster = null } = options
      const entering = { folder, disk, clock, random, log, name, cluster, signal }
      const entry = await enterCluster(entering)
      let parts: Parts = { folder, entry, engines, disk, clock, random, log }
      const membership = await openMembership(options, parts).catch(async (error: unknown) => {
        if (cluster === null || !canJoinAnew(error, entry.identity)) throw error
        log('warn', 'The journal is damaged', { reason: (error as Error).message })
        await markLost(entering, entry.identity)
        parts = { ...parts, entry: await enterCluster(entering) }
        return openMembership(options, parts)
      })
      member = new Member(options, parts, membership)
      await member.#membership.start()
      if (parts.entry.expected !== null) await member.#membership.untilFounded(parts.entry.expected)
      member.#watchIdle()
      return member
    } catch (error) {
      if (member !== null) await member.close()
      else {
        await engines?.stop()
        folder.close()
      }
      throw error
    }
  }

  private constructor(options: MemberOptions, parts: Parts, membership: Membership) {
    this.#folder = parts.folder
    this.#engines = parts.engines
    this.#disk = parts.disk
    this.#clock = parts.clock
    this.#membership = membership
    this.#view = new ClusterView(membership)
    this.#administration = new Administration(membership, parts.clock)
    this.#databaseIdleTimeMs = options.databaseIdleTimeMs ?? 60_000
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS
  }

  /** Its number in the cluster. */
  get number(): number {
    return this.#membership.self
  }

  /** Random; tells this member's data folder apart from others. */
  get id(): string {
    return this.#folder.format.member
  }

  /** Where peers reach it; null if it has none. */
  get peerAddress(): NetworkAddress | null {
    return this.#membership.listenAddress
  }

  /** Why this member can't go on until it is started again; null while it can. */
  get failure(): HarmonyError | null {
    return this.#membership.failure
  }

  /** Resolves when that has happened. The member still serves reads, but only a restart can make it whole. */
  get failed(): Promise<HarmonyError> {
    return this.#membership.failed
  }

  /** Where the journal was cut at the start, because a crash had left a write unfinished; null if it was not. */
  get tornTail(): { readonly path: string; readonly offset: number } | null {
    return this.#membership.host.tornTail
  }

  async list(): Promise<readonly DatabaseInfo[]> {
    const groups = this.#membership.databases.all().map(({ group }) => group)
    const infos = await Promise.all(groups.map((group) => this.#info(group)))
    return infos.toSorted((left, right) => (left.name < right.name ? -1 : 1))
  }

  /** Rejects with DATABASE_NOT_FOUND, or with why the database can't be used now. */
  async get(name: string): Promise<RoutedDatabase> {
    this.#checkRunning()
    const open = await this.#find(name)
    await this.#wake(open.group)
    return open.routed
  }

  /** The replica on this member, for what concerns this member alone. */
  replica(name: string): DatabaseGroup | null {
    return this.#membership.databases.get(name)?.group ?? null
  }

  /** Resolves when the database is made, and on this member if that is not too far behind. Rejects with DATABASE_EXISTS or DATABASE_NAME_INVALID. */
  async create(name: string): Promise<void> {
    checkDatabaseName(name)
    await this.#change(async () => {
      const { catalog, content } = this.#membership
      const place = (group: number): Placement => must(this.#membership.placementOf(group))
      const { index } = await catalog.createDatabase(name, content.lastGroup, place)
      await this.#membership.follow(index, CATALOG_TIMEOUT_MS)
    })
  }

  /** Deletes the database everywhere. Its open transactions end with DATABASE_NOT_FOUND. Rejects with DATABASE_NOT_FOUND. */
  async drop(name: string): Promise<void> {
    await this.#change(async () => {
      const { index } = await this.#membership.catalog.deleteDatabase(name)
      await this.#membership.follow(index, CATALOG_TIMEOUT_MS)
    })
  }

  /** Where clients reach this member, HOST:PORT, for the others and for operators. */
  setClientAddresses(addresses: { readonly http: string | null; readonly postgres: string | null }): void {
    this.#membership.setClientAddresses(addresses)
  }

  clusterState(): ClusterState {
    return this.#view.state()
  }

  addMember(peerAddress: string, role: MemberRole): Promise<number> {
    return this.#administer(() => this.#administration.add(peerAddress, role))
  }

  removeMember(member: number): Promise<void> {
    return this.#administer(() => this.#administration.remove(member))
  }

  promoteMember(member: number): Promise<void> {
    return this.#administer(() => this.#administration.promote(member))
  }

  transferLeadership(request: TransferRequest): Promise<number> {
    return this.#administer(() => this.#administration.transfer(request))
  }

  stats(): MemberStats {
    const { host, peers, routing } = this.#membership
    return {
      journal: host.journalStats(),
      databases: this.#groups().map((group) => group.stats()),
      transport: peers?.statistics() ?? null,
      routing: routing.statistics(),
    }
  }

  /** The processes that hold its engines now. */
  get engineProcessIds(): readonly number[] {
    return this.#engines?.processIds ?? []
  }

  /** Stops what engines do, at once, and everything that needs them from now on: SHUTTING_DOWN. */
  async stopEngines(): Promise<void> {
    await this.#engines?.stop()
  }

  /** Hands leaderships over, finishes what was accepted, as far as its time goes, makes checkpoints, and lets go of the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #groups(): DatabaseGroup[] {
    const { catalogGroup, databases } = this.#membership
    return [catalogGroup, ...databases.all().map(({ group }) => group)]
  }

  /** A replica that has just been made has no copy yet: it comes with the first messages of the leader. */
  async #wake(group: DatabaseGroup): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + WAKE_TIMEOUT_MS
    for (;;) {
      try {
        return await group.wake()
      } catch (error) {
        const isOver = this.#closing !== null || this.#clock.nowMs() >= deadlineMs
        if (isOver || !isRetryable(error)) throw error
        await sleep(this.#clock, WAKE_RETRY_MS)
      }
    }
  }

  async #info(database: DatabaseGroup): Promise<DatabaseInfo> {
    const files = [database.dataFile, `${database.dataFile}-wal`]
    const sizes = await Promise.all(files.map((path) => this.#disk.sizeBytesOf(path)))
    // A database that sleeps will have applied everything committed when it is woken.
    const appliedIndex = BigInt(database.commitIndex)
    return { name: database.name, appliedIndex, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) }
  }

  /** One that is not known here may have been created elsewhere a moment ago: only the newest catalog says that there is none. */
  async #find(name: string): Promise<OpenDatabase> {
    const { databases, catalogGroup } = this.#membership
    const known = databases.get(name)
    if (known !== undefined) return known
    await this.#membership.reach(await catalogGroup.readIndex(CATALOG_TIMEOUT_MS), CATALOG_TIMEOUT_MS)
    return databases.find(name, this.#membership.content.databases)
  }

  #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(() => {
      this.#checkRunning()
      return work()
    })
    this.#changes = change.catch(() => {})
    return change
  }

  async #administer<T>(work: () => Promise<T>): Promise<T> {
    this.#checkRunning()
    return work()
  }

  #watchIdle(): void {
    this.#idleTimer = this.#clock.after(IDLE_CHECK_INTERVAL_MS, () => {
      void this.#restIdle().finally(() => {
        if (this.#closing === null) this.#watchIdle()
      })
    })
  }

  async #restIdle(): Promise<void> {
    const groups = this.#membership.databases.all().map(({ group }) => group)
    for (const group of groups.filter(({ idleMs }) => idleMs >= this.#databaseIdleTimeMs)) await group.rest()
  }

  async #close(): Promise<void> {
    this.#idleTimer?.cancel()
    const drainTimer = this.#clock.after(this.#drainTimeoutMs, () => void this.stopEngines())
    await this.#changes
    await this.#membership.close(() => drainTimer.cancel())
    await this.#engines?.stop()
    this.#folder.close()
  }

  #checkRunning(): void {
    if (this.#closing === null) return
    throw new HarmonyError('SHUTTING_DOWN', 'The member is stopping. Nothing was done; try again.')
  }
}

async function openMembership(options: MemberOptions, parts: Parts): Promise<Membership> {
  const { folder, entry, engines, disk, clock, random, log } = parts
  const openEngine = options.openEngine ?? enginesOf(must(engines))
  const { limits, journal, timing, statementTimeoutMs, cluster = null } = options
  return Membership.open({
    folder,
    identity: entry.identity,
    listen: entry.listen,
    cluster,
    name: options.name ?? '',
    firstDatabases: options.firstDatabases ?? ['default'],
    steadyAfterMs: options.steadyAfterMs ?? 5_000,
    routing: options.routing ?? {},
    disk,
    clock,
    random,
    log,
    openHost: (wiring) =>
      GroupHost.open({
        ...wiring,
        disk,
        clock,
        random,
        openEngine,
        journalFolder: folder.journalFolder,
        databasesFolder: folder.databasesFolder,
        log,
        ...(limits !== undefined && { limits }),
        ...(journal !== undefined && { journal }),
        ...(timing !== undefined && { timing }),
        ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
      }),
  })
}

/** Started first, so that the process comes up while the journal is read. */
function startEngines({ limits, onEngineEnd }: MemberOptions): EnginePool {
  const engines = new EnginePool({ ...GROUP_DEFAULTS, ...limits }, onEngineEnd)
  engines.warm()
  return engines
}

/**
 * Clients' databases in processes, the catalog here: its few statements are this member's own and take no time, and a client's
 * endless statement can't hold up the creation of a database.
 */
function enginesOf(engines: EnginePool): EngineOpener {
  return (options) => (options.database === CATALOG_NAME ? openEngineHere(options) : engines.open(options))
}
