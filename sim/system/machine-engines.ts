/**
 * The real engines of one process, in this thread: every call takes simulated time, calls of one engine follow one another as they do in
 * an engine's process, and none ends once the process is gone.
 *
 * What becomes of the SQLite files when a machine crashes:
 * - the process is killed: files are as SQLite left them, WAL included, whatever was in the middle of being done;
 * - the power fails: whatever SQLite did not sync may be lost, so a file may go back to the last checkpoint that the
 *   group was told about. The log must have the rest.
 */

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import type { Engine, EngineOpener, EngineOptions, AppliedState } from '../../src/engine/engine.ts'
import { EngineEndedError } from '../../src/engine/engine-ended.ts'
import type { FarEngine } from '../../src/engine/far-engine.ts'
import { LocalEngine } from '../../src/engine/local-engine.ts'
import { readAppliedState } from '../../src/engine/snapshot.ts'
import { SplitEngine } from '../../src/engine/split-engine.ts'
import type { Random } from '../random.ts'
import type { Release } from './release.ts'
import { engineOf } from './release.ts'
import type { Process, World } from './world.ts'

interface FileImage {
  readonly main: Uint8Array | null
  readonly wal: Uint8Array | null
}

/** What a file is certain to have after a power cut. */
interface DurableImage extends FileImage {
  /** The file that it is of: another one of the same name was put there whole and synced. */
  readonly inode: number
}

const WAL = '-wal'

function imageOf(path: string): FileImage {
  return { main: bytesOf(path), wal: bytesOf(path + WAL) }
}

function bytesOf(path: string): Uint8Array | null {
  return existsSync(path) ? readFileSync(path) : null
}

function restore(path: string, { main, wal }: FileImage): void {
  rmSync(`${path}-shm`, { force: true })
  for (const [name, bytes] of [
    [path, main],
    [path + WAL, wal],
  ] as const) {
    if (bytes === null) rmSync(name, { force: true })
    else writeFileSync(name, bytes)
  }
}

function inodeOf(path: string): number {
  return existsSync(path) ? statSync(path).ino : 0
}

/** The durable content of a machine's SQLite files; it outlives processes. */
export class SqliteFiles {
  readonly #durable = new Map<string, DurableImage>()

  /** Before an engine opens it: a file that is not there is lost in a power cut until its first checkpoint. */
  opening(path: string): boolean {
    return !existsSync(path)
  }

  created(path: string): void {
    this.#durable.set(path, { inode: inodeOf(path), main: null, wal: null })
  }

  checkpointed(path: string): void {
    this.#durable.set(path, { inode: inodeOf(path), ...imageOf(path) })
  }

  /** Some files keep everything, the others go back to what is certain. */
  losePower(random: Random): void {
    for (const [path, image] of this.#durable) {
      const isSame = image.inode === inodeOf(path)
      if (isSame && random.chance(0.7)) restore(path, image)
    }
  }
}

export interface EngineTrouble {
  /** Of a call; with a rare one that takes a hundred times as long. */
  readonly callUs: number
  readonly slowCallChance: number
}

export class MachineEngines {
  readonly #world: World
  readonly #process: Process
  readonly #files: SqliteFiles
  readonly #trouble: EngineTrouble
  readonly #random: Random
  readonly #release: Release
  readonly #open = new Set<SlowEngine>()
  /** Those with a near connection. */
  readonly #splits = new Set<SplitEngine>()

