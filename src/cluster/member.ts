/**
 * A running member: a data folder, its journal, its databases. Implements `DatabaseDirectory` of the gateway by structure. DESIGN.md
 * beside this file has the layout of the folder and the steps of create and drop.
 */

import { HarmonyError } from '../base/errors.ts'
import { must } from '../base/assert.ts'
import type { Clock, Timer } from '../host/clock.ts'
import { SystemClock } from '../host/clock.ts'
import type { Disk } from '../host/disk.ts'
import type { FolderLock } from '../host/folder-lock.ts'
import { lockFolder } from '../host/folder-lock.ts'
import type { Random } from '../host/random.ts'
import { SystemRandom } from '../host/random.ts'
import { SystemDisk } from '../host/system-disk.ts'
import type { DatabaseGroup, GroupStats } from '../group/database-group.ts'
import type { EngineEndedError } from '../group/engines.ts'
import { EnginePool, openEngineHere, WRITER_LOCK_SUFFIX } from '../group/engines.ts'
import type { EngineOpener, GroupHostOptions, JournalStats } from '../group/group-host.ts'
import { GroupHost } from '../group/group-host.ts'
import { GROUP_DEFAULTS } from '../group/limits.ts'
import { CATALOG_GROUP, CATALOG_NAME, Catalog, databaseExists } from './catalog.ts'
import type { CatalogRow } from './catalog.ts'
import { DataFolder } from './data-folder.ts'
import { checkDatabaseName } from './database-name.ts'

export interface MemberOptions {
  /** The data folder; made if missing. */
  readonly folder: string
  /** How engines are opened. Default: in processes of the member's own. */
  readonly openEngine?: EngineOpener
  /** Called when a process of engines has ended that nobody stopped. Its databases are opened again. */
  readonly onEngineEnd?: (error: EngineEndedError) => void
  /** Of one statement on the writer. Default 30 s. */
  readonly statementTimeoutMs?: number
  /** How long `close` waits for what runs; then it is stopped. Default 5 s. */
  readonly drainTimeoutMs?: number
  /** Databases that a new data folder begins with. Default: `default`. */
  readonly firstDatabases?: readonly string[]
  /** A database that was not used for so long gets its engine closed. Default 60 s. */
  readonly databaseIdleTimeMs?: number
  readonly limits?: GroupHostOptions['limits']
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
}

const IDLE_CHECK_INTERVAL_MS = 5_000
const DRAIN_TIMEOUT_MS = 5_000

export class Member {
  readonly #folder: DataFolder
  readonly #host: GroupHost
  readonly #engines: EnginePool | null
  readonly #catalog: Catalog
  readonly #catalogGroup: DatabaseGroup
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #databaseIdleTimeMs: number
  readonly #drainTimeoutMs: number
  readonly #databases = new Map<string, DatabaseGroup>()
  /** Creations and drops, one after another. */
  #changes: Promise<unknown> = Promise.resolve()
  #idleTimer: Timer | null = null
  #closing: Promise<void> | null = null

  /**
   * Opens the data folder and recovers. Rejects with DATA_LOCKED if another process has it, DATA_CORRUPT, FORMAT_TOO_NEW, DISK_FULL
   * or DISK_FAILED.
   */
  static async open(options: MemberOptions): Promise<Member> {
    const { disk = new SystemDisk(), clock = new SystemClock(), random = new SystemRandom() } = options
    const { lock = lockFolder, limits, journal, statementTimeoutMs } = options
    const folder = await DataFolder.open({ folder: options.folder, disk, clock, random, lock })
    const engines = options.openEngine === undefined ? startEngines(options) : null
    const openEngine = options.openEngine ?? enginesOf(must(engines))
    let host: GroupHost
    try {
      const { journalFolder } = folder
      host = await GroupHost.open({
        disk,
        clock,
        random,
        openEngine,
        journalFolder,
        ...(limits !== undefined && { limits }),
        ...(journal !== undefined && { journal }),
        ...(statementTimeoutMs !== undefined && { statementTimeoutMs }),
      })
    } catch (error) {
      await engines?.stop()
      folder.close()
      throw error
    }
    const member = new Member(options, { folder, host, engines, disk, clock })
    try {
      await member.#start(options.firstDatabases ?? ['default'])
      return member
    } catch (error) {
      await member.close()
      throw error
    }
  }

  private constructor(
    options: MemberOptions,
    parts: { folder: DataFolder; host: GroupHost; engines: EnginePool | null; disk: Disk; clock: Clock },
  ) {
    this.#folder = parts.folder
    this.#host = parts.host
    this.#engines = parts.engines
    this.#disk = parts.disk
    this.#clock = parts.clock
    this.#databaseIdleTimeMs = options.databaseIdleTimeMs ?? 60_000
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS
    this.#catalogGroup = this.#openGroup({ group: CATALOG_GROUP, name: CATALOG_NAME })
    this.#catalog = new Catalog(this.#catalogGroup)
  }

  /** Random; tells this member apart from others whatever its address is. */
  get id(): string {
    return this.#folder.format.member
  }

  /** Why this member can't write any more until it is started again; null while it can. */
  get failure(): HarmonyError | null {
    return this.#host.failure
  }

