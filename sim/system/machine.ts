/**
 * A machine: a data folder on a disk, and the member that runs on it from time to time. Its gateway is real, its readers are real, and so
 * is everything below; what is simulated comes in through Clock, Random, Disk, Network and the opener of engines.
 *
 *           start ───▶ starting ───▶ up ──stop──▶ stopping ──▶ down
 *             ▲            └── crash ─┴── crash ───────┴────────▶ │
 *             └───────────────────────────────────────────────────┘
 */

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { HarmonyError } from '../../src/base/errors.ts'
import { GROUP_DEFAULTS } from '../../src/group/limits.ts'
import { MemoryDisk } from '../../src/host/memory-disk.ts'
import type { MemoryNetwork } from '../../src/host/network-memory.ts'
import { SeededRandom } from '../../src/host/random.ts'
import { GATEWAY_DEFAULTS } from '../../src/gateway/configuration.ts'
import { LocalGateway } from '../../src/gateway/local-gateway.ts'
import type { Session } from '../../src/gateway/session.ts'
import type { Random } from '../random.ts'
import { WriterLocks } from './engine-child.ts'
import type { EngineProcessHere } from './engine-child.ts'
import { corruptFile, damageJournal, divergeFile } from './losses.ts'
import type { LossKind } from './losses.ts'
import { MachineClock } from './machine-clock.ts'
import { MachineDisk, SOUND_DISK } from './machine-disk.ts'
import type { DiskTrouble } from './machine-disk.ts'
import { MachineEngines } from './machine-engines.ts'
import { MachineNetwork } from './machine-network.ts'
import { MachineReaders } from './machine-readers.ts'
import type { MemberHere } from './member-here.ts'
import { DATABASE, openMember } from './open-member.ts'
import type { SystemOptions } from './options.ts'
import type { ReplicaFile } from './final-state.ts'
import { MachinePostgres } from './postgres/machine-postgres.ts'
import type { ClientEnd } from './postgres/memory-socket.ts'
import type { ServerEnd } from './postgres/wire.ts'
import { RealFiles } from './real-files.ts'
import type { Release } from './release.ts'
import { TODAY, isNextSegment } from './release.ts'
import { closeAsKilled, SqliteFiles } from './sqlite-files.ts'
import { Process } from './world.ts'
import type { World } from './world.ts'

const DATA_FILE = /^(.*)\.(\d+)\.sqlite$/

/** What a group tells when it finds that its file can't become what the log says. */
const DAMAGE_EVENT = 'A replica is damaged'

/** `kill-member`: its processes of engines may live on for a moment. */
export type CrashKind = 'kill' | 'kill-member' | 'power-cut'

/** What exists from the start of a process to its end. */
interface Life {
  readonly process: Process
  readonly clock: MachineClock
  readonly engines: MachineEngines
  readonly readers: MachineReaders
  readonly network: MachineNetwork
  member: MemberHere | null
  gateway: LocalGateway | null
  postgres: MachinePostgres | null
  isStopping: boolean
}

export class Machine {
  readonly number: number
  readonly host: string
  readonly folder: string
  readonly trouble: DiskTrouble = { ...SOUND_DISK }
  readonly #world: World
  readonly #options: SystemOptions
  readonly #machines: () => readonly Machine[]
  readonly #network: MemoryNetwork
  readonly #random: Random
  readonly #real = new RealFiles()
  readonly #files = new SqliteFiles()
  readonly #locks = new WriterLocks()
  /** Processes of engines whose member is gone. */
  readonly #outliving = new Set<EngineProcessHere>()
  #memory = new MemoryDisk()
  #life: Life | null = null
  #lives = 0
  #damagedCount = 0
  /** Called when the process ends. */
  readonly #onEnd = new Set<() => void>()
  /** Which version of the program starts here next. */
  release: Release = TODAY
  /** Why it did not start, or stopped by itself; null while it runs. */
  lastProblem: Error | null = null

  constructor(
    world: World,
    parts: {
      number: number
      folder: string
      options: SystemOptions
      network: MemoryNetwork
      random: Random
      machines: () => readonly Machine[]
    },
  ) {
    this.#world = world
    this.number = parts.number
    this.host = `machine-${parts.number}`
    this.folder = parts.folder
    this.#options = parts.options
    this.#network = parts.network
    this.#random = parts.random
    this.#machines = parts.machines
    mkdirSync(parts.folder, { recursive: true })
  }

  get isRunning(): boolean {
    return this.#life !== null
  }

  /** Serves clients. */
  get isUp(): boolean {
    const life = this.#life
    return life !== null && life.gateway !== null && !life.isStopping
  }

  /** How often its process has started. */
  get lives(): number {
    return this.#lives
  }

