/**
 * A member without a catalog: one database, with a replica on every machine from the beginning. It puts the real groups, transport and
 * routing together and nothing else, so that what fails here is theirs.
 */

import { HarmonyError } from '../../src/base/errors.ts'
import type { DatabaseInfo } from '../../src/gateway/core.ts'
import type { DatabaseGroup } from '../../src/group/database-group.ts'
import { GroupHost } from '../../src/group/group-host.ts'
import { GROUP_KIND_FIRST } from '../../src/cluster/call-kinds.ts'
import { Routing } from '../../src/cluster/routing/routing.ts'
import type { RoutedDatabase } from '../../src/cluster/routing/routed-database.ts'
import type { IncomingCall } from '../../src/cluster/transport/call-server.ts'
import type { TransportHandlers } from '../../src/cluster/transport/context.ts'
import { TRANSPORT_DEFAULTS } from '../../src/cluster/transport/limits.ts'
import { PeerTransport } from '../../src/cluster/transport/peer-transport.ts'
import type { MemberHere } from './member-here.ts'
import { DATABASE, PEER_PORT, SECRET } from './open-member.ts'
import type { MemberParts } from './open-member.ts'

const GROUP = 1
/** Like a real cluster of four: three voters and a learner. */
const VOTERS_MAX = 3
const STATIC_CLUSTER = '0123456789abcdef'

export class StaticMember implements MemberHere {
  readonly number: number
  readonly #transport: PeerTransport
  readonly host: GroupHost
  readonly #group: DatabaseGroup
  readonly routing: Routing
  readonly #database: RoutedDatabase

  static async open(parts: MemberParts): Promise<StaticMember> {
    const { disk, clock, random, network, machine, machines, options, folder, openEngine } = parts
    await disk.createFolder(`${folder}/databases`)
    let member: StaticMember | null = null
    const handlers: TransportHandlers = {
      messages: (from, messages) => member?.host.receive(from, messages),
      call: (call) => member?.answer(call) ?? Promise.reject(starting()),
      visit: () => Promise.reject(starting()),
      stream: (stream) => member?.host.receiveStream(stream) ?? Promise.reject(starting()),
      connected: (number) => member?.host.peerConnected(number),
      unreachable: (number) => {
        member?.host.peerUnreachable(number)
        member?.routing.memberLost(number)
      },
      departed: (number) => member?.routing.memberLost(number),
    }
    const transport = new PeerTransport({
      own: { cluster: STATIC_CLUSTER, member: machine.number, incarnation: machine.lives },
      secret: SECRET,
      network,
      clock,
      random,
      limits: TRANSPORT_DEFAULTS,
      handlers,
      log: (_, event) => parts.log(event),
    })
    const host = await GroupHost.open({
      disk,
      clock,
      random,
      openEngine,
      journalFolder: `${folder}/journal`,
      databasesFolder: `${folder}/databases`,
      member: machine.number,
      peers: transport,
      log: (_, event) => parts.log(event),
      limits: options.limits,
      journal: options.journal,
      statementTimeoutMs: options.statementTimeoutMs,
    })
    member = new StaticMember(parts, transport, host)
    await transport.listen({ host: machine.host, port: PEER_PORT })
    for (const { number, host: name } of machines) transport.setPeer(number, { host: name, port: PEER_PORT })
    return member
  }

  private constructor(parts: MemberParts, transport: PeerTransport, host: GroupHost) {
    const { clock, random, machine, machines, folder } = parts
    this.number = machine.number
    this.#transport = transport
    this.host = host
    const numbers = machines.map(({ number }) => number)
    this.#group = host.openGroup(GROUP, DATABASE, `${folder}/databases/${DATABASE}.${GROUP}.sqlite`, {
      voters: numbers.slice(0, VOTERS_MAX),
      learners: numbers.slice(VOTERS_MAX),
    })
    this.routing = new Routing({
      member: machine.number,
      clock,
      random,
      calls: transport,
      peers: () => numbers.filter((number) => number !== machine.number),
      replica: (group) => (group === GROUP ? this.#group : null),
    })
    this.#database = this.routing.database(this.#group)
  }

  answer(call: IncomingCall): Promise<Uint8Array> {
    return call.kind < GROUP_KIND_FIRST ? this.routing.handle(call) : this.host.receiveCall(call)
  }

  get failed(): Promise<HarmonyError> {
    return this.host.failed
  }

  async list(): Promise<readonly DatabaseInfo[]> {
    return [{ name: DATABASE, appliedIndex: this.#group.appliedIndex, sizeBytes: 0 }]
  }

  async get(name: string): Promise<RoutedDatabase> {
    if (name !== DATABASE) throw new HarmonyError('DATABASE_NOT_FOUND', `There is no database ${name}.`)
    await this.#group.wake()
    return this.#database
  }

  replica(name: string): DatabaseGroup | null {
    return name === DATABASE ? this.#group : null
  }

  create(): Promise<void> {
    return Promise.reject(new HarmonyError('STATEMENT_REFUSED', 'There is one database here.'))
  }

  drop(): Promise<void> {
    return Promise.reject(new HarmonyError('STATEMENT_REFUSED', 'There is one database here.'))
  }

  stats(): ReturnType<MemberHere['stats']> {
    return {
      databases: [this.#group.stats()],
      journal: this.host.journalStats(),
      transport: this.#transport.statistics(),
      routing: this.routing.statistics(),
    }
  }

  clusterState(): unknown {
    return this.#group.status()
  }

  async close(): Promise<void> {
    await this.#group.close()
    this.routing.close()
    await this.host.close()
    await this.#transport.close()
  }
}

function starting(): HarmonyError {
  return new HarmonyError('SHUTTING_DOWN', 'The member is not ready.')
}
