/** A gateway process: serves clients on a member that is the process at the other end of the channel. */

import { createPublicKey } from 'node:crypto'
import { must } from '../../base/assert.ts'
import type { DatabaseDirectory } from '../../gateway/core.ts'
import { LocalGateway } from '../../gateway/local-gateway.ts'
import type { ReaderFactory } from '../../gateway/reader.ts'
import type { Fellows } from '../../protocols/postgres/fellows.ts'
import type { PostgresServerOptions } from '../../protocols/postgres/server.ts'
import { openHttpListener, type HttpListener } from '../http-listener.ts'
import { connectionSlots } from '../open-files.ts'
import { openPostgresListener, type PostgresListener } from '../postgres-listener.ts'
import type { ProtocolOptions, ServeLog } from '../serve.ts'
import { Forwarder } from './forward.ts'
import { Link } from './link.ts'
import { LinkedDirectory, type MemberLink } from './linked-directory.ts'
import { BOARD_DESCRIPTOR, PositionBoardReader } from './position-board.ts'
import type {
  GatewayCalls,
  GatewayNotice,
  GatewayProcessStatistics,
  GatewayStart,
  MemberCalls,
  MemberNotice,
} from './protocol.ts'

type Answer<K extends keyof GatewayCalls> = Promise<GatewayCalls[K][1]>

/** Runs until the member says otherwise, or is gone. `newReaders` makes readers of the options that the member was given for it. */
export function runGateway(newReaders: (options: object) => ReaderFactory): void {
  const gateway = new GatewayProcessHere(newReaders)
  process.on('message', (message) => gateway.link.take(message))
  // The member is gone, or is done with this process.
  process.on('disconnect', () => process.exit(0))
  // They go to all processes of the terminal or the service; the member says what is to be done about them.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}

class GatewayProcessHere {
  readonly link: MemberLink
  readonly #connections = connectionSlots()
  readonly #newReaders: (options: object) => ReaderFactory
  #gateway: LocalGateway | null = null
  #directory: LinkedDirectory | null = null
  #forwarder: Forwarder | null = null
  #http: HttpListener | null = null
  #postgres: PostgresListener | null = null

  constructor(newReaders: (options: object) => ReaderFactory) {
    this.#newReaders = newReaders
    this.link = new Link<MemberCalls, GatewayCalls, GatewayNotice, MemberNotice>({
      send: (message) => void process.send?.(message),
      answerers: {
        start: (start) => this.#start(start),
        statistics: async () => this.#statistics(),
        stopBackend: async (stop) => this.#postgres?.server.stopBackend(stop) ?? false,
        connections: async () => this.#postgres?.server.activity() ?? [],
        drain: () => this.#drain(),
      },
      onNotice: (notice) => this.#directory?.note(notice),
    })
  }

  async #start(start: GatewayStart): Answer<'start'> {
    const { http, postgres, limits, configuration, readers, forwardPaths, slot } = start
    const board = new PositionBoardReader(BOARD_DESCRIPTOR, start.memberProcessId)
    this.#directory = new LinkedDirectory(this.link, start.member, start.members, board)
    this.#gateway = new LocalGateway({
      directory: this.#directory,
      readers: this.#newReaders(readers),
      configuration,
    })
    this.#forwarder = new Forwarder(forwardPaths)
    const { authToken, allowedOrigins, postgresCertificate } = start
    const jwtKeys = start.jwtKeys.map((pem) => createPublicKey(pem))
    const access = { authToken, jwtKeys }
    const options: ProtocolOptions = { limits, allowedOrigins, postgresCertificate, access }
    if (http !== null) {
      this.#http = await openHttpListener(http, this.#httpParts(start), options)
      await this.#forwarder.listen(slot, this.#http.server)
    }
    if (postgres !== null)
      this.#postgres = await openPostgresListener(postgres, this.#postgresParts(start), options)
    return null
  }

  #httpParts({ slot, count }: GatewayStart): Parameters<typeof openHttpListener>[1] {
    const directory = must(this.#directory)
    const forwarder = must(this.#forwarder)
    return {
      gateway: must(this.#gateway),
      directory,
      administration: directory,
      health: () => this.link.ask('health', null),
      metrics: () => this.link.ask('metrics', null),
      place: {
        slot,
        count,
        forward: (exchange, other, body) => forwarder.forward(exchange, other, body),
      },
      log: this.#log,
      connections: this.#connections,
    }
  }

  #postgresParts({ slot, count }: GatewayStart): Parameters<typeof openPostgresListener>[1] {
    const fellows: Fellows = {
      slot,
      count,
      stopBackend: (other, stop) => this.link.ask('stopBackend', { slot: other, stop }),
      connections: () => this.link.ask('connections', null),
    }
    return {
      gateway: must(this.#gateway),
      directory: postgresDirectory(must(this.#directory)),
      fellows,
      connections: this.#connections,
    }
  }

  readonly #log: ServeLog = (level, event, fields) => this.link.tell({ kind: 'log', level, event, fields })

  #statistics(): GatewayProcessStatistics {
    const { user, system } = process.cpuUsage()
    return {
      gateway: must(this.#gateway).statistics(),
      http: this.#http?.server.stats() ?? null,
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    }
  }

  async #drain(): Answer<'drain'> {
    await Promise.all([this.#postgres?.drain(), this.#http?.server.drain()])
    this.#forwarder?.close()
    await this.#gateway?.close()
    return null
  }
}

function postgresDirectory(directory: LinkedDirectory): PostgresServerOptions['directory'] {
  const databases: DatabaseDirectory = {
    list: () => directory.list(),
    get: (name) => directory.get(name),
    create: (name) => directory.create(name),
    drop: (name) => directory.drop(name),
  }
  return {
    ...databases,
    number: directory.number,
    clusterState: () => ({ members: directory.memberStatuses() }),
  }
}