  /** How often a replica here was found to differ from the log, or not to be readable. */
  get damagedCount(): number {
    return this.#damagedCount
  }

  get isStopping(): boolean {
    return this.#life?.isStopping ?? false
  }

  get isPaused(): boolean {
    return this.#life?.process.isPaused ?? false
  }

  /** The database that most workloads use. */
  get leads(): boolean {
    return this.member?.replica(DATABASE)?.isLeading ?? false
  }

  get member(): MemberHere | null {
    return this.#life?.member ?? null
  }

  /** Begins to start the member; nothing if it runs. */
  start(): void {
    if (this.#life !== null) return
    this.#lives += 1
    const life = this.#newLife(`life ${this.#lives}`)
    this.#life = life
    this.lastProblem = null
    this.#note('start', this.release.name)
    life.process.run(() => {
      this.#open(life).catch((error: unknown) => this.#didNotStart(life, error))
    })
  }

  /** The process is gone at once; with a power cut, what its disk had not synced may be gone too. */
  crash(kind: CrashKind): void {
    if (kind !== 'kill-member') for (const child of this.#outliving) this.#endOutliving(child)
    const life = this.#life
    if (life === null) return
    this.#note('crash', kind)
    this.#endLife(life, kind === 'kill-member' ? this.#random.fork(`outliving ${this.#lives}`) : null)
    if (kind !== 'power-cut') return
    const random = this.#random.fork(`power cut ${this.#lives}`)
    this.#memory = this.#memory.crash(new SeededRandom(BigInt(random.uint32())))
    this.#real.losePower(random)
    this.#files.losePower(random)
  }

  /** What should not happen to a disk happens to that of a machine whose process is gone. */
  lose(kind: LossKind): void {
    this.crash('kill')
    this.#note('fault', `its disk: ${kind}`)
    const random = this.#random.fork(`loss ${this.#lives}`)
    if (kind === 'wipe') {
      this.#memory = new MemoryDisk()
      rmSync(`${this.folder}/databases`, { recursive: true, force: true })
    }
    if (kind === 'damage') damageJournal(this.#memory, random)
    if (kind === 'corrupt') corruptFile(this.replicaFiles(), DATABASE, random)
    if (kind === 'diverge') divergeFile(this.replicaFiles(), DATABASE, random)
  }

  /** Whether its journal has what only a later version reads. */
  get hasNextFormat(): boolean {
    return this.#memory.paths().some((path) => isNextSegment(path, this.#memory.bytesOf(path)))
  }

  /** Asks the member to stop, as SIGTERM does. */
  stop(): void {
    const life = this.#life
    if (life === null || life.member === null || life.isStopping) return
    this.#note('pause', 'stopping')
    life.isStopping = true
    const { member, gateway } = life
    life.process.run(() => {
      this.#close(life, gateway, member).then(
        () => this.#endLife(life),
        (error: unknown) => this.#world.fail(error),
      )
    })
  }

  pause(): void {
    this.#life?.process.pause()
    this.#network.stall(this.host)
  }

  resume(): void {
    this.#network.unstall(this.host)
    this.#life?.process.resume()
  }

  jumpClock(byMs: number): void {
    this.#life?.clock.jump(byMs)
  }

  killEngines(random: Random): void {
    this.#life?.engines.killProcesses(random)
  }

  /** Some of its processes of engines stand still, until the function that is returned is called. */
  pauseEngines(random: Random): () => void {
    return this.#life?.engines.pauseProcesses(random) ?? (() => {})
  }

  /** Does `work` as the machine's process. Nothing comes of it if the process ends meanwhile: `onEnd` tells. */
  run(work: () => void): void {
    this.#life?.process.run(work)
  }

  /** A session of this machine's gateway. Rejects as it does; must be called inside `run`. */
  openSession(database: string): Promise<Session> {
    const gateway = this.#life?.gateway
    if (gateway === null || gateway === undefined)
      return Promise.reject(new HarmonyError('SHUTTING_DOWN', 'The member does not run.'))
    return gateway.openSession(database, { access: 'read-write', databases: null })
  }

  /** Serves a client that speaks the PostgreSQL protocol. Must be called inside `run`. */
  connectPostgres(client: ClientEnd): ServerEnd {
    const life = this.#life
    const socket = life?.postgres?.accept(client)
    if (life === null || socket === undefined)
      throw new HarmonyError('SHUTTING_DOWN', 'The member does not run.')
    return {
      arrive: (bytes) => life.process.run(() => socket.arrive(bytes)),
      hangUp: () => life.process.run(() => socket.hangUp()),
    }
  }

  /** Calls `listener` when the process ends; returns a function that stops it. */
  onEnd(listener: () => void): () => void {
    this.#onEnd.add(listener)
    return () => void this.#onEnd.delete(listener)
  }

  /** The SQLite files of its databases. */
  replicaFiles(): ReplicaFile[] {
    const folder = `${this.folder}/databases`
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .sort()
      .flatMap((name) => {
        const [, database, group] = DATA_FILE.exec(name) ?? []
        return database === undefined
          ? []
          : [{ machine: this.number, database, group: Number(group), dataFile: `${folder}/${name}` }]
      })
  }

  /** For the message of a run that did not come to rest. */
  describe(): string {
    const state = this.isUp ? 'up' : this.isRunning ? 'starting or stopping' : 'down'
    const groups = this.member?.stats().databases ?? []
    const places = groups.map(
      ({ database, baseIndex, appliedIndex, commitIndex, failure }) =>
        `${database} ${baseIndex}/${appliedIndex}/${commitIndex}${failure === null ? '' : ` (${failure})`}`,
    )
    const consensus = JSON.stringify(this.member?.clusterState?.() ?? null)
    return [state, consensus, this.lastProblem?.message, ...places]
      .filter((part) => part !== undefined)
      .join(', ')
  }

  #newLife(label: string): Life {
    const world = this.#world
    const random = this.#random.fork(label)
    const process = new Process(world, this.number)
    const { clockDrift, engine } = this.#options
    const rate = 1 + random.between(-clockDrift, clockDrift)
    return {
      process,
      clock: new MachineClock(world, process, rate, random.integer(0, 1_000_000)),
      engines: new MachineEngines(world, process, {
        files: this.#files,
        locks: this.#locks,
        trouble: engine,
        limits: { ...GROUP_DEFAULTS, ...this.#options.limits },
        random: random.fork('engines'),
        release: this.release,
      }),
      readers: new MachineReaders(),
      network: new MachineNetwork(this.#network.of(this.host), process),
      member: null,
      gateway: null,
      postgres: null,
      isStopping: false,
    }
  }

  async #open(life: Life): Promise<void> {
    const random = this.#random.fork(`disk ${this.#lives}`)
    const disk = new MachineDisk(this.#world, life.process, {
      memory: this.#memory,
      real: this.#real,
      speed: this.#options.disk,
      trouble: this.trouble,
      random,
      release: this.release,
    })
    const member = await openMember({
      machine: this,
      machines: this.#machines(),
      options: this.#options,
      folder: this.folder,
      disk,
      clock: life.clock,
      random: new SeededRandom(BigInt(random.fork('member').uint32())),
      openEngine: life.engines.open,
      network: life.network,
      log: (event) => this.#tell(event),
    })
    life.member = member
    life.gateway = new LocalGateway({ directory: member, readers: life.readers })
    life.postgres = new MachinePostgres(life.gateway, this.number)
    this.#note('restart', 'is up')
    // What a supervisor does with a member that ends by itself.
    this.lastProblem = await member.failed
    this.crash('kill')
  }

  async #close({ engines, postgres }: Life, gateway: LocalGateway | null, member: MemberHere): Promise<void> {
    await postgres?.drain(GATEWAY_DEFAULTS.drainTimeoutMs)
    await gateway?.close()
    await member.close()
    await engines.stop()
  }

