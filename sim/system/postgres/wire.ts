/**
 * The client's end of a PostgreSQL connection: bytes that are on their way for a while, sometimes in pieces, and the server's messages. What ends
 * the connection, whoever's doing, rejects whoever waits.
 */

import type { BackendMessage } from '../../../test/postgres/raw-client.ts'
import type { Random } from '../../random.ts'
import type { Machine } from '../machine.ts'
import type { World } from '../world.ts'

/** The connection has ended without a word about what was asked. */
export class ConnectionLost extends Error {}

export interface ServerEnd {
  arrive(bytes: Buffer): void
  hangUp(): void
}

const WAY_US_MAX = 500
/** The end of what was written comes later than its beginning. */
const CUT_CHANCE = 0.1
const CUT_US_MAX = 5_000
const HEAD_BYTES = 5

export class Wire {
  readonly #world: World
  readonly #random: Random
  readonly #server: ServerEnd
  readonly #forget: () => void
  #isEnded = false
  /** When the last bytes of each direction arrive: none overtake others. */
  #arrivalUs = 0
  #answerUs = 0
  #rest: Buffer = Buffer.alloc(0)
  #messages: BackendMessage[] = []
  #wake: (() => void) | null = null

  /** Must be called as the machine's process. */
  constructor(world: World, random: Random, machine: Machine) {
    this.#world = world
    this.#random = random
    this.#forget = machine.onEnd(() => this.#end())
    this.#server = machine.connectPostgres({
      bytes: (chunk) => this.#onItsWayBack(() => this.#take(chunk)),
      ended: () => this.#onItsWayBack(() => this.#end()),
    })
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  send(bytes: Buffer): void {
    const at = this.#random.chance(CUT_CHANCE) ? this.#random.integer(1, bytes.length) : bytes.length
    this.#deliver(bytes.subarray(0, at), WAY_US_MAX)
    if (at < bytes.length) this.#deliver(bytes.subarray(at), CUT_US_MAX)
  }

  /** The next message. Rejects with ConnectionLost. */
  async next(): Promise<BackendMessage> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      if (this.#isEnded) throw new ConnectionLost('the connection has ended')
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Ends the connection without a word. What was sent before may still arrive. */
  hangUp(): void {
    this.#arrivalUs = Math.max(this.#arrivalUs, this.#world.nowUs + this.#random.between(1, WAY_US_MAX))
    this.#world.after(null, this.#arrivalUs - this.#world.nowUs, () => this.#server.hangUp())
    this.#end()
  }

  #deliver(bytes: Buffer, wayUsMax: number): void {
    this.#arrivalUs = Math.max(this.#arrivalUs, this.#world.nowUs + this.#random.between(1, wayUsMax))
    this.#world.after(null, this.#arrivalUs - this.#world.nowUs, () => this.#server.arrive(bytes))
  }

  #onItsWayBack(arrive: () => void): void {
    this.#answerUs = Math.max(this.#answerUs, this.#world.nowUs + this.#random.between(1, WAY_US_MAX))
    this.#world.after(null, this.#answerUs - this.#world.nowUs, arrive)
  }

  #take(chunk: Buffer): void {
    if (this.#isEnded) return
    let bytes = Buffer.concat([this.#rest, chunk])
    while (bytes.length >= HEAD_BYTES) {
      const end = 1 + bytes.readInt32BE(1)
      if (bytes.length < end) break
      const type = String.fromCharCode(bytes[0] ?? 0)
      this.#messages.push({ type, body: bytes.subarray(HEAD_BYTES, end) })
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    this.#wakeUp()
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#forget()
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = null
  }
}
