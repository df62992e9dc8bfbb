/** Faults of machines: each kind comes by a clock of its own, strikes a machine of its choice, and ends by itself. */

import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { CrashKind, Machine } from './machine.ts'
import { SOUND_DISK } from './machine-disk.ts'
import type { FaultRates } from './options.ts'
import type { World } from './world.ts'

type Strike = (machine: Machine, random: Random) => void

export class Faults {
  readonly #world: World
  readonly #machines: readonly Machine[]
  #isStopped = false
  /** Of processes of engines that stood still. */
  readonly #resumes = new Set<() => void>()

  constructor(world: World, machines: readonly Machine[], rates: FaultRates, random: Random) {
    this.#world = world
    this.#machines = machines
    const kinds: readonly [string, TimeUs, Strike][] = [
      ['kill', rates.killEveryUs, (machine, draw) => this.#kill(machine, draw)],
      ['power cut', rates.powerCutEveryUs, (machine, draw) => this.#crash(machine, 'power-cut', draw)],
      ['stop', rates.stopEveryUs, (machine, draw) => this.#stop(machine, draw)],
      ['pause', rates.pauseEveryUs, (machine, draw) => this.#pause(machine, draw)],
      ['slow disk', rates.slowDiskEveryUs, (machine, draw) => this.#slowDisk(machine, draw)],
      ['stalled disk', rates.stalledDiskEveryUs, (machine, draw) => this.#stallDisk(machine, draw)],
      ['full disk', rates.fullDiskEveryUs, (machine, draw) => this.#fillDisk(machine, draw)],
      ['death of engines', rates.engineDeathEveryUs, (machine, draw) => machine.killEngines(draw)],
      ['pause of engines', rates.engineStallEveryUs, (machine, draw) => this.#pauseEngines(machine, draw)],
      ['clock jump', rates.clockJumpEveryUs, (machine, draw) => machine.jumpClock(draw.between(-1e7, 1e7))],
    ]
    if (rates.loss !== null) this.#loseOnce(rates.loss, random.fork('loss'))
    for (const [name, everyUs, strike] of kinds) {
      if (everyUs > 0) void this.#repeat(name, everyUs, random.fork(name), strike)
    }
  }

  /** No new ones come, and what lasts is over. Machines that are down are started. */
  stop(): void {
    this.#isStopped = true
    for (const resume of this.#resumes) resume()
    for (const machine of this.#machines) {
      this.#heal(machine)
      machine.start()
    }
  }

  async #repeat(name: string, everyUs: TimeUs, random: Random, strike: Strike): Promise<void> {
    for (;;) {
      await this.#world.sleep(random.exponential(everyUs))
      if (this.#isStopped) return
      const machine = random.pick(this.#machines)
      this.#world.note('fault', machine.number, 0, 0, () => name)
      strike(machine, random)
    }
  }

  #kill(machine: Machine, random: Random): void {
    this.#crash(machine, random.chance(0.5) ? 'kill' : 'kill-member', random)
  }

  #crash(machine: Machine, kind: CrashKind, random: Random): void {
    machine.crash(kind)
    this.#later(random.between(1, 2_000) * MILLISECOND, () => machine.start())
  }

  /** Once in a run: what is promised is promised while a majority's disks survive. */
  #loseOnce({ kind, atUs }: NonNullable<FaultRates['loss']>, random: Random): void {
    const machine = random.pick(this.#machines)
    this.#later(atUs, () => {
      machine.lose(kind)
      this.#later(random.between(1, 2_000) * MILLISECOND, () => machine.start())
    })
  }

  /** A supervisor waits only so long for a member to stop. */
  #stop(machine: Machine, random: Random): void {
    machine.stop()
    this.#later(15 * SECOND, () => machine.isStopping && machine.crash('kill'))
    this.#later(random.between(1, 20) * SECOND, () => machine.start())
  }

  #pause(machine: Machine, random: Random): void {
    machine.pause()
    this.#later(random.between(1, 3_000) * MILLISECOND, () => machine.resume())
  }

  #pauseEngines(machine: Machine, random: Random): void {
    const resume = machine.pauseEngines(random)
    this.#resumes.add(resume)
    this.#later(random.between(1, 3_000) * MILLISECOND, resume)
  }

  #slowDisk(machine: Machine, random: Random): void {
    machine.trouble.slowness = random.between(2, 100)
    this.#later(random.between(0.1, 3) * SECOND, () => (machine.trouble.slowness = 1))
  }

  #stallDisk(machine: Machine, random: Random): void {
    machine.trouble.isStalled = true
    this.#later(random.between(0.1, 5) * SECOND, () => (machine.trouble.isStalled = false))
  }

  #fillDisk(machine: Machine, random: Random): void {
    machine.trouble.isFull = true
    this.#later(random.between(0.1, 3) * SECOND, () => (machine.trouble.isFull = false))
  }

  #heal(machine: Machine): void {
    machine.resume()
    Object.assign(machine.trouble, SOUND_DISK)
  }

  /** Nothing happens after `stop()`: what lasts must be taken back by `#heal` as well. */
  #later(delayUs: TimeUs, action: () => void): void {
    this.#world.after(null, delayUs, () => {
      if (!this.#isStopped) action()
    })
  }
}
