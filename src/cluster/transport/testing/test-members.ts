/** Members with a transport each, on a network and a clock in memory, and with what happened to them. */

import type { Clock } from '../../../host/clock.ts'
import { MemoryNetwork } from '../../../host/network-memory.ts'
import type { Network, NetworkAddress } from '../../../host/network.ts'
import { SeededRandom } from '../../../host/random.ts'
import type { Message } from '../../../raft/message.ts'
import type { CallHandler } from '../call-server.ts'
import type { TransportContext } from '../context.ts'
import { TRANSPORT_DEFAULTS } from '../limits.ts'
import type { TransportLimits } from '../limits.ts'
import { PeerTransport } from '../peer-transport.ts'
import type { StreamHandler } from '../stream-receiver.ts'
import { SimulatedClock } from './simulated-clock.ts'

export const SECRET: Uint8Array = new SeededRandom(99n).bytes(32)

export interface MemberOptions {
  readonly limits?: Partial<TransportLimits>
  readonly incarnation?: number
  readonly cluster?: string
  readonly secret?: Uint8Array
  readonly call?: CallHandler
  readonly visit?: CallHandler
  readonly stream?: StreamHandler
  readonly seed?: bigint
}

export class TestMember {
  readonly id: number
  readonly transport: PeerTransport
  readonly received: Message[] = []
  /** How many messages came together. */
  readonly deliveries: number[] = []
  readonly connected: string[] = []
  readonly unreachable: number[] = []
  readonly departed: number[] = []
  readonly logs: string[] = []
  address: NetworkAddress = { host: '', port: 0 }

  constructor(id: number, network: Network, clock: Clock, options: MemberOptions = {}) {
    this.id = id
    this.transport = new PeerTransport({
      own: { cluster: options.cluster ?? 'c1', member: id, incarnation: options.incarnation ?? 1 },
      secret: options.secret ?? SECRET,
      network,
      clock,
      random: new SeededRandom(options.seed ?? BigInt(id * 1_000 + (options.incarnation ?? 1))),
      limits: { ...TRANSPORT_DEFAULTS, ...options.limits },
      handlers: this.#handlers(options),
      log: (level, event, fields) => this.logs.push(`${level} ${event} ${JSON.stringify(fields)}`),
    })
  }

  #handlers({ call, stream, visit }: MemberOptions): TransportContext['handlers'] {
    return {
      messages: (_from, messages) => {
        this.received.push(...messages)
        this.deliveries.push(messages.length)
      },
      call: call ?? (async ({ payload }) => payload),
      ...(visit !== undefined && { visit }),
      stream: stream ?? (() => Promise.reject(new Error('no streams here'))),
      connected: (member, incarnation) => this.connected.push(`${member}.${incarnation}`),
      unreachable: (member) => this.unreachable.push(member),
      departed: (member) => this.departed.push(member),
    }
  }

  async listen(address: NetworkAddress): Promise<void> {
    this.address = await this.transport.listen(address)
  }

  link(): ReturnType<PeerTransport['statistics']>['links'][number] {
    const link = this.transport.statistics().links[0]
    if (link === undefined) throw new Error('no link')
    return link
  }

  isConnected(): boolean {
    return this.link().state === 'connected'
  }
}

export interface World {
  readonly clock: SimulatedClock
  readonly network: MemoryNetwork
}

export function newWorld(seed = 1n): World {
  const clock = new SimulatedClock()
  return { clock, network: new MemoryNetwork(clock, new SeededRandom(seed)) }
}

export async function memberIn(world: World, id: number, options: MemberOptions = {}): Promise<TestMember> {
  const host = `m${id}`
  const member = new TestMember(id, world.network.of(host), world.clock, options)
  await member.listen({ host, port: 7 })
  return member
}

/** Member 2 is dialed by member 1. */
export async function twoMembers(
  world: World,
  options: { readonly dialer?: MemberOptions; readonly acceptor?: MemberOptions } = {},
): Promise<{ dialer: TestMember; acceptor: TestMember }> {
  const dialer = await memberIn(world, 1, options.dialer)
  const acceptor = await memberIn(world, 2, options.acceptor)
  dialer.transport.setPeer(2, acceptor.address)
  return { dialer, acceptor }
}
