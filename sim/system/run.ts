/**
 * One run of the whole system, from a seed to a verdict: first faults under load; then the faults stop, and the system must serve
 * everybody again within a bound, come to rest, and have lost nothing.
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { MemoryNetwork } from '../../src/host/network-memory.ts'
import { SeededRandom } from '../../src/host/random.ts'
import { HarmonyError } from '../../src/base/errors.ts'
import { loadParser } from '../../src/protocols/postgres/dialect/parse.ts'
import { Violation } from '../checkers/checker.ts'
import { SECOND } from '../event-queue.ts'
import { Random } from '../random.ts'
import { Client, run as runStatement } from './client.ts'
import { Faults } from './faults.ts'
import { checkReplicas, contentOf } from './final-state.ts'
import { leftoversOf } from './leftovers.ts'
import { Machine } from './machine.ts'
import { NetworkFaults } from './network-faults.ts'
import { DATABASE, areAtRest, lastCommitIndex, orphanFiles, wakeDatabases } from './open-member.ts'
import { Operators } from './operators.ts'
import { drawOptions } from './options.ts'
import type { SystemOptions, WorkloadName } from './options.ts'
import { TODAY } from './release.ts'
import { sealTime } from './sealed-time.ts'
import { World } from './world.ts'
import type { Trace } from '../trace.ts'
import { Databases } from './workloads/databases.ts'
import { Library } from './workloads/library.ts'
import { Lists } from './workloads/lists.ts'
import { Once } from './workloads/once.ts'
import { Registers } from './workloads/registers.ts'
import { Schema } from './workloads/schema.ts'
import { Transfers } from './workloads/transfers.ts'
import type { Workload } from './workloads/workload.ts'

export interface SystemResult {
  readonly seed: number
  readonly options: SystemOptions
  /** Null if all went well. An error that is no Violation is a crash or an assertion of the code under test. */
  readonly failure: Error | null
  readonly trace: Trace
  readonly hash: string
  readonly events: number
  readonly simulatedUs: number
  readonly counts: Readonly<Record<string, { ok: number; refused: number; unknown: number }>>
}

export interface SystemRequest {
  readonly seed: number
  readonly recording: boolean
  /** Changes what was drawn from the seed. */
  readonly adjust?: (options: SystemOptions) => SystemOptions
}

/** Longer than anything takes that nobody waits for, such as the slowest call of an engine. */
const REST_US = 1 * SECOND

/** In memory where the machine has such a file system: SQLite's syncs cost nothing there. */
function temporaryRoot(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
}

/** Runs `seed`. The same request gives the same result, to the last event. Only one run at a time in a process. */
export async function runSystem({
  seed,
  recording,
  adjust = (options) => options,
}: SystemRequest): Promise<SystemResult> {
  // Outside of the run, because it takes real time.
  await loadParser()
  const random = new Random(`system/${seed}`)
  const options = adjust(drawOptions(random.fork('options')))
  const folder = mkdtempSync(`${temporaryRoot()}/harmonydb-sim-`)
  const world = new World(random, recording)
  const unseal = sealTime(world)
  const unhandled = (error: unknown): void => world.fail(error)
  process.on('unhandledRejection', unhandled)
  const run = new SystemRun(world, options, folder)
  let failure: Error | null = null
  try {
    await run.perform()
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
  } finally {
    run.end()
    unseal()
    process.off('unhandledRejection', unhandled)
    rmSync(folder, { recursive: true, force: true })
  }
  const { trace, queue } = world
  const counts = Object.fromEntries(run.workloads.map((one) => [one.name, one.counts]))
  const { hash } = trace
  return { seed, options, failure, trace, hash, events: queue.happened, simulatedUs: queue.nowUs, counts }
}

class SystemRun {
  readonly workloads: readonly Workload[]
  readonly #world: World
  readonly #options: SystemOptions
  readonly #machines: readonly Machine[]
  readonly #network: MemoryNetwork