  /** Resolves when that has happened. The member still serves reads, but only a restart can make it whole. */
  get failed(): Promise<HarmonyError> {
    return this.#host.failed
  }

  /** Where the journal was cut at the start, because a crash had left a write unfinished; null if it was not. */
  get tornTail(): { readonly path: string; readonly offset: number } | null {
    return this.#host.tornTail
  }

  async list(): Promise<readonly DatabaseInfo[]> {
    const names = [...this.#databases.keys()].sort()
    return Promise.all(names.map((name) => this.#info(must(this.#databases.get(name)))))
  }

  /** Rejects with DATABASE_NOT_FOUND, or with why the database can't be used now. */
  async get(name: string): Promise<DatabaseGroup> {
    this.#checkRunning()
    const database = this.#databases.get(name)
    if (database === undefined) throw databaseNotFound(name)
    await database.wake()
    return database
  }

  /** Rejects with DATABASE_EXISTS or DATABASE_NAME_INVALID. */
  async create(name: string): Promise<void> {
    checkDatabaseName(name)
    await this.#change(async () => {
      if (this.#databases.has(name)) throw databaseExists(name)
      this.#add(await this.#catalog.insert(name))
    })
  }

  /** Deletes the database and its files. Its open transactions end with DATABASE_NOT_FOUND. Rejects with DATABASE_NOT_FOUND. */
  async drop(name: string): Promise<void> {
    await this.#change(async () => {
      const database = this.#databases.get(name)
      if (database === undefined) throw databaseNotFound(name)
      await this.#catalog.markDropping(database.group)
      this.#databases.delete(name)
      await this.#finishDrop(database)
    })
  }

  stats(): MemberStats {
    const groups = [this.#catalogGroup, ...this.#databases.values()]
    return { journal: this.#host.journalStats(), databases: groups.map((group) => group.stats()) }
  }

  /** The processes that hold its engines now. */
  get engineProcessIds(): readonly number[] {
    return this.#engines?.processIds ?? []
  }

  /** Stops what engines do, at once, and everything that needs them from now on: SHUTTING_DOWN. */
  async stopEngines(): Promise<void> {
    await this.#engines?.stop()
  }

  /** Finishes what was accepted, as far as its time goes, makes checkpoints, and lets go of the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #start(firstDatabases: readonly string[]): Promise<void> {
    for (const name of firstDatabases) checkDatabaseName(name)
    await this.#catalogGroup.wake()
    await this.#catalog.prepare(firstDatabases)
    for (const row of await this.#catalog.rows()) {
      if (row.state === 'open') this.#add(row)
      else await this.#finishDrop(this.#openGroup(row))
    }
    this.#watchIdle()
  }

  #openGroup({ group, name }: Pick<CatalogRow, 'group' | 'name'>): DatabaseGroup {
    return this.#host.openGroup(group, name, this.#folder.dataFile(name, group))
  }

  #add(row: CatalogRow): void {
    this.#databases.set(row.name, this.#openGroup(row))
  }

  async #finishDrop(database: DatabaseGroup): Promise<void> {
    await database.drop()
    for (const suffix of ['', '-wal', '-shm', '-journal', WRITER_LOCK_SUFFIX])
      await this.#disk.remove(database.dataFile + suffix)
    await this.#catalog.delete(database.group)
  }

  async #info(database: DatabaseGroup): Promise<DatabaseInfo> {
    const files = [database.dataFile, `${database.dataFile}-wal`]
    const sizes = await Promise.all(files.map((path) => this.#disk.sizeBytesOf(path)))
    // A database that sleeps will have applied everything committed when it is woken.
    const appliedIndex = BigInt(database.commitIndex)
    return { name: database.name, appliedIndex, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) }
  }

  #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(() => {
      this.#checkRunning()
      return work()
    })
    this.#changes = change.catch(() => {})
    return change
  }

  #watchIdle(): void {
    this.#idleTimer = this.#clock.after(IDLE_CHECK_INTERVAL_MS, () => {
      void this.#restIdle().finally(() => {
        if (this.#closing === null) this.#watchIdle()
      })
    })
  }

  async #restIdle(): Promise<void> {
    const idle = [...this.#databases.values()].filter((one) => one.idleMs >= this.#databaseIdleTimeMs)
    for (const database of idle) await database.rest()
  }

  async #close(): Promise<void> {
    this.#idleTimer?.cancel()
    const drainTimer = this.#clock.after(this.#drainTimeoutMs, () => void this.stopEngines())
    await this.#changes
    await Promise.all([...this.#databases.values()].map((database) => database.close()))
    await this.#catalogGroup.close()
    drainTimer.cancel()
    await this.#host.close()
    await this.#engines?.stop()
    this.#folder.close()
  }

  #checkRunning(): void {
    if (this.#closing === null) return
    throw new HarmonyError('SHUTTING_DOWN', 'The member is stopping. Nothing was done; try again.')
  }
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

function databaseNotFound(name: string): HarmonyError {
  return new HarmonyError('DATABASE_NOT_FOUND', `There is no database ${JSON.stringify(name)}.`)
}
