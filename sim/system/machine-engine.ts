/** A real engine on a machine, in this thread: every call takes simulated time, and calls of one engine follow one another. */

import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { AppliedState, Engine, EngineOptions } from '../../src/engine/engine.ts'
import { EngineEndedError } from '../../src/engine/engine-ended.ts'
import type { ServedEngine } from '../../src/engine/engine-server.ts'
import type { FarEngine } from '../../src/engine/far-engine.ts'
import { LocalEngine } from '../../src/engine/local-engine.ts'
import { readAppliedState } from '../../src/engine/snapshot.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { SqliteFiles } from './sqlite-files.ts'

export interface EngineTrouble {
  /** Of a call; with a rare one that takes a hundred times as long. */
  readonly callUs: number
  /** Of a message to a process of engines, and of its answer; as rarely one takes ten times as long. */
  readonly wayUs: number
  readonly slowCallChance: number
}

const SLOW_CALL_TIMES = 100

export function callTimeUs({ callUs, slowCallChance }: EngineTrouble, random: Random): TimeUs {
  const times = random.chance(slowCallChance) ? SLOW_CALL_TIMES : 1
  return callUs * random.between(0.5, 1.5) * times
}

export class MachineEngine implements ServedEngine {
  readonly dataFile: string
  readonly #local: LocalEngine
  readonly #files: SqliteFiles
  readonly #pass: () => Promise<void>
  #last: Promise<unknown> = Promise.resolve()
  #isOpen = true

  /** `pass` resolves when the time of a call is over. */
  static async open(
    options: EngineOptions,
    files: SqliteFiles,
    pass: () => Promise<void>,
  ): Promise<MachineEngine> {
    await pass()
    const isNew = files.opening(options.dataFile)
    const local = await LocalEngine.open(options)
    if (isNew) files.created(options.dataFile)
    return new MachineEngine(options.dataFile, local, files, pass)
  }

  private constructor(dataFile: string, local: LocalEngine, files: SqliteFiles, pass: () => Promise<void>) {
    this.dataFile = dataFile
    this.#local = local
    this.#files = files
    this.#pass = pass
  }

  get isOpen(): boolean {
    return this.#isOpen
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

  /** For the upkeep of the WAL, between two calls. */
  rest(): boolean {
    return !this.#isOpen || this.#local.rest()
  }

  outcomesAt: NonNullable<Engine['outcomesAt']> = (index) => this.#local.outcomesAt(index)

  close(): Promise<void> {
    return this.#call(async () => {
      this.#isOpen = false
      await this.#local.close()
    })
  }

  /** Without waiting for anything: its process has ended. */
  die(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    void this.#local.close()
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      await this.#pass()
      if (!this.#isOpen) throw new EngineEndedError('bystander', 'The process of this engine has ended.')
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
