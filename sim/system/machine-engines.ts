/**
 * The engines of one member's process: the real pool of processes (`EnginePool`), with processes that are simulated (`engine-child.ts`), and with near
 * connections in the member itself. The catalog's engine runs in the member, as it does in a real one.
 */

import { CATALOG_NAME } from '../../src/cluster/catalog-schema.ts'
import type { Engine, EngineOpener, EngineOptions } from '../../src/engine/engine.ts'
import { SplitEngine } from '../../src/engine/split-engine.ts'
import { EnginePool } from '../../src/group/engines.ts'
import type { EnginePoolLimits } from '../../src/group/engines.ts'
import type { Random } from '../random.ts'
import { EngineProcessHere } from './engine-child.ts'
import type { WriterLocks } from './engine-child.ts'
import { callTimeUs, MachineEngine } from './machine-engine.ts'
import type { EngineTrouble } from './machine-engine.ts'
import { engineOf } from './release.ts'
import type { Release } from './release.ts'
import { closeAsKilled } from './sqlite-files.ts'
import type { SqliteFiles } from './sqlite-files.ts'
import type { Process, World } from './world.ts'

export interface MachineEnginesParts {
  readonly files: SqliteFiles
  readonly locks: WriterLocks
  readonly trouble: EngineTrouble
  readonly limits: EnginePoolLimits
  readonly random: Random
  readonly release: Release
}

/** Few, so that some databases have none. */
const NEAR_ENGINES_MAX = 3

/** Of those that are struck; at least one is. */
const STRUCK_CHANCE = 0.5

export class MachineEngines {
  readonly #world: World
  readonly #process: Process
  readonly #parts: MachineEnginesParts
  readonly #pool: EnginePool
  readonly #children = new Set<EngineProcessHere>()
  /** Those in the member's own process. */
  readonly #here = new Set<MachineEngine>()
  readonly #splits = new Set<SplitEngine>()
  #started = 0

  constructor(world: World, process: Process, parts: MachineEnginesParts) {
    this.#world = world
    this.#process = process
    this.#parts = parts
    this.#pool = new EnginePool(parts.limits, () => {}, {
      nearEnginesMax: NEAR_ENGINES_MAX,
      start: (_, events) => {
        const { files, locks, trouble, random } = parts
        const child: EngineProcessHere = new EngineProcessHere(
          {
            world,
            owner: process,
            files,
            locks,
            trouble,
            random: random.fork(`child ${this.#started++}`),
            ended: () => this.#children.delete(child),
          },
          events,
        )
        this.#children.add(child)
        return child
      },
    })
  }

  readonly open: EngineOpener = async (options: EngineOptions): Promise<Engine> => {
    const engine = await (options.database === CATALOG_NAME
      ? this.#openHere(options)
      : this.#pool.open(options))
    if (engine instanceof SplitEngine) this.#splits.add(engine)
    return engineOf(this.#parts.release, engine)
  }

  /** Some processes of engines die, and take their open transactions along. */
  killProcesses(random: Random): void {
    for (const child of this.#struck(random)) child.die()
  }

  /** Some stand still, until the function that is returned is called. */
  pauseProcesses(random: Random): () => void {
    const struck = this.#struck(random)
    for (const child of struck) child.pause()
    return () => {
      for (const child of struck) child.resume()
    }
  }

  /** The member stops in good order. */
  stop(): Promise<void> {
    return this.#pool.stop()
  }

  /**
   * The member's process is killed; `closeOthers` closes the connections of its readers. The files stay as they are. Gives those of its processes that
   * live on for a moment: by `random`, or none.
   */
  kill(closeOthers: () => void, random: Random | null): readonly EngineProcessHere[] {
    const outliving = random === null ? [] : [...this.#children].filter(() => random.chance(0.5))
    const dying = [...this.#children].filter((child) => !outliving.includes(child))
    const here = [...this.#here].filter(({ isOpen }) => isOpen).map(({ dataFile }) => dataFile)
    closeAsKilled([...here, ...dying.flatMap(({ paths }) => paths)], () => {
      for (const split of this.#splits) split.closeNear()
      for (const engine of this.#here) engine.die()
      for (const child of dying) child.die()
      closeOthers()
    })
    return outliving
  }

  #struck(random: Random): readonly EngineProcessHere[] {
    const children = [...this.#children]
    return children.filter((_, at) => random.chance(STRUCK_CHANCE) || at === children.length - 1)
  }

  async #openHere(options: EngineOptions): Promise<Engine> {
    const engine = await MachineEngine.open(options, this.#parts.files, () => this.#pass())
    this.#here.add(engine)
    return engine
  }

  async #pass(): Promise<void> {
    const { trouble, random } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#world.after(this.#process, callTimeUs(trouble, random), resolve)
    await promise
  }
}