  constructor(world: World, options: SystemOptions, folder: string) {
    this.#world = world
    this.#options = options
    const networkClock = {
      nowMs: () => world.nowUs / 1000,
      wallTimeMs: () => world.nowUs / 1000,
      after: (delayMs: number, action: () => void) => world.after(null, delayMs * 1000, action),
      soon: (action: () => void) => void world.after(null, 1, action),
    }
    const network = new MemoryNetwork(
      networkClock,
      new SeededRandom(BigInt(world.random.fork('network').uint32())),
    )
    const machines: Machine[] = Array.from(
      { length: options.machines },
      (_, at) =>
        new Machine(world, {
          number: at + 1,
          folder: `${folder}/machine-${at + 1}`,
          options,
          network,
          random: world.random.fork(`machine ${at + 1}`),
          machines: () => machines,
        }),
    )
    this.#machines = machines
    this.#network = network
    this.workloads = options.workloads.map((name) => this.#newWorkload(name))
  }

  async perform(): Promise<void> {
    const world = this.#world
    this.#phase('start')
    for (const machine of this.#machines) machine.start()
    await this.#until('every member starts', () => this.#machines.every((machine) => machine.isUp))
    this.#phase('faults')
    for (const workload of this.workloads) workload.start()
    const faults = new Faults(world, this.#machines, this.#options.faults, world.random.fork('faults'))
    const operators = new Operators(
      world,
      this.#machines,
      this.#options.operators,
      world.random.fork('operators'),
    )
    const storms = new NetworkFaults(world, {
      network: this.#network,
      machines: this.#machines,
      weather: this.#options.weather,
      random: world.random.fork('network faults'),
    })
    await world.runUntil(world.nowUs + this.#options.faultsForUs)
    faults.stop()
    storms.stop()
    operators.stop()
    this.#phase('recovery')
    await this.#carryThrough(operators)
    await this.#serveAgain()
    for (const workload of this.workloads) workload.stop()
    await this.#until('clients get their answers', () => this.workloads.every((one) => one.isDone))
    this.#phase('rest')
    const asleep = new Set(this.#machines)
    for (const machine of this.#machines) wakeDatabases(machine, asleep)
    await this.#rest(asleep)
    await this.#until(
      'files of dropped databases are deleted',
      () => orphanFiles(this.#machines).length === 0,
    )
    await this.#until('members let go of what requests needed', () => this.#leftovers().length === 0)
    await this.#check()
    for (const machine of this.#machines.slice(0, 1)) await this.#downgrade(machine)
  }

  /** Whoever goes back behind what was written is refused, and has changed nothing: the later version starts on it again. */
  async #downgrade(machine: Machine): Promise<void> {
    const { release } = machine
    if (!machine.hasNextFormat) return
    this.#phase('downgrade')
    machine.stop()
    await this.#until('a member stops', () => !machine.isRunning)
    machine.release = TODAY
    machine.start()
    await this.#until('an older version is told that it can not read this', () => !machine.isRunning)
    const { lastProblem } = machine
    if (!(lastProblem instanceof HarmonyError) || lastProblem.code !== 'FORMAT_TOO_NEW')
      throw new Violation('versions', `an older version says: ${lastProblem?.message ?? 'nothing'}`)
    machine.release = release
    machine.start()
    await this.#until('the later version starts again', () => machine.isUp && areAtRest(this.#machines))
    checkReplicas(this.#machines.flatMap((one) => one.replicaFiles()))
  }

  /** A client that waits for no answer may have left a request behind, which is still on its way when everybody else is done. */
  async #rest(asleep: ReadonlySet<Machine>): Promise<void> {
    const isResting = (): boolean => asleep.size === 0 && areAtRest(this.#machines)
    let before: number
    do {
      await this.#until('the system comes to rest', isResting)
      before = lastCommitIndex(this.#machines)
      await this.#world.runUntil(this.#world.nowUs + REST_US)
    } while (!isResting() || lastCommitIndex(this.#machines) !== before)
  }

  /** Nothing of this run is left over. */
  end(): void {
    for (const machine of this.#machines) machine.crash('kill')
  }

  /** Each step has the limit: they come one after another, and a removal, or a stop in good order, may take half of it. */
  async #carryThrough(operators: Operators): Promise<void> {
    while (!operators.isDone) {
      const { stepCount } = operators
      await this.#until('operators carry through what they began', () => {
        this.#restartStopped(operators)
        return operators.isDone || operators.stepCount > stepCount
      })
    }
  }

  /** A new client is served at every machine. */
  async #serveAgain(): Promise<void> {
    const waiting = new Set(this.#machines)
    for (const machine of this.#machines) {
      const client = new Client(this.#clientParts(`probe ${machine.number}`, [machine]), DATABASE)
      const probe = async (): Promise<void> => {
        await client.insist((session) =>
          runStatement(session, `CREATE TABLE IF NOT EXISTS probe_${machine.number} (a)`),
        )
        await client.insist((session) => runStatement(session, `SELECT * FROM probe_${machine.number}`))
        waiting.delete(machine)
      }
      void probe()
    }
    await this.#until('every member serves again', () => {
      this.#restartStopped()
      return waiting.size === 0
    })
  }

  /** What a supervisor does. An operator who replaces a member starts the machine when that is due. */
  #restartStopped(operators: Operators | null = null): void {
    for (const machine of this.#machines)
      if (!machine.isRunning && operators?.holds(machine) !== true) machine.start()
  }

  #leftovers(): string[] {
    return this.#machines.flatMap(({ number, member }) =>
      member === null ? [] : leftoversOf(member).map((one) => `machine ${number}: ${one}`),
    )
  }

  async #until(what: string, isDone: () => boolean): Promise<void> {
    const { recoveryLimitUs } = this.#options
    await this.#world.runUntil(this.#world.nowUs + recoveryLimitUs, isDone)
    if (isDone()) return
    const states = this.#machines.map((machine) => `machine ${machine.number}: ${machine.describe()}`)
    const left = this.#leftovers().join(', ')
    throw new Violation(
      'liveness',
      `not within ${recoveryLimitUs / SECOND} s: ${what}\n${states.join('\n')}\nleft: ${left}`,
    )
  }

  async #check(): Promise<void> {
    this.#checkSoundness()
    const replicas = this.#machines.flatMap((machine) => machine.replicaFiles())
    checkReplicas(replicas)
    const shop = replicas.find(({ database }) => database === DATABASE)
    if (shop === undefined) throw new Violation('databases are there', `there is no database ${DATABASE}`)
    const content = contentOf(shop)
    for (const workload of this.workloads) {
      workload.check(content)
      if (workload instanceof Databases)
        workload.checkNames(new Set(replicas.map(({ database }) => database)))
    }
  }

  /** Healing hides what went wrong from everything else: where no disk did anything, there is nothing to heal. */
  #checkSoundness(): void {
    if (this.#options.faults.loss !== null) return
    for (const { number, damagedCount } of this.#machines) {
      if (damagedCount === 0) continue
      throw new Violation(
        'replicas stay sound',
        `machine ${number} found ${damagedCount} times that a replica differs from the log, and no disk lost anything`,
        { members: [number] },
      )
    }
  }

  #newWorkload(name: WorkloadName): Workload {
    const parts = Array.from({ length: this.#options.clientsPerWorkload }, (_, at) =>
      this.#clientParts(`${name} ${at}`, this.#machines),
    )
    const kinds = {
      registers: Registers,
      transfers: Transfers,
      lists: Lists,
      once: Once,
      library: Library,
      schema: Schema,
      databases: Databases,
    }
    return new kinds[name](parts)
  }

  #clientParts(label: string, machines: readonly Machine[]) {
    const { answerTimeoutUs, thinkUs, postgresShare } = this.#options
    const random = this.#world.random.fork(label)
    const speaksPostgres = random.fork('protocol').chance(postgresShare)
    return { world: this.#world, machines, random, answerTimeoutUs, thinkUs, speaksPostgres }
  }

  #phase(name: string): void {
    this.#world.note('phase', 0, 0, 0, () => name)
  }
}
