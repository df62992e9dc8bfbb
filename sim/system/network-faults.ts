/** Faults between machines: connections that break, parts of the cluster that can't hear each other, in one direction too. */

import type { MemoryNetwork } from '../../src/host/network-memory.ts'
import { MILLISECOND, SECOND } from '../event-queue.ts'
import type { TimeUs } from '../event-queue.ts'
import type { Random } from '../random.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** What the network is like all the time. */
export interface NetworkWeather {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  readonly fragmentBytesMax: number
  /** That a connection breaks before a piece is delivered. */
  readonly breakChance: number
  /** Mean time between two partitions; 0 for never. */
  readonly partitionEveryUs: TimeUs
  readonly partitionMaxMs: number
  readonly breakEveryUs: TimeUs
}

export const CALM: NetworkWeather = {
  delayMinMs: 0.1,
  delayMaxMs: 1,
  fragmentBytesMax: Number.MAX_SAFE_INTEGER,
  breakChance: 0,
  partitionEveryUs: 0,
  partitionMaxMs: 8_000,
  breakEveryUs: 0,
}

/** Who leads alone, cut off, is where most can go wrong. */
const LEADER_ALONE_CHANCE = 0.3

type Pair = readonly [from: string, to: string]

export class NetworkFaults {
  readonly #world: World
  readonly #network: MemoryNetwork
  readonly #machines: readonly Machine[]
  readonly #random: Random
  readonly #partitionMaxMs: number
  #isStopped = false

  constructor(
    world: World,
    parts: {
      network: MemoryNetwork
      machines: readonly Machine[]
      weather: NetworkWeather
      random: Random
    },
  ) {
    this.#world = world
    this.#network = parts.network
    this.#machines = parts.machines
    this.#random = parts.random
    const { partitionEveryUs, partitionMaxMs, breakEveryUs } = parts.weather
    const { delayMinMs, delayMaxMs, fragmentBytesMax, breakChance } = parts.weather
    this.#partitionMaxMs = partitionMaxMs
    Object.assign(this.#network.faults, { delayMinMs, delayMaxMs, fragmentBytesMax, breakChance })
    if (parts.machines.length < 2) return
    if (partitionEveryUs > 0) void this.#repeat(partitionEveryUs, () => this.#partition())
    if (breakEveryUs > 0) void this.#repeat(breakEveryUs, () => this.#break())
  }

  stop(): void {
    this.#isStopped = true
    const { delayMinMs, delayMaxMs, fragmentBytesMax, breakChance } = CALM
    Object.assign(this.#network.faults, { delayMinMs, delayMaxMs, fragmentBytesMax, breakChance })
    for (const left of this.#machines) for (const right of this.#machines) this.#heal([left.host, right.host])
  }

  async #repeat(everyUs: TimeUs, strike: () => void): Promise<void> {
    for (;;) {
      await this.#world.sleep(this.#random.exponential(everyUs))
      if (this.#isStopped) return
      strike()
    }
  }

  #break(): void {
    const { host, number } = this.#random.pick(this.#machines)
    this.#world.note('drop', number, 0, 0, () => 'its connections break')
    this.#network.breakAll(({ local, peerHost }) => local === host || peerHost === host)
  }

  /** Two parts that do not hear each other, or one that is not heard by the other. Connections break, or go silent. */
  #partition(): void {
    const random = this.#random
    const leader = random.chance(LEADER_ALONE_CHANCE) ? this.#machines.find(({ leads }) => leads) : undefined
    const rest = random.shuffled(this.#machines).filter((machine) => machine !== leader)
    const shuffled = leader === undefined ? rest : [leader, ...rest]
    const size = leader === undefined ? random.integer(1, this.#machines.length - 1) : 1
    const [some, others] = [shuffled.slice(0, size), shuffled.slice(size)]
    const isOneWay = random.chance(0.3)
    const isSilent = isOneWay || random.chance(0.5)
    const pairs: Pair[] = some.flatMap(({ host }) => others.map((other) => [host, other.host] as const))
    this.#world.note('partition', some[0]?.number ?? 0, others[0]?.number ?? 0, 0, () => {
      const names = (machines: readonly Machine[]): string => machines.map(({ number }) => number).join(' ')
      return `${names(some)} | ${names(others)}${isOneWay ? ', one way' : ''}${isSilent ? ', silent' : ''}`
    })
    for (const [from, to] of pairs) {
      if (isSilent) this.#network.hold(from, to)
      if (isSilent && !isOneWay) this.#network.hold(to, from)
      if (!isSilent) this.#network.separate(from, to)
    }
    this.#world.after(null, random.between(50, this.#partitionMaxMs) * MILLISECOND, () => {
      if (this.#isStopped) return
      for (const pair of pairs) this.#heal(pair)
      this.#world.note('heal', some[0]?.number ?? 0, 0, 0, () => 'partition')
    })
  }

  #heal([from, to]: Pair): void {
    this.#network.join(from, to)
    this.#network.release(from, to)
    this.#network.release(to, from)
  }
}

export function drawWeather(random: Random): NetworkWeather {
  const delayMinMs = random.between(0.05, 1)
  return {
    delayMinMs,
    delayMaxMs: delayMinMs + random.pick([0.1, 1, 5]),
    fragmentBytesMax: random.pick([4_000, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]),
    breakChance: random.pick([0, 0, 0.0005]),
    partitionEveryUs: random.chance(0.6) ? random.between(3, 10) * SECOND : 0,
    partitionMaxMs: random.pick([2_000, 8_000]),
    breakEveryUs: random.chance(0.5) ? random.between(1, 10) * SECOND : 0,
  }
}