  constructor(
    world: World,
    process: Process,
    parts: { files: SqliteFiles; trouble: EngineTrouble; random: Random; release: Release },
  ) {
    this.#world = world
    this.#process = process
    this.#files = parts.files
    this.#trouble = parts.trouble
    this.#random = parts.random
    this.#release = parts.release
  }

  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    await this.#pass()
    const isNew = this.#files.opening(options.dataFile)
    const local = await LocalEngine.open(options)
    if (isNew) this.#files.created(options.dataFile)
    const engine = new SlowEngine(options.dataFile, local, this.#files, {
      pass: () => this.#pass(),
      closed: () => this.#open.delete(engine),
    })
    this.#open.add(engine)
    // As in `EnginePool`, with a second connection in the member's own process for what is quick.
    if (isCatalog(engine)) return engineOf(this.#release, engine)
    const split: SplitEngine = new SplitEngine(engine, {
      engine: options,
      nowMs: () => this.#world.nowUs / 1_000,
      takePlace: () => this.#splits.size < NEAR_ENGINES_MAX && this.#splits.add(split) === this.#splits,
      leavePlace: () => this.#splits.delete(split),
    })
    return engineOf(this.#release, split)
  }

  /** The files that engines have open now. */
  get paths(): readonly string[] {
    return [...this.#open].map((engine) => engine.dataFile)
  }

  /** The engines' own process dies, and takes their open transactions along. The catalog's engine runs in the member's process. */
  killProcesses(): void {
    for (const engine of this.#open) if (!isCatalog(engine)) engine.die()
  }

  /** The member's process is killed; `closeOthers` closes the connections of its readers. The files stay as they are. */
  kill(closeOthers: () => void): void {
    const images = new Map(this.paths.map((path) => [path, imageOf(path)]))
    for (const split of this.#splits) split.closeNear()
    for (const engine of this.#open) engine.die()
    closeOthers()
    for (const [path, image] of images) restore(path, image)
  }

  async #pass(): Promise<void> {
    const { callUs, slowCallChance } = this.#trouble
    const times = this.#random.chance(slowCallChance) ? SLOW_CALL_TIMES : 1
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#world.after(this.#process, callUs * this.#random.between(0.5, 1.5) * times, resolve)
    await promise
  }
}

const SLOW_CALL_TIMES = 100

/** Few, so that some databases have none. */
const NEAR_ENGINES_MAX = 3

function isCatalog({ dataFile }: SlowEngine): boolean {
  return dataFile.includes('/_catalog.')
}

interface SlowEngineEvents {
  readonly pass: () => Promise<void>
  readonly closed: () => void
}

class SlowEngine implements FarEngine {
  readonly dataFile: string
  readonly #local: LocalEngine
  readonly #files: SqliteFiles
  readonly #events: SlowEngineEvents
  #last: Promise<unknown> = Promise.resolve()
  #isDead = false

  constructor(dataFile: string, local: LocalEngine, files: SqliteFiles, events: SlowEngineEvents) {
    this.dataFile = dataFile
    this.#local = local
    this.#files = files
    this.#events = events
  }

  get applied(): AppliedState {
    return this.#local.applied
  }

  get structure(): number {
    return this.#local.structure
  }

  refresh: FarEngine['refresh'] = () => this.#call(() => this.#local.refresh())

  judge: FarEngine['judge'] = (sql) => this.#call(() => this.#local.judge(sql))

  tend: FarEngine['tend'] = (mayRestart) => this.#call(() => this.#local.tend(mayRestart))

  executeBatch: Engine['executeBatch'] = (requests, stamp) =>
    this.#call(() => this.#local.executeBatch(requests, stamp))

  begin: Engine['begin'] = (request) => this.#call(() => this.#local.begin(request))

  execute: Engine['execute'] = (statement, sizeMax) =>
    this.#call(() => this.#local.execute(statement, sizeMax))

  describe: Engine['describe'] = (sql) => this.#call(() => this.#local.describe(sql))

  prepareCommit: Engine['prepareCommit'] = () => this.#call(() => this.#local.prepareCommit())

  commit: Engine['commit'] = (term, index) => this.#call(() => this.#local.commit(term, index))

  rollback: Engine['rollback'] = () => this.#call(() => this.#local.rollback())

  replay: Engine['replay'] = (entries) => this.#call(() => this.#local.replay(entries))

  checkpoint: Engine['checkpoint'] = () =>
    this.#call(async () => {
      const applied = await this.#local.checkpoint()
      this.#files.checkpointed(this.dataFile)
      return applied
    })

  /** Page by page as the real one, but in one go: SQLite's backup runs on a thread that no seed decides about. */
  snapshot: Engine['snapshot'] = (path) =>
    this.#call(async () => {
      copyPages(this.dataFile, path)
      return readAppliedState(path)
    })

  contentDigest: Engine['contentDigest'] = () => this.#call(() => this.#local.contentDigest())

  close(): Promise<void> {
    return this.#call(async () => {
      this.#isDead = true
      this.#events.closed()
      await this.#local.close()
    })
  }

  /** Without waiting for anything; what waits is rejected when its time comes. */
  die(): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#events.closed()
    void this.#local.close()
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      await this.#events.pass()
      if (this.#isDead) throw new EngineEndedError('bystander', 'The process of this engine has ended.')
      return call()
    })
    this.#last = result.catch(() => {})
    return result
  }
}

function copyPages(from: string, to: string): void {
  const source = new DatabaseSync(from, { readOnly: true })
  try {
    writeFileSync(to, source.serialize(), { flag: 'wx' })
  } finally {
    source.close()
  }
}
