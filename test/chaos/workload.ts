/** What the clients do: transactions on lists, and operations on registers, until they are stopped. Every list and register lives for a while only. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../sim/random.ts'
import type { ListClient, ListStep, RegisterClient } from './clients.ts'
import { EmbeddedClient, HranaClient, JsonClient, PostgresClient } from './clients.ts'
import type { EmbeddedCall } from './embedded-member.ts'
import type { Place } from './members.ts'
import type { Recorder } from './recorder.ts'

const LISTS = 6
const REGISTERS = 5
/** Longer lists cost more to read, and say no more. */
const LIFE_MS = 8_000
/** Clients that think before COMMIT: what happens to an open transaction of which its client hears nothing. It has the writer meanwhile. */
const THINKING_SHARE = 1 / 100
const THINKING_MS_MAX = 1_500
/** A member that does not answer is not asked as fast as one that does. */
const PAUSE_WHEN_DOWN_MS = 400

export interface Histories {
  readonly lists: Recorder
  readonly registers: Recorder
}

export class Workload {
  readonly #histories: Histories
  readonly #random: Random
  readonly #startMs = performance.now()
  readonly #work: Promise<void>[] = []
  /** Of each register, what was seen last: whoever compares and sets next expects it. */
  readonly #last = new Map<string, number>()
  readonly #rate: number
  /** The mean of what a client waits between two operations. */
  #pauseMs = 0
  #isOver = false
  #element = 0

  /** All clients together ask for about `rate` operations a second, where they are answered at once. */
  constructor(histories: Histories, seed: number, rate: number) {
    this.#histories = histories
    this.#rate = rate
    this.#random = new Random(seed)
  }

  start(places: readonly Place[], embedded: (call: EmbeddedCall) => Promise<unknown>): void {
    const lists = places.flatMap((place): ListClient[] => [
      new PostgresClient(place),
      new HranaClient(place, 'ws'),
      new HranaClient(place, 'http'),
    ])
    const registers = places.flatMap((place): RegisterClient[] => [
      new PostgresClient(place),
      new JsonClient(place),
      new JsonClient(place),
    ])
    lists.push(new EmbeddedClient(embedded), new EmbeddedClient(embedded))
    registers.push(new EmbeddedClient(embedded))
    this.#pauseMs = ((lists.length + registers.length) / this.#rate) * 1000
    for (const client of lists) this.#repeat(client, (process) => this.#transact(client, process))
    for (const client of registers) this.#repeat(client, (process) => this.#touch(client, process))
  }

  /** Resolves when every request has ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#work)
  }

  /** Reads everything once more, at each member: what was acknowledged must be there, wherever one looks. */
  async readAll(places: readonly Place[]): Promise<void> {
    const epochs = Math.floor(this.#elapsedMs / LIFE_MS) + 1
    for (const [at, place] of places.entries()) {
      const [lists, registers] = [new PostgresClient(place), new JsonClient(place)]
      for (let epoch = 0; epoch < epochs; epoch++) {
        const steps = Array.from({ length: LISTS }, (_, list): ListStep => ['r', `${epoch}-${list}`, null])
        await this.#histories.lists.record(call(`final-${at}`, 'txn', steps), lists.protocol, () =>
          lists.run(steps, 0),
        )
        for (let one = 0; one < REGISTERS; one++)
          await this.#read(registers, `final-${at}`, `${epoch}-${one}`)
      }
      await lists.close()
    }
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  #repeat(client: { close(): Promise<void> }, once: (process: number) => Promise<boolean>): void {
    const process = this.#work.length
    this.#work.push(this.#untilOver(client, () => once(process)))
  }

  async #untilOver(client: { close(): Promise<void> }, once: () => Promise<boolean>): Promise<void> {
    while (!this.#isOver) {
      const isDone = await once()
      const pauseMs = isDone ? this.#pauseMs : Math.max(this.#pauseMs, PAUSE_WHEN_DOWN_MS)
      await sleep(this.#random.integer(1, 2 * Math.ceil(pauseMs)))
    }
    await client.close()
  }

  async #transact(client: ListClient, process: number): Promise<boolean> {
    const steps = Array.from({ length: this.#random.integer(1, 4) }, (): ListStep => {
      const list = this.#name(LISTS)
      return this.#random.integer(0, 1) === 0 ? ['r', list, null] : ['append', list, ++this.#element]
    })
    const transaction = call(process, 'txn', steps)
    const thinkMs = this.#random.chance(THINKING_SHARE) ? this.#random.integer(1, THINKING_MS_MAX) : 0
    return this.#histories.lists.record(transaction, client.protocol, () => client.run(steps, thinkMs))
  }

  async #touch(client: RegisterClient, process: number): Promise<boolean> {
    const key = this.#name(REGISTERS)
    const { registers } = this.#histories
    const value = ++this.#element
    const kind = this.#random.pick(['read', 'read', 'write', 'cas'])
    if (kind === 'write') {
      const write = call(process, 'write', value, key)
      return registers.record(write, client.protocol, () => client.write(key, value))
    }
    const expected = this.#last.get(key)
    if (kind === 'read' || expected === undefined) return this.#read(client, process, key)
    const swap = call(process, 'cas', [expected, value], key)
    return registers.record(swap, client.protocol, () => client.compareAndSet(key, expected, value))
  }

  async #read(client: RegisterClient, process: number | string, key: string): Promise<boolean> {
    return this.#histories.registers.record(call(process, 'read', null, key), client.protocol, async () => {
      const value = await client.read(key)
      if (value !== null) this.#last.set(key, value)
      return value
    })
  }

  #name(count: number): string {
    return `${Math.floor(this.#elapsedMs / LIFE_MS)}-${this.#random.integer(0, count - 1)}`
  }
}

function call(process: number | string, f: string, value: unknown, key?: string) {
  return { process, f, value, ...(key !== undefined && { key }) }
}
