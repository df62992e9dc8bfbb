/**
 * A whole connection of the peer transport: its handshake, and after an honest one all that a proven member may send. The first byte of an input
 * tells which end lies and when it begins to: 0 whoever dials, from its first byte; 1 whoever dials, once it is proven; 2 whoever is dialed,
 * once it is proven; 3 whoever is dialed, from its first byte.
 */

import { MemoryNetwork } from '../../../src/host/network-memory.ts'
import type { Connection } from '../../../src/host/network.ts'
import { SeededRandom } from '../../../src/host/random.ts'
import { ByteWriter, DecodeError } from '../../../src/base/bytes.ts'
import type { Frame } from '../../../src/cluster/transport/frame.ts'
import { FrameReader, encodeFrame } from '../../../src/cluster/transport/frame.ts'
import { AcceptorHandshake, DialerHandshake, NONCE_BYTES } from '../../../src/cluster/transport/handshake.ts'
import { MessagesEncoder } from '../../../src/cluster/transport/message-codec.ts'
import type { TestMember } from '../../../src/cluster/transport/testing/test-members.ts'
import { SECRET, memberIn } from '../../../src/cluster/transport/testing/test-members.ts'
import { goldenMessages } from '../../../src/cluster/transport/testing/random-messages.ts'
import { SimulatedClock } from '../../../src/cluster/transport/testing/simulated-clock.ts'
import type { FuzzTarget, Outcome } from '../target.ts'
import { sealFrames } from './peer-messages.ts'

const OWN = { cluster: 'c1', member: 2, incarnation: 1 }
const NOBODY = new AbortController().signal
/** The member under test, the liar, and one that does nothing wrong. */
const VICTIM = 1
const LIAR = 2
const HONEST = 3
const ROUNDS_MAX = 40

export const peerConnection: FuzzTarget = {
  name: 'peer-connection',
  what: 'connections between members, from whoever reaches the peer port or answers at it',
  testInputs: 300,
  open: () => PeerFuzz.open(),
}

function frames(...parts: readonly Uint8Array[][]): Buffer {
  return Buffer.concat(parts.flat())
}

function varints(...numbers: readonly number[]): Uint8Array {
  const writer = new ByteWriter()
  for (const number of numbers) writer.varint(number)
  return writer.toBytes()
}

/** What a dialer says: calls, messages, streams. */
function requests(): Uint8Array[] {
  const encoder = new MessagesEncoder({ from: 2, to: 1 })
  for (const message of goldenMessages()) encoder.add(message)
  return [
    frames(encodeFrame('ping'), encodeFrame('messages', 0, encoder.finish())),
    frames(encodeFrame('request', 1, [varints(5_000), Uint8Array.of(7, 1, 2, 3)]), encodeFrame('cancel', 1)),
    frames(
      encodeFrame('open', 1, [varints(8), Uint8Array.of(9)]),
      encodeFrame('chunk', 1, [varints(0), new Uint8Array(4)]),
      encodeFrame('chunk', 1, [varints(4), new Uint8Array(4)]),
      encodeFrame('abort', 1),
    ),
  ]
}

/** What who was dialed answers. */
function answers(): Uint8Array[] {
  const refused = new ByteWriter().string('OVERLOADED').string('later').toBytes()
  return [
    frames(encodeFrame('pong'), encodeFrame('answer', 1, [Uint8Array.of(1, 2)])),
    frames(encodeFrame('failure', 1, [refused]), encodeFrame('refuse-stream', 1, [refused])),
    frames(
      encodeFrame('accept', 1, [varints(0, 64)]),
      encodeFrame('credit', 1, [varints(8)]),
      encodeFrame('done', 1),
    ),
  ]
}

class PeerFuzz implements AsyncDisposable {
  readonly clock = new SimulatedClock()
  readonly network = new MemoryNetwork(this.clock, new SeededRandom(1n))
  readonly random = new SeededRandom(5n)
  readonly allocationBytesMax: number = 16 * 1024 * 1024
  readonly corpus: readonly Uint8Array[]
  victim!: TestMember
  honest!: TestMember
  /** Peers refuse an older one than they have seen. */
  #incarnation = 1_000_000
  /** What the liar does with a connection that the victim has dialed. */
  #accept: (connection: Connection) => void = () => {}

