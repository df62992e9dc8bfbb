/** What the clients do: transactions on lists, and operations on registers, until they are stopped. Every list and register lives for a while only. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../sim/random.ts'
import type { ListClient, ListStep, RegisterClient } from './clients.ts'
import { HranaClient, JsonClient, PostgresClient } from './clients.ts'
import type { Place } from './members.ts'
import type { Recorder } from './recorder.ts'

const LISTS = 4
const REGISTERS = 5
/** Longer lists cost more to read, and say no more. */
const LIFE_MS = 10_000
const PAUSE_MS = 60
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
  #isOver = false
  #element = 0

  constructor(histories: Histories, seed: number) {
    this.#histories = histories
    this.#random = new Random(seed)
  }

  start(places: readonly Place[]): void {
    let process = 0
    for (const place of places) {
      const lists = [new PostgresClient(place), new HranaClient(place, 'ws'), new HranaClient(place, 'http')]
      for (const client of lists)
        this.#work.push(this.#repeat(client, process++, (at) => this.#transact(client, at)))
      const registers = [new PostgresClient(place), new JsonClient(place), new JsonClient(place)]
      for (const client of registers)
        this.#work.push(this.#repeat(client, process++, (at) => this.#touch(client, at)))
    }
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
          lists.run(steps),
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

  async #repeat(
    client: { close(): Promise<void> },
    process: number,
    once: (process: number) => Promise<boolean>,
  ): Promise<void> {
    while (!this.#isOver) {
      const isDone = await once(process)
      await sleep(this.#random.integer(1, 2 * (isDone ? PAUSE_MS : PAUSE_WHEN_DOWN_MS)))
    }
    await client.close()
  }

  async #transact(client: ListClient, process: number): Promise<boolean> {
    const steps = Array.from({ length: this.#random.integer(1, 4) }, (): ListStep => {
      const list = this.#name(LISTS)
      return this.#random.integer(0, 1) === 0 ? ['r', list, null] : ['append', list, ++this.#element]
    })
    const transaction = call(process, 'txn', steps)
    return this.#histories.lists.record(transaction, client.protocol, () => client.run(steps))
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