  #didNotStart(life: Life, error: unknown): void {
    this.lastProblem = error instanceof Error ? error : new Error(String(error))
    this.#note('fault', `did not start: ${this.lastProblem.message}`)
    if (!(error instanceof HarmonyError) || error.code === 'INTERNAL') this.#world.fail(error)
    this.#endLife(life)
  }

  #endLife(life: Life, outliving: Random | null = null): void {
    if (this.#life !== life) return
    this.#life = null
    life.process.end()
    for (const child of life.engines.kill(() => life.readers.closeAll(), outliving)) {
      this.#outliving.add(child)
      child.outlive(() => this.#endOutliving(child))
    }
    this.#real.closeAll()
    life.network.end()
    this.#network.unstall(this.host)
    this.#note('destroy', 'process ended')
    for (const listener of this.#onEnd) listener()
    this.#onEnd.clear()
  }

  #endOutliving(child: EngineProcessHere): void {
    if (!this.#outliving.delete(child)) return
    // The next member may have connections of its own: then this one's is not the last.
    if (this.#life === null) closeAsKilled(child.paths, () => child.die())
    else child.die()
  }

  #tell(event: string): void {
    if (event.startsWith(DAMAGE_EVENT)) this.#damagedCount++
    this.#note('phase', event)
  }

  #note(kind: Parameters<World['note']>[0], text: string = ''): void {
    this.#world.note(kind, this.number, 0, this.#lives, () => text)
  }
}