  static async open(): Promise<PeerFuzz> {
    const fuzz = new PeerFuzz()
    const world = { clock: fuzz.clock, network: fuzz.network }
    fuzz.victim = await memberIn(world, VICTIM, {
      limits: { reconnectMinMs: 1, reconnectMaxMs: 1 },
      stream: async () => ({
        offset: 0,
        write: async () => {},
        finish: async () => {},
        interrupted: () => {},
      }),
    })
    fuzz.honest = await memberIn(world, HONEST)
    fuzz.honest.transport.setPeer(VICTIM, fuzz.victim.address)
    await fuzz.network
      .of(`m${LIAR}`)
      .listen({ host: `m${LIAR}`, port: 7 }, (connection) => fuzz.#accept(connection))
    return fuzz
  }

  private constructor() {
    const hello = new DialerHandshake(OWN, 1, SECRET, new Uint8Array(NONCE_BYTES)).begin()
    const greeting = frames(hello, encodeFrame('proof', 0, [new Uint8Array(32)]))
    const refusal = frames(
      encodeFrame('refusal', 0, [new ByteWriter().string('wrong-secret').string('no').toBytes()]),
    )
    this.corpus = [
      Uint8Array.of(0, ...greeting),
      ...requests().map((bytes) => Uint8Array.of(1, ...bytes)),
      ...answers().map((bytes) => Uint8Array.of(2, ...bytes)),
      Uint8Array.of(3, ...refusal),
      Uint8Array.of(3, ...greeting),
    ]
  }

  readonly repair = (input: Uint8Array, chance: { oneIn(count: number): boolean }): Uint8Array =>
    chance.oneIn(4) ? input : Uint8Array.of(input[0] ?? 0, ...sealFrames(input.subarray(1)))

  readonly feed = async (input: Uint8Array): Promise<Outcome> => {
    const [kind, bytes] = [(input[0] ?? 0) % 4, input.subarray(1)]
    const outcome = kind < 2 ? await this.#dial(bytes, kind === 1) : await this.#answer(bytes, kind === 2)
    this.victim.received.length = 0
    this.victim.deliveries.length = 0
    this.victim.logs.length = 0
    this.victim.connected.length = 0
    this.victim.unreachable.length = 0
    return outcome
  }

  async #dial(bytes: Uint8Array, isProven: boolean): Promise<Outcome> {
    const dialing = this.network.of(`m${LIAR}`).connect(this.victim.address, NOBODY)
    const connection = await this.clock.wait(dialing)
    const incarnation = ++this.#incarnation
    const handshake = new DialerHandshake({ ...OWN, incarnation }, 1, SECRET, this.random.bytes(NONCE_BYTES))
    return this.#converse(connection, bytes, isProven ? handshake : null, isProven ? handshake.begin() : [])
  }

  async #answer(bytes: Uint8Array, isProven: boolean): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Connection>()
    this.#accept = resolve
    this.victim.transport.setPeer(LIAR, { host: `m${LIAR}`, port: 7 })
    const connection = await this.clock.wait(promise)
    // A call and a stream are waiting for what it says.
    const deadlineMs = this.clock.nowMs() + 1_000
    void this.victim.transport.call(LIAR, { kind: 7, payload: Uint8Array.of(1), deadlineMs })
    void this.victim.transport.sendStream(LIAR, {
      description: Uint8Array.of(1),
      sizeBytes: 100,
      read: async (_, sizeBytes) => new Uint8Array(sizeBytes),
    })
    const incarnation = ++this.#incarnation
    const handshake = new AcceptorHandshake({ ...OWN, incarnation }, SECRET, this.random.bytes(NONCE_BYTES))
    const outcome = await this.#converse(connection, bytes, isProven ? handshake : null, [])
    this.victim.transport.removePeer(LIAR)
    return outcome
  }

  /** 'taken' if the connection is still there when the victim has read everything. */
  async #converse(
    connection: Connection,
    bytes: Uint8Array,
    handshake: DialerHandshake | AcceptorHandshake | null,
    first: readonly Uint8Array[],
  ): Promise<Outcome> {
    let isClosed = false
    let isSent = false
    const say = (): void => {
      isSent = true
      const cut = bytes.length >> 1
      connection.write([bytes.subarray(0, cut), bytes.subarray(cut)])
    }
    const reader = new FrameReader(128 * 1024)
    const take = (frame: Frame): void => {
      if (handshake === null || isSent) return
      const { send, peer } = handshake.take(frame)
      connection.write(send)
      if (peer !== null) say()
    }
    connection.start({
      data: (piece) => this.#read(reader, piece, take),
      drained: () => {},
      closed: () => void (isClosed = true),
    })
    connection.write(first)
    if (handshake === null) say()
    for (let round = 0; round < ROUNDS_MAX && !isClosed; round++) await this.clock.run(0)
    const outcome = isClosed ? 'refused' : 'taken'
    connection.destroy()
    await this.clock.run(0)
    return outcome
  }

  /** What the victim says is of no interest once the lies have begun. */
  #read(reader: FrameReader, piece: Uint8Array, take: (frame: Frame) => void): void {
    try {
      reader.push(piece, take)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }

  async check(): Promise<void> {
    const call = { kind: 7, payload: Uint8Array.of(4, 2), deadlineMs: this.clock.nowMs() + 5_000 }
    const answer = await this.clock.wait(this.honest.transport.call(VICTIM, call))
    if (answer.kind !== 'answered') throw new Error(`an honest member is told: ${JSON.stringify(answer)}`)
    await this.clock.run(100)
    const { inbound } = this.victim.transport.statistics()
    if (inbound.length > 1 || this.network.openCount > 4)
      throw new Error(`${inbound.length} connections are left over, ${this.network.openCount} open`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.victim.transport.close()
    await this.honest.transport.close()
  }
}
